//! The worlds that things are measured in.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use modsmith_core::tree::{BuildRecord, ConfFile, PackageId, RecordedModule, Target};
use modsmith_facts::{Location, Root, Stamp};
use modsmith_tests::fixture::Package;
pub use modsmith_tests::prelude::kernel;
use modsmith_tests::{World, debian, paths, tool};

/// Debian's packages that build for its generic kernel, in Debian 12.
pub const REAL: [&str; 26] = [
    "acpi-call-dkms",
    "adv-17v35x-dkms",
    "apfs-dkms",
    "bbswitch-dkms",
    "dahdi-dkms",
    "ddcci-dkms",
    "digimend-dkms",
    "dm-writeboost-dkms",
    "dpdk-kmods-dkms",
    "evdi-dkms",
    "falcosecurity-scap-dkms",
    "gost-crypto-dkms",
    "iptables-netflow-dkms",
    "jool-dkms",
    "langford-dkms",
    "lime-forensics-dkms",
    "nat-rtsp-dkms",
    "openafs-modules-dkms",
    "openvpn-dco-dkms",
    "rapiddisk-dkms",
    "rtpengine-kernel-dkms",
    "tp-smapi-dkms",
    "v4l2loopback-dkms",
    "vpoll-dkms",
    "xtables-addons-dkms",
    "xtrx-dkms",
];

/// Those that are built in the row of ten: large and small ones.
pub const TEN: [&str; 10] = [
    "acpi-call-dkms",
    "bbswitch-dkms",
    "ddcci-dkms",
    "digimend-dkms",
    "evdi-dkms",
    "gost-crypto-dkms",
    "jool-dkms",
    "nat-rtsp-dkms",
    "tp-smapi-dkms",
    "v4l2loopback-dkms",
];

/// A machine with the newest generic kernel and framework.conf as Debian's dkms
/// comes with it: both programs read it each time.
pub fn machine() -> World {
    const CONF: &str = "/etc/dkms/framework.conf";
    let world = World::generic();
    fs::copy(CONF, world.path(CONF)).unwrap_or_else(|e| panic!("{CONF}: {e}; apt-get install --reinstall dkms"));
    world
}

/// A world with the sources of packages, each registered: `module/version` of
/// each.
pub fn added(packages: &[&str]) -> (World, Vec<String>) {
    let world = machine();
    let mut ids = Vec::new();
    for package in packages {
        let source = debian::source(package);
        world.copy_source(&source);
        let name = source.file_name().and_then(|name| name.to_str()).expect("a package's source has a name");
        ids.push(register(&world, name));
    }
    (world, ids)
}

/// Registers `/usr/src/NAME`; its dkms.conf knows where the name ends.
fn register(world: &World, name: &str) -> String {
    let before = registered(world);
    world.dkms(&format!("add /usr/src/{name}")).expect(0);
    let mut new = registered(world);
    new.retain(|id| !before.contains(id));
    new.pop().expect("one package more is registered")
}

/// `module/version` of all packages.
fn registered(world: &World) -> Vec<String> {
    let status = world.dkms("status --json").expect(0).json();
    let packages = status["packages"].as_array().expect("a list of packages");
    let text = |value: &serde_json::Value| value.as_str().expect("a name").to_owned();
    packages.iter().map(|p| format!("{}/{}", text(&p["module"]), text(&p["version"]))).collect()
}

/// All real packages installed. They are built once per checkout, copied into
/// the world as they were built, and installed there.
pub fn real_installed() -> World {
    let label = format!("built-{}", kernel());
    let built = paths::cached("bench", &label, |into| {
        let (world, ids) = added(&REAL);
        for id in &ids {
            eprintln!("building {id} (this is done once)");
            let out = world.dkms(&format!("build {id} -k {}", kernel()));
            assert_eq!(out.code, 0, "{out}");
        }
        for part in ["var/lib/dkms", "usr/src"] {
            fs::create_dir_all(into.join(part)).expect("the cache is writable");
            let from = world.path(part).join(".");
            tool::run(Command::new("cp").arg("-a").arg(from).arg(into.join(part)));
        }
    });
    let world = machine();
    tool::run(Command::new("cp").arg("-a").arg(built.join(".")).arg(world.dir()));
    for id in registered(&world) {
        world.dkms(&format!("install {id} -k {}", kernel())).expect(0);
    }
    world
}

