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
    // execveat(2) may name a file by its descriptor, with an empty path: then the first argument counts.
    let program = |line: &str| {
        let (_, call) = line.split_once("execve(").or_else(|| line.split_once("execveat("))?;
        call.split('"').skip(1).step_by(2).find(|text| !text.is_empty()).map(str::to_owned)
    };
    let own = ["/proc/self/exe".to_owned(), dkms.display().to_string()];
    let names = trace.lines().filter_map(program).filter(|path| !own.contains(path));
    names.map(|path| path.rsplit('/').next().unwrap_or_default().to_owned()).collect()
}

/// The programs that plugins declare below a key of their manifests.
fn declared(key: &str) -> BTreeSet<String> {
    let files = walkdir::WalkDir::new(paths::checkout().join("plugins")).into_iter().filter_map(Result::ok);
    let is_built = |file: &walkdir::DirEntry| file.path().components().any(|part| part.as_os_str() == "target");
    let manifests = files.filter(|file| file.file_name() == "plugin.toml" && !is_built(file));
    let mut programs = BTreeSet::new();
    for manifest in manifests {
        let text = fs::read_to_string(manifest.path()).expect("a manifest is text");
        let manifest: toml::Table = text.parse().expect("a manifest is TOML");
        let rules = manifest.get(key).and_then(toml::Value::as_array).cloned().unwrap_or_default();
        programs.extend(rules.iter().filter_map(|rule| Some(rule.get("program")?.as_str()?.to_owned())));
    }
    assert!(!programs.is_empty(), "no manifest has [[{key}]]");
    programs
}

/// What may start while `command` is planned, and does: `expected`, probes, and nothing else.
#[track_caller]
fn assert_only_planned(world: &World, command: &str, expected: &str) {
    let before = world.snapshot();
    let started = started(world, command);
    fs::remove_file(world.path("trace")).expect("it was there");
    let probes = declared("probe");
    assert!(probes.contains("mokutil"), "{probes:?}");
    let others: Vec<_> = started.iter().filter(|name| *name != expected && !probes.contains(*name)).collect();
    assert!(others.is_empty() && started.contains(expected), "{command}: {started:?}");
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
            assert_only_planned(&world, &format!("{action} -k {} --dry-run", kernel()), "bash");
        }
        world.dkms(&format!("install shown/1.0 -k {}", kernel())).expect(0);
        for action in ["uninstall shown/1.0", "remove shown/1.0", "install --force shown/1.0"] {
            assert_only_planned(&world, &format!("{action} -k {} --dry-run", kernel()), "bash");
        }
    }
}

#[test]
fn a_dry_run_for_several_kernels_or_packages_starts_nothing_more() {
    let cloud = kernel::newest(Flavour::Cloud);
    let world = World::new(&[kernel(), cloud.clone()]);
    for name in ["first", "second"] {
        world.add_package(&Package::new(name, "1.0").conf("NO_WEAK_MODULES=$(echo no)").conf("AUTOINSTALL=yes"));
        world.dkms(&format!("add {name}/1.0")).expect(0);
    }
    assert_only_planned(&world, &format!("install first/1.0 -j 2 -k {} -k {cloud} --dry-run", kernel()), "bash");
    assert_only_planned(&world, &format!("autoinstall -j 2 -k {} --dry-run", kernel()), "bash");
}

#[test]
fn a_dry_run_that_loads_an_archive_unpacks_it_without_other_programs() {
    let world = World::generic();
    world.add_package(&Package::new("packed", "1.0"));
    world.dkms(&format!("build packed/1.0 -k {}", kernel())).expect(0);
    world.dkms(&format!("mktarball packed/1.0 -k {} --archive /boot/packed.tar.gz", kernel())).expect(0);
    world.dkms("remove packed/1.0 --all").expect(0);
    let before = world.snapshot();
    let started = started(&world, "ldtarball /boot/packed.tar.gz --force --dry-run");
    fs::remove_file(world.path("trace")).expect("it was there");
    let others: Vec<_> = started.iter().filter(|name| *name != "bash").collect();
    assert!(others.is_empty(), "{started:?}");
    world.snapshot().assert_same(&before, "ldtarball --dry-run");
}
