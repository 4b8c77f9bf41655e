//! One tree, two programs: what dkms wrote, modsmith takes over in place, and
//! back. And modules that were there before either of them.

use modsmith_tests::fixture::{self, Package};
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::peer::{self, Program, Step};
use modsmith_tests::{Snapshot, World};

fn kernel() -> String {
    kernel::newest(Flavour::Generic)
}

fn package() -> Package {
    Package::new("moved", "1.0")
}

/// A world in which one of the programs installed the package.
fn installed_by(program: Program) -> World {
    let world = World::generic();
    world.add_package(&package());
    let out = program.run(&world, &format!("install moved/1.0 -k {}", kernel()));
    assert_eq!(out.code, 0, "{out}");
    world
}

/// The other program sees the same state, takes the module out, puts it in
/// again, and removes everything.
fn taken_over(from: Program, to: Program) {
    let world = installed_by(from);
    let status = from.run(&world, "status").stdout;
    assert_eq!(status, format!("moved/1.0, {}, {}: installed\n", kernel(), kernel::arch()));
    assert_eq!(to.run(&world, "status").stdout, status);
    let installed = world.snapshot().without_records();

    let run = |line: &str| {
        let out = to.run(&world, &line.replace("KERNEL", &kernel()));
        assert_eq!(out.code, 0, "{out}");
    };
    run("uninstall moved/1.0 -k KERNEL");
    assert_eq!(to.run(&world, "status").stdout, status.replace("installed", "built"));
    assert_eq!(from.run(&world, "status").stdout, status.replace("installed", "built"));
    run("install moved/1.0 -k KERNEL");
    installed
        .assert_same(&world.snapshot().without_records(), "the module was taken out and put in again, without a build");
    run("remove moved/1.0 --all");
    let left: Vec<_> = world.snapshot().without(|p| !p.starts_with("var/lib/dkms")).0.into_keys().collect();
    let names: Vec<_> = left.iter().filter_map(|p| p.file_name()?.to_str()).collect();
    assert_eq!(names, ["mok.key", "mok.pub"], "nothing but the signing key is left");
}

#[test]
fn a_tree_that_dkms_wrote() {
    taken_over(Program::Peer, Program::Ours);
}

#[test]
fn a_tree_that_modsmith_wrote() {
    taken_over(Program::Ours, Program::Peer);
}

#[test]
fn the_signing_key_that_dkms_made_is_used() {
    let world = installed_by(Program::Peer);
    let keys =
        |world: &World| Snapshot::of(&world.tree()).without(|p| !p.starts_with("mok.key") && !p.starts_with("mok.pub"));
    let before = keys(&world);
    assert_eq!(before.0.len(), 2, "{before:?}");
    let key = |world: &World| {
        let module = world.modules(&kernel()).join("updates/dkms/moved.ko");
        modsmith_tests::modinfo::field(&module, "sig_key")
    };
    let by_peer = key(&world);
    assert!(!by_peer.is_empty(), "the peer signs");
    Program::Ours.run(&world, "remove moved/1.0 --all");
    let out = Program::Ours.run(&world, &format!("install moved/1.0 -k {}", kernel()));
    assert_eq!(out.code, 0, "{out}");
    before.assert_same(&keys(&world), "the signing key");
    assert_eq!(key(&world), by_peer);
}

/// A package that replaces a module of the kernel, by both programs.
fn replacing(name: &str, version: &str) -> (Vec<Step>, Vec<Step>) {
    let commands: Vec<String> = ["install NAME/1.0 -k KERNEL", "status NAME/1.0", "uninstall NAME/1.0 -k KERNEL"]
        .iter()
        .map(|line| line.replace("NAME", name).replace("KERNEL", &kernel()))
        .collect();
    let run = |program| {
        let world = World::generic();
        world.add_package(&Package::new(name, "1.0"));
        let original = world.add_module(&kernel(), &fixture::module(&kernel(), name, Some(version)));
        let before = std::fs::read(&original).expect("just copied");
        let steps = peer::observe(program, &world, &commands);
        assert_eq!(std::fs::read(&original).expect("the original is back"), before);
        steps
    };
    (run(Program::Peer), run(Program::Ours))
}

const CONFIG: &str = "The kernel's configuration is not copied beside the log";
const SYMVERS: &str = "Module.symvers is kept";
const RECORDS: &str = "modsmith's own records";

#[test]
fn an_older_module_of_the_kernel_is_replaced_and_comes_back() {
    let (peer, ours) = replacing("newer", "0.5");
    peer::assert_differs_only_in(
        &peer,
        &ours,
        &[CONFIG, SYMVERS, RECORDS, "The modules that a package replaces are kept"],
    );
    assert_eq!(ours[0].output.code, 0, "{}", ours[0].output);
    let archived = format!("file var/lib/dkms/newer/original_module/{}/{}/newer.ko", kernel(), kernel::arch());
    assert!(ours[0].facts.contains_key(&archived), "{:#?}", ours[0].facts);
    assert!(
        ours[1].facts["status"].ends_with(": installed (Original modules exist)\n"),
        "{:?}",
        ours[1].facts["status"]
    );
}

#[test]
fn a_newer_module_of_the_kernel_is_not_replaced() {
    let (peer, ours) = replacing("older", "2.0");
    peer::assert_differs_only_in(&peer, &ours, &["A module that is not replaced is an error"]);
    assert_eq!(ours[0].output.code, 6, "{}", ours[0].output);
    assert!(ours[0].facts["status"].ends_with(": built\n"), "{:?}", ours[0].facts["status"]);
}
