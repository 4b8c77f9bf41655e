//! Real packages, side by side with Debian's dkms: exit codes, status lines,
//! files in the tree and in the kernel's directory, what `modinfo` says, after
//! every step of a package's life.

use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::peer::{self, Program, Step};
use modsmith_tests::{World, debian};

const CONFIG: &str = "The kernel's configuration is not copied beside the log";
const SYMVERS: &str = "Module.symvers is kept";
const RECORDS: &str = "modsmith's own records";

const KEY: &str = "The signing key is made for a kernel that is built for";

/// A package's life from `add` to `remove`, by both programs.
fn live(package: &str, flavour: Flavour) -> (Vec<Step>, Vec<Step>) {
    let source = debian::source(package);
    let (id, kernel) = (debian::id(&source), kernel::newest(flavour));
    let commands: Vec<String> = [
        "status",
        "build ID -k KERNEL",
        "add ID",
        "uninstall ID -k KERNEL",
        "build ID -k KERNEL",
        "status ID -k KERNEL",
        "install ID -k KERNEL",
        "install ID -k KERNEL",
        "status -m ID",
        "uninstall ID -k KERNEL",
        "install ID -k KERNEL",
        "remove ID --all",
        "remove ID --all",
    ]
    .iter()
    .map(|line| line.replace("ID", &id).replace("KERNEL", &kernel))
    .collect();
    let run = |program| {
        let world = World::new(std::slice::from_ref(&kernel)).without_key();
        world.copy_source(&source);
        let before = world.sources();
        let steps = peer::observe(program, &world, &commands);
        (steps, before.changes(&world.sources()))
    };
    let ((peer, by_peer), (ours, by_ours)) = (run(Program::Peer), run(Program::Ours));
    assert!(by_ours.is_empty(), "the registered sources changed: {by_ours:#?}");
    assert_eq!(by_peer.is_empty(), package != BUILDS_IN_ITS_SOURCE, "with dkms: {by_peer:#?}");
    (peer, ours)
}

/// The Makefile of this package writes into `/usr/src`. With modsmith the confinement of builds prevents that.
const BUILDS_IN_ITS_SOURCE: &str = "west-chamber-dkms";

/// The exit code of the n-th step, by both.
fn code(steps: &(Vec<Step>, Vec<Step>), n: usize) -> (i32, i32) {
    (steps.0[n].output.code, steps.1[n].output.code)
}

#[track_caller]
fn builds_as_the_peer_does(package: &str, modules: usize) {
    let steps = live(package, Flavour::Generic);
    // A package that is built in subdirectories only has no Module.symvers at the top.
    let symvers = steps.1[4].facts.keys().any(|subject| subject.ends_with("/module/Module.symvers"));
    let expected: &[&str] = if symvers { &[CONFIG, SYMVERS, RECORDS] } else { &[CONFIG, RECORDS] };
    peer::assert_differs_only_in(&steps.0, &steps.1, expected);
    // Both could have done the same nothing.
    assert_eq!(code(&steps, 6), (0, 0), "install");
    let is_installed = |subject: &&String| subject.starts_with("name of lib/modules/") && subject.contains("/updates/");
    let installed = steps.1[6].facts.keys().filter(is_installed).count();
    assert_eq!(installed, modules, "installed modules of {package}");
}

/// A package that neither program can build: the same exit code, and a message
/// that leads to the compiler's.
#[track_caller]
fn fails_as_the_peer_does(package: &str, code: i32) {
    let steps = live(package, Flavour::Generic);
    peer::assert_differs_only_in(&steps.0, &steps.1, &[RECORDS]);
    assert_eq!(self::code(&steps, 6), (code, code), "install");
    let said = &steps.1[6].output.stderr;
    assert!(
        said.contains("First error (make.log") && said.contains("The log is "),
        "the first error and the log are not named: {}",
        steps.1[6].output
    );
}

