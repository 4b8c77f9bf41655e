//! A plan is made without effects: which programs start meanwhile, the page
//! `docs/host-knowledge.md` says.

use std::collections::BTreeSet;
use std::fs;

use modsmith_tests::World;
use modsmith_tests::fixture::Package;
use modsmith_tests::prelude::*;
use modsmith_tests::{paths, tool};

/// The programs that a command starts, by file name, but for the program itself.
fn started(world: &World, command: &str) -> BTreeSet<String> {
    let trace = world.path("trace");
    let dkms = world.path("bin/dkms");
    let words = format!(
        "-f -qq -e trace=execve,execveat -e status=successful -o {} {} {command}",
        trace.display(),
        dkms.display()
    );
    world.program(tool::path("strace")).words(&words).run().expect(0);
    let trace = fs::read_to_string(trace).expect("strace wrote it");
    let program = |line: &str| line.split_once("execve(\"")?.1.split('"').next().map(str::to_owned);
    let own = ["/proc/self/exe".to_owned(), dkms.display().to_string()];
    let names = trace.lines().filter_map(program).filter(|path| !own.contains(path));
    names.map(|path| path.rsplit('/').next().unwrap_or_default().to_owned()).collect()
}

/// The programs of the probes that plugins declare.
fn probes() -> BTreeSet<String> {
    let files = walkdir::WalkDir::new(paths::checkout().join("plugins")).into_iter().filter_map(Result::ok);
    let manifests = files.filter(|file| file.file_name() == "plugin.toml" && !file.path().starts_with("target"));
    let mut programs = BTreeSet::new();
    for manifest in manifests {
        let text = fs::read_to_string(manifest.path()).expect("a manifest is text");
        let manifest: toml::Table = text.parse().expect("a manifest is TOML");
        let probes = manifest.get("probe").and_then(toml::Value::as_array).cloned().unwrap_or_default();
        programs.extend(probes.iter().filter_map(|probe| Some(probe.get("program")?.as_str()?.to_owned())));
    }
    assert!(programs.contains("mokutil"), "{programs:?}");
    programs
}

/// What may start while `command` is planned, and does: bash, and nothing that is not
/// listed.
#[track_caller]
fn assert_only_planned(world: &World, command: &str) {
    let before = world.snapshot();
    let started = started(world, command);
    fs::remove_file(world.path("trace")).expect("it was there");
    let others: Vec<_> = started.iter().filter(|name| *name != "bash" && !probes().contains(*name)).collect();
    assert!(others.is_empty() && started.contains("bash"), "{command}: {started:?}");
    world.snapshot().assert_same(&before, command);
}

#[test]
fn only_the_reader_and_declared_probes_start_while_a_plan_is_made() {
    let world = World::generic();
    world.add_package(&Package::new("shown", "1.0").conf("NO_WEAK_MODULES=$(echo no)").conf("REMAKE_INITRD=yes"));
    for os_release in ["ID=debian\n", "ID=fedora\n", "ID=\"sles\"\nID_LIKE=\"suse\"\n", "ID=arch\n"] {
        let world = world.duplicate().of_system(os_release);
        for action in
            ["add shown/1.0", "build shown/1.0", "install shown/1.0", "install shown/1.0 --modprobe-on-install"]
        {
            assert_only_planned(&world, &format!("{action} -k {} --dry-run", kernel()));
        }
        world.dkms(&format!("install shown/1.0 -k {}", kernel())).expect(0);
        for action in ["uninstall shown/1.0", "remove shown/1.0", "install --force shown/1.0"] {
            assert_only_planned(&world, &format!("{action} -k {} --dry-run", kernel()));
        }
    }
}
