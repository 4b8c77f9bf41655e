//! Real packages behind the walls and without: the same modules, byte for byte.

use std::collections::BTreeMap;

use modsmith_facts::kernel::content_digest;
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::{World, debian};

/// Builds a package at the level `full` and without walls. Returns the modules' digests,
/// without signatures.
#[track_caller]
fn is_the_same_behind_walls(package: &str) {
    let source = debian::source(package);
    let (id, kernel) = (debian::id(&source), kernel::newest(Flavour::Generic));
    let world = World::new(std::slice::from_ref(&kernel));
    world.copy_source(&source);
    let build = || {
        world.dkms(&format!("build {id} -k {kernel} --force")).expect(0);
        let products = world.tree().join(&id).join(&kernel).join(kernel::arch()).join("module");
        let files = std::fs::read_dir(products).expect("it is built").map(|entry| entry.expect("readable").path());
        let modules = files.filter(|file| file.extension().is_some_and(|suffix| suffix == "ko"));
        modules.map(|file| (file.clone(), content_digest(&file).expect("a module"))).collect::<BTreeMap<_, _>>()
    };
    let confined = build();
    let log = world.modsmith(&format!("log {id} -k {kernel}")).expect(0).stdout;
    assert!(log.contains("\n# confinement: full\n"), "{log}");
    world.has_no_walls();
    let free = build();
    let log = world.modsmith(&format!("log {id} -k {kernel}")).expect(0).stdout;
    assert!(log.contains("\n# confinement: off\n"), "{log}");
    assert!(!confined.is_empty());
    assert_eq!(confined, free, "{package}");
}

macro_rules! packages {
    ($($(#[$attribute:meta])* $test:ident: $package:literal;)*) => {
        $(#[test]
        $(#[$attribute])*
        fn $test() {
            is_the_same_behind_walls($package);
        })*
    };
}

packages! {
    bbswitch: "bbswitch-dkms";
    v4l2loopback_sources_the_kernel_configuration: "v4l2loopback-dkms";
}

// The rest of Debian 12's packages: `make test-all`.
packages! {
    #[ignore = "slow"] acpi_call: "acpi-call-dkms";
    #[ignore = "slow"] adv_17v35x: "adv-17v35x-dkms";
    #[ignore = "slow"] apfs: "apfs-dkms";
    #[ignore = "slow"] dahdi: "dahdi-dkms";
    #[ignore = "slow"] ddcci: "ddcci-dkms";
    #[ignore = "slow"] digimend: "digimend-dkms";
    #[ignore = "slow"] dm_writeboost: "dm-writeboost-dkms";
    #[ignore = "slow"] dpdk_kmods: "dpdk-kmods-dkms";
    #[ignore = "slow"] evdi: "evdi-dkms";
    #[ignore = "slow"] falcosecurity_scap: "falcosecurity-scap-dkms";
    #[ignore = "slow"] gost_crypto: "gost-crypto-dkms";
    #[ignore = "slow"] iptables_netflow_configures: "iptables-netflow-dkms";
    #[ignore = "slow"] jool: "jool-dkms";
    #[ignore = "slow"] langford: "langford-dkms";
    #[ignore = "slow"] lime_forensics: "lime-forensics-dkms";
    #[ignore = "slow"] nat_rtsp: "nat-rtsp-dkms";
    #[ignore = "slow"] openvpn_dco: "openvpn-dco-dkms";
    #[ignore = "slow"] rapiddisk: "rapiddisk-dkms";
    #[ignore = "slow"] rtpengine_kernel: "rtpengine-kernel-dkms";
    #[ignore = "slow"] tp_smapi: "tp-smapi-dkms";
    #[ignore = "slow"] vpoll: "vpoll-dkms";
    #[ignore = "slow"] xtables_addons: "xtables-addons-dkms";
    #[ignore = "slow"] xtrx: "xtrx-dkms";
}
