//! Real packages, side by side with Debian's dkms: exit codes, status lines,
//! files in the tree and in the kernel's directory, what `modinfo` says, after
//! every step of a package's life.

use std::fs;
use std::path::Path;

use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::peer::{self, Program, Step};
use modsmith_tests::{World, debian};

const CONFIG: &str = "The kernel's configuration is not copied beside the log";
const SYMVERS: &str = "Module.symvers is kept";

/// Of a failed build.
const RECORDS: &str = "modsmith's own records";

const KEY: &str = "The signing key is made for a kernel that is built for";

/// `name/version` of an unpacked source: the directory is `name-version`, and
/// only the name tells where to split it.
fn id(source: &Path) -> String {
    let conf = fs::read_to_string(source.join("dkms.conf")).expect("sources have a dkms.conf");
    let directory = source.file_name().and_then(|n| n.to_str()).expect("a plain name");
    let name = conf
        .lines()
        .find_map(|line| line.trim().strip_prefix("PACKAGE_NAME="))
        .expect("PACKAGE_NAME is a literal in these packages")
        .trim_matches('"');
    let version = directory.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
    format!("{name}/{}", version.unwrap_or_else(|| panic!("{directory} does not begin with {name}-")))
}

/// A package's life from `add` to `remove`, by both programs.
fn live(package: &str, flavour: Flavour) -> (Vec<Step>, Vec<Step>) {
    let source = debian::source(package);
    let (id, kernel) = (id(&source), kernel::newest(flavour));
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
        let world = World::new(std::slice::from_ref(&kernel));
        world.copy_source(&source);
        let before = world.sources();
        let steps = peer::observe(program, &world, &commands);
        before.assert_same(&world.sources(), "the registered sources");
        steps
    };
    (run(Program::Peer), run(Program::Ours))
}

/// The exit code of the n-th step, by both.
fn code(steps: &(Vec<Step>, Vec<Step>), n: usize) -> (i32, i32) {
    (steps.0[n].output.code, steps.1[n].output.code)
}

#[track_caller]
fn builds_as_the_peer_does(package: &str, modules: usize) {
    let steps = live(package, Flavour::Generic);
    // A package that is built in subdirectories only has no Module.symvers at the top.
    let symvers = steps.1[4].facts.keys().any(|subject| subject.ends_with("/module/Module.symvers"));
    let expected: &[&str] = if symvers { &[CONFIG, SYMVERS] } else { &[CONFIG] };
    peer::assert_differs_only_in(&steps.0, &steps.1, expected);
    // Both could have done the same nothing.
    assert_eq!(code(&steps, 6), (0, 0), "install");
    let is_installed = |subject: &&String| subject.starts_with("name of lib/modules/") && subject.contains("/updates/");
    let installed = steps.1[6].facts.keys().filter(is_installed).count();
    assert_eq!(installed, modules, "installed modules of {package}");
}

macro_rules! packages {
    ($($test:ident: $package:literal builds $modules:literal;)*) => {
        $(#[test]
        fn $test() {
            builds_as_the_peer_does($package, $modules);
        })*
    };
}

packages! {
    acpi_call: "acpi-call-dkms" builds 1;
    bbswitch: "bbswitch-dkms" builds 1;
    ddcci_has_two_modules: "ddcci-dkms" builds 2;
    digimend_has_four_modules: "digimend-dkms" builds 4;
    dpdk_kmods_has_a_tilde_in_its_version: "dpdk-kmods-dkms" builds 1;
    evdi: "evdi-dkms" builds 1;
    gost_crypto_has_six_modules: "gost-crypto-dkms" builds 6;
    nat_rtsp_has_a_plus_in_its_version: "nat-rtsp-dkms" builds 2;
    rapiddisk: "rapiddisk-dkms" builds 2;
    tp_smapi_has_three_modules: "tp-smapi-dkms" builds 3;
    v4l2loopback_sources_the_kernel_configuration: "v4l2loopback-dkms" builds 1;
    vpoll: "vpoll-dkms" builds 1;
    xtrx: "xtrx-dkms" builds 1;
}

#[test]
fn v4l2loopback_excludes_itself_from_the_cloud_kernel() {
    let steps = live("v4l2loopback-dkms", Flavour::Cloud);
    peer::assert_differs_only_in(&steps.0, &steps.1, &[KEY]);
    assert_eq!(code(&steps, 6), (77, 77), "install");
}

#[test]
fn openrazer_does_not_compile_for_this_kernel() {
    let steps = live("openrazer-driver-dkms", Flavour::Generic);
    peer::assert_differs_only_in(&steps.0, &steps.1, &[RECORDS]);
    assert_eq!(code(&steps, 6), (10, 10), "install");
}