/// Small packages that are only registered.
pub fn synthetic_added(count: usize) -> World {
    let world = machine();
    for number in 0..count {
        let package = Package::new(&format!("synthetic{number:04}"), "1.0").compiled();
        let source = world.add_package(&package);
        let version = world.tree().join(package.id());
        fs::create_dir_all(version.join("build")).expect("writable");
        symlink(Path::new("/usr/src").join(source.file_name().expect("a name")), version.join("source"))
            .expect("writable");
    }
    world
}

/// Packages that are built, or built and installed, for kernels that do not
/// exist, as modsmith leaves them; the modules hold no code.
pub fn synthetic_built(packages: usize, kernels: usize, installed: bool) -> World {
    let world = synthetic_added(packages);
    for package in 0..packages {
        let name = format!("synthetic{package:04}");
        let conf = Path::new("usr/src").join(format!("{name}-1.0/dkms.conf"));
        let stamp = Stamp::of(&world.path(&conf)).ok();
        let conf = ConfFile { path: Path::new("/").join(conf), stamp };
        for kernel in 0..kernels {
            let target = Target { kernel: format!("6.0.{kernel}-bench"), arch: kernel::arch().to_owned() };
            build(&world, &PackageId::new(&name, "1.0").expect("a good name"), &target, &conf, installed);
        }
    }
    world
}

/// One package for one kernel.
fn build(world: &World, id: &PackageId, target: &Target, conf: &ConfFile, installed: bool) {
    let in_tree = |at: &Location| world.tree().join(at.relative());
    let target_dir = id.target_dir(target);
    let file = format!("{}.ko", id.module);
    let product = id.products_dir(target).join(&file).expect("a file name");
    let mut files = vec![(product.clone(), in_tree(&product))];
    fs::create_dir_all(in_tree(&target_dir).join("log")).expect("writable");
    fs::write(in_tree(&target_dir).join("log/make.log"), "made for a measurement\n").expect("writable");
    fs::create_dir_all(in_tree(&id.products_dir(target))).expect("writable");
    fs::write(in_tree(&product), id.to_string()).expect("writable");

    let relative = Path::new("updates/dkms").join(&file);
    if installed {
        let directory = world.modules(&target.kernel).join("updates/dkms");
        fs::create_dir_all(&directory).expect("writable");
        fs::write(directory.join(&file), id.to_string()).expect("writable");
        let link = in_tree(&id.active_link(target));
        symlink(format!("{}/{}/{}", id.version, target.kernel, target.arch), link).expect("writable");
        files.push((Location::new(Root::Modules, &relative).expect("below it"), directory.join(&file)));
    }
    let module = RecordedModule {
        name: id.module.clone(),
        product: file,
        installed: installed.then_some(relative),
        digest: None,
        overruled: Vec::new(),
    };
    let mut record = BuildRecord::new(vec![conf.clone()], vec![module]).facts().expect("its paths are text");
    let stamp = |file: &Path| serde_json::to_value(Stamp::of(file).expect("just written")).expect("numbers");
    let stamps = files.into_iter().map(|(at, file)| (at.to_string(), stamp(&file)));
    record.insert("files".into(), serde_json::Value::Object(stamps.collect()));
    let text = serde_json::to_vec(&record).expect("plain data");
    fs::write(in_tree(&BuildRecord::location(&target_dir)), text).expect("writable");
}

/// The number of module files that are installed.
pub fn module_count(world: &World) -> usize {
    let installed = world.modules(&kernel()).join("updates");
    modsmith_tests::Snapshot::of(&installed).modules().len()
}
