//! Real packages behind the walls and without: the same modules, byte for byte.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use modsmith_facts::kernel::content_digest;
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::world::Invocation;
use modsmith_tests::{World, debian, paths, tool};

/// A user without privileges, who is in no file of the system.
const USER: u32 = 54321;

/// Packages whose modules depend on the directory that they are built in. The configure script of this one
/// writes errors of the compiler into its source, which name the directory; `srcversion` is a digest of that.
const NAMES_ITS_DIRECTORY: [&str; 1] = ["iptables-netflow-dkms"];

/// Modules by name: their digests without signatures.
type Modules = BTreeMap<OsString, String>;

/// A machine with a package's source, which root has below `/usr/src` and a user at home.
struct Machine {
    world: World,
    id: String,
    kernel: String,
}

impl Machine {
    fn new(package: &str) -> Machine {
        let source = debian::source(package);
        let kernel = kernel::newest(Flavour::Generic);
        let world = World::new(std::slice::from_ref(&kernel));
        world.copy_source(&source);
        let home = world.path("usr/src/home");
        fs::create_dir(&home).expect("scratch directory is writable");
        tool::run(Command::new("cp").arg("-a").arg(&source).arg(home.join("source")));
        tool::run(Command::new("chown").args(["-R", &format!("{USER}:{USER}")]).arg(&home));
        fs::set_permissions(&home, PermissionsExt::from_mode(0o700)).expect("ours");
        // Where the user can reach them.
        fs::create_dir(world.path("usr/src/bin")).expect("scratch directory is writable");
        for program in ["modsmith", "modsmith-shim"] {
            let there = world.path("usr/src/bin").join(program);
            fs::copy(paths::programs().join(program), there).expect("scratch directory is writable");
        }
        Machine { world, id: debian::id(&source), kernel }
    }

    /// A build by root, to be run in some surroundings.
    fn by_root(&self) -> Invocation<'_> {
        let line = format!("build {} -k {} --force", self.id, self.kernel);
        self.world.program("/usr/src/bin/modsmith").words(&line)
    }

    /// A build by the user, in a tree of their own.
    fn by_user(&self) -> Invocation<'_> {
        let line = format!(
            "--reuid={USER} --regid={USER} --clear-groups /usr/src/bin/modsmith build /usr/src/home/source -k {} \
             --force --dkmstree /usr/src/home/tree --sourcetree /usr/src/home",
            self.kernel
        );
        let tree = self.world.path("usr/src/home/tree");
        let _ = fs::remove_dir_all(&tree);
        fs::create_dir(&tree).expect("scratch directory is writable");
        std::os::unix::fs::chown(&tree, Some(USER), Some(USER)).expect("ours");
        let _ = fs::remove_dir_all(self.world.path("usr/src/home").join(self.id.replace('/', "-")));
        self.world.program("setpriv").words(&line).env("HOME", "/usr/src/home")
    }

    /// The modules of a build, which was made at this level.
    #[track_caller]
    fn modules(&self, build: Invocation<'_>, tree: &Path, level: &str) -> Modules {
        build.run().expect(0);
        let built = tree.join(&self.id).join(&self.kernel).join(kernel::arch());
        let log = fs::read_to_string(built.join("log/make.log")).expect("a log");
        let told = log.lines().find_map(|line| line.strip_prefix("# confinement: "));
        assert_eq!(told.map(|line| line.split(';').next().unwrap_or(line)), Some(level), "{log}");
        let files = fs::read_dir(built.join("module")).expect("it is built").map(|entry| entry.expect("readable"));
        files.map(|file| (file.file_name(), content_digest(&file.path()).expect("a module"))).collect()
    }
}

/// Builds a package in each surroundings, behind the walls that stand there, and without
/// walls at the same place.
#[track_caller]
fn is_the_same_behind_walls(package: &str) {
    let machine = Machine::new(package);
    let (tree, own_tree) = (machine.world.tree(), machine.world.path("usr/src/home/tree"));
    let namespaces = &[libc::SYS_unshare];
    let at_usual_place = [
        ("as root", machine.by_root(), "full"),
        ("in a chroot", machine.by_root().in_chroot(true), "full"),
        ("without namespaces", machine.by_root().refusing_inside(namespaces), "confined"),
    ]
    .map(|(how, build, level)| (how, machine.modules(build, &tree, level)));
    let at_home = machine.modules(machine.by_user(), &own_tree, "full");

    machine.world.has_no_walls();
    let free = machine.modules(machine.by_root(), &tree, "off");
    assert!(!free.is_empty());
    for (how, modules) in at_usual_place {
        assert_eq!(modules, free, "{package}, {how}");
    }
    assert_eq!(at_home, machine.modules(machine.by_user(), &own_tree, "off"), "{package}, by a user");
    // Another user, in another directory, at another time. The list of exported symbols names the directory.
    let files =
        |modules: Modules| modules.into_iter().filter(|(name, _)| *name != "Module.symvers").collect::<Modules>();
    let (at_home, free) = (files(at_home), files(free));
    if NAMES_ITS_DIRECTORY.contains(&package) {
        assert_ne!(at_home, free, "{package} is no exception any more");
    } else {
        assert_eq!(at_home, free, "{package}, built twice");
    }
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
    v4l2loopback_sources_the_kernel_configuration: "v4l2loopback-dkms";
}

// The rest of Debian 12's packages: `make test-all`.
packages! {
    #[ignore = "slow"] acpi_call: "acpi-call-dkms";
    #[ignore = "slow"] bbswitch: "bbswitch-dkms";
    #[ignore = "slow"] openafs_configures_for_minutes: "openafs-modules-dkms";
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