macro_rules! packages {
    ($($(#[$attribute:meta])* $test:ident: $package:literal builds $modules:literal;)*) => {
        $(#[test]
        $(#[$attribute])*
        fn $test() {
            builds_as_the_peer_does($package, $modules);
        })*
    };
}

packages! {
    bbswitch: "bbswitch-dkms" builds 1;
    dpdk_kmods_has_a_tilde_in_its_version: "dpdk-kmods-dkms" builds 1;
    nat_rtsp_has_a_plus_in_its_version: "nat-rtsp-dkms" builds 2;
    tp_smapi_has_three_modules: "tp-smapi-dkms" builds 3;
    v4l2loopback_sources_the_kernel_configuration: "v4l2loopback-dkms" builds 1;
}

#[test]
fn v4l2loopback_excludes_itself_from_the_cloud_kernel() {
    let steps = live("v4l2loopback-dkms", Flavour::Cloud);
    peer::assert_differs_only_in(&steps.0, &steps.1, &[KEY]);
    assert_eq!(code(&steps, 6), (77, 77), "install");
}

// The rest of Debian 12's packages: `make test-all`.
packages! {
    #[ignore = "slow"] acpi_call: "acpi-call-dkms" builds 1;
    #[ignore = "slow"] ddcci_has_two_modules: "ddcci-dkms" builds 2;
    #[ignore = "slow"] digimend_has_four_modules: "digimend-dkms" builds 4;
    #[ignore = "slow"] rapiddisk: "rapiddisk-dkms" builds 2;
    #[ignore = "slow"] vpoll: "vpoll-dkms" builds 1;
    #[ignore = "slow"] xtrx: "xtrx-dkms" builds 1;
    #[ignore = "slow"] adv_17v35x: "adv-17v35x-dkms" builds 1;
    #[ignore = "slow"] apfs_is_called_otherwise: "apfs-dkms" builds 1;
    #[ignore = "slow"] dahdi_has_32_modules: "dahdi-dkms" builds 32;
    #[ignore = "slow"] dm_writeboost: "dm-writeboost-dkms" builds 1;
    #[ignore = "slow"] evdi: "evdi-dkms" builds 1;
    #[ignore = "slow"] gost_crypto_has_six_modules: "gost-crypto-dkms" builds 6;
    #[ignore = "slow"] falcosecurity_scap: "falcosecurity-scap-dkms" builds 1;
    #[ignore = "slow"] iptables_netflow_has_a_configure_script: "iptables-netflow-dkms" builds 1;
    #[ignore = "slow"] jool_is_made_in_three_directories: "jool-dkms" builds 3;
    #[ignore = "slow"] langford: "langford-dkms" builds 1;
    #[ignore = "slow"] lime_forensics: "lime-forensics-dkms" builds 1;
    #[ignore = "slow"] openafs_configures_for_minutes: "openafs-modules-dkms" builds 1;
    #[ignore = "slow"] openvpn_dco: "openvpn-dco-dkms" builds 1;
    #[ignore = "slow"] rtpengine_kernel: "rtpengine-kernel-dkms" builds 1;
    #[ignore = "slow"] xtables_addons_has_23_modules: "xtables-addons-dkms" builds 23;
}

#[test]
#[ignore = "slow"]
fn openrazer_does_not_compile_for_this_kernel() {
    fails_as_the_peer_does("openrazer-driver-dkms", 10);
}

#[test]
#[ignore = "slow"]
fn lttng_does_not_compile_for_this_kernel() {
    fails_as_the_peer_does("lttng-modules-dkms", 10);
}

#[test]
#[ignore = "slow"]
fn librem_ec_acpi_does_not_compile_for_this_kernel() {
    fails_as_the_peer_does("librem-ec-acpi-dkms", 10);
}

#[test]
#[ignore = "slow"]
fn west_chamber_lacks_the_sources_of_another_package() {
    fails_as_the_peer_does("west-chamber-dkms", 7);
}
