//! The records of builds: with them `status` looks at nothing closely, and
//! whatever dkms or somebody else did since, it says what it says without.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use modsmith_tests::fixture::{self, Package};
use modsmith_tests::kernel::{self};
use modsmith_tests::prelude::*;
use modsmith_tests::{World, tool};

const RECORD: &str = ".modsmith.json";
const MISSING: &str = "(Built modules are missing in the kernel modules folder)";
const DIFFERS: &str = "(Differences between built and installed modules)";

fn line(text: &str) -> String {
    text.replace("KERNEL", &kernel())
}

/// A package with two modules.
fn package(version: &str) -> Package {
    Package::new("rec", version)
        .conf("BUILT_MODULE_NAME[1]=\"second\"\nDEST_MODULE_LOCATION[1]=\"/kernel/drivers/misc\"")
        .file("Makefile", "obj-m := rec.o second.o\n")
        .file("second.c", fixture::c_source(Some(version)))
}

fn target_dir(world: &World) -> PathBuf {
    world.tree().join("rec/1.0").join(kernel()).join(kernel::arch())
}

fn product(world: &World) -> PathBuf {
    target_dir(world).join("module/rec.ko")
}

fn installed(world: &World) -> PathBuf {
    world.modules(&kernel()).join("updates/dkms/rec.ko")
}

fn conf(world: &World) -> PathBuf {
    world.path("usr/src/rec-1.0/dkms.conf")
}

/// Makes a file look as if it had been there for long: one that was written a
/// moment ago is not trusted.
fn age(file: &Path) {
    let then = SystemTime::now() - Duration::from_secs(3600);
    File::options().write(true).open(file).and_then(|f| f.set_modified(then)).expect("a file of the test");
}

/// A world in which modsmith installed packages, each file at rest.
fn installed_world(packages: &[Package]) -> World {
    let world = World::generic();
    for package in packages {
        let source = world.add_package(package);
        age(&source.join("dkms.conf"));
        world.dkms(&line(&format!("build {} -k KERNEL", package.id()))).expect(0);
        let products = world.tree().join(package.id()).join(kernel()).join(kernel::arch()).join("module");
        for product in fs::read_dir(products).expect("it is built") {
            age(&product.expect("readable").path());
        }
        world.dkms(&line(&format!("install {} -k KERNEL", package.id()))).expect(0);
    }
    world
}

/// Replaces the contents of a file by others of the same length, and puts its
/// modification time back.
fn falsify(file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let time = file.metadata().and_then(|m| m.modified()).expect("a file of the test");
    let mut bytes = fs::read(file).expect("a file of the test");
    let length = bytes.len();
    change(&mut bytes);
    assert_eq!(bytes.len(), length);
    fs::write(file, bytes).expect("writable");
    File::options().write(true).open(file).and_then(|f| f.set_modified(time)).expect("writable");
}

/// `status` says what it says when there is no record, and each state is the
/// one that dkms sees.
#[track_caller]
fn assert_told_as_without_record(world: &World, after: &str) -> String {
    let told = world.dkms("status").expect(0).stdout;
    let without = world.duplicate();
    for entry in walkdir::WalkDir::new(without.tree()) {
        let entry = entry.expect("readable");
        if entry.file_name() == RECORD {
            let path = entry.path();
            if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) }.expect("writable");
        }
    }
    assert_eq!(told, without.dkms("status").expect(0).stdout, "after {after}: with and without record");
    let states = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split(" (").next().unwrap_or_default().to_owned()).collect()
    };
    // dkms 3.0.10 calls what lacks a module "added"; later versions say what is missing.
    if !told.contains(MISSING) {
        assert_eq!(states(&told), states(&world.peer("status").stdout), "after {after}: modsmith and dkms");
    }
    told
}

/// What `status` asked the system for, line by line.
fn traced_status(world: &World) -> Vec<String> {
    let trace = world.path("trace");
    let strace = tool::path("strace");
    let words =
        format!("-f -qq -e trace=execve,%file -o {} {} status", trace.display(), world.path("bin/dkms").display());
    let out = world.program(strace).words(&words).run().expect(0);
    assert_eq!(out.stdout.lines().filter(|l| l.ends_with(": installed")).count(), out.stdout.lines().count(), "{out}");
    fs::read_to_string(trace).expect("strace wrote it").lines().map(str::to_owned).collect()
}

#[test]
fn status_of_what_nobody_touched_starts_nothing_and_opens_neither_plugin_nor_conf_nor_module() {
    let world = installed_world(&[
        package("1.0"),
        // Bash would have to read this one.
        Package::new("shell", "1.0").conf("if true; then STRIP=no; fi"),
    ]);
    let calls = traced_status(&world);
    assert!(calls.iter().any(|call| call.contains(RECORD)), "{calls:#?}");
    let started: Vec<_> = calls.iter().filter(|call| call.contains("execve(")).collect();
    assert_eq!(started.len(), 1, "only the program itself is started: {started:#?}");
    let opened = |suffix: &str| calls.iter().filter(|call| call.contains("open") && call.contains(suffix)).count();
    for suffix in ["dkms.conf\"", ".ko\"", ".wasm\"", "/plugins\"", ".toml\""] {
        assert_eq!(opened(suffix), 0, "{suffix}: {calls:#?}");
    }
    // The same question without records takes more: the trace does see it.
    for module in ["rec", "shell"] {
        let directory = world.tree().join(module).join("1.0").join(kernel()).join(kernel::arch());
        fs::remove_file(directory.join(RECORD)).expect("it is there");
    }
    let calls = traced_status(&world);
    for seen in ["dkms.conf\"", ".ko\"", ".wasm\"", "bash\""] {
        assert!(calls.iter().any(|call| call.contains(seen)), "{seen}: {calls:#?}");
    }
}

#[test]
fn what_dkms_does_meanwhile_is_seen() {
    let world = installed_world(&[package("1.0")]);
    world.add_package(&package("2.0"));
    assert_told_as_without_record(&world, "the install");
    for command in [
        "uninstall rec/1.0 -k KERNEL",
        "install rec/1.0 -k KERNEL",
        "install rec/1.0 -k KERNEL --force",
        "build rec/1.0 -k KERNEL --force",
        "unbuild rec/1.0 -k KERNEL",
        "build rec/1.0 -k KERNEL",
        "install rec/1.0 -k KERNEL",
        "install rec/2.0 -k KERNEL",
        "remove rec/2.0 -k KERNEL",
        "remove rec/1.0 --all",
    ] {
        let command = line(command);
        world.peer(&command);
        assert_told_as_without_record(&world, &format!("dkms {command}"));
    }
}

#[test]
fn a_module_that_dkms_built_anew_from_changed_source_differs_from_the_installed_one() {
    let world = installed_world(&[package("1.0")]);
    let before = fs::read(product(&world)).expect("it is built");
    // Built by dkms elsewhere, and put here as a backup or an image would.
    let other = world.duplicate();
    fs::write(other.path("usr/src/rec-1.0/rec.c"), fixture::c_source(Some("1.1"))).expect("writable");
    other.peer(&line("unbuild rec/1.0 -k KERNEL")).expect(0);
    other.peer(&line("build rec/1.0 -k KERNEL")).expect(0);
    fs::copy(product(&other), product(&world)).expect("writable");
    assert_ne!(before, fs::read(product(&world)).expect("it is built"));
    let told = assert_told_as_without_record(&world, "a build from changed source");
    assert!(told.contains(DIFFERS), "{told}");
}

#[test]
fn an_edited_conf_counts_at_once_even_if_size_and_time_are_the_same() {
    let world = installed_world(&[package("1.0")]);
    falsify(&conf(&world), |text| {
        let location = text.windows(6).position(|word| word == b"second").expect("it is named");
        text[location..location + 6].copy_from_slice(b"sedond");
    });
    let told = assert_told_as_without_record(&world, "an edit of dkms.conf");
    assert!(told.contains(MISSING), "{told}");
}

#[test]
fn an_override_that_comes_or_goes_counts_at_once() {
    let world = installed_world(&[package("1.0")]);
    let file = world.path(line("etc/dkms/rec-1.0-KERNEL.conf"));
    fs::write(&file, "BUILT_MODULE_NAME[2]=third\nDEST_MODULE_LOCATION[2]=/extra\n").expect("writable");
    let told = assert_told_as_without_record(&world, "an override came");
    assert!(told.contains(MISSING), "{told}");
    fs::remove_file(&file).expect("writable");
    let told = assert_told_as_without_record(&world, "the override went");
    assert!(told.ends_with(": installed\n"), "{told}");
    let run = world.program(world.path("bin/dkms")).words("status");
    let told =
        run.env("DKMS_DIRECTIVE", "BUILT_MODULE_NAME[2]=third DEST_MODULE_LOCATION[2]=/extra").run().expect(0).stdout;
    assert!(told.contains(MISSING), "{told}");
}

#[test]
fn an_installed_file_that_was_changed_or_deleted_differs() {
    let world = installed_world(&[package("1.0")]);
    falsify(&installed(&world), |bytes| *bytes.last_mut().expect("not empty") ^= 1);
    let told = assert_told_as_without_record(&world, "the installed file was changed");
    assert!(told.contains(DIFFERS), "{told}");

    let world = installed_world(&[package("1.0")]);
    fs::remove_file(installed(&world)).expect("it is there");
    let told = assert_told_as_without_record(&world, "the installed file was deleted");
    assert!(told.contains(DIFFERS), "{told}");
}

#[test]
fn a_built_file_that_was_deleted_is_missing() {
    let world = installed_world(&[package("1.0")]);
    fs::remove_file(product(&world)).expect("it is there");
    let told = assert_told_as_without_record(&world, "the built file was deleted");
    assert!(told.contains(MISSING), "{told}");
}

#[test]
fn a_record_that_is_damaged_or_of_another_version_says_nothing() {
    let world = installed_world(&[package("1.0")]);
    let record = target_dir(&world).join(RECORD);
    let text = fs::read_to_string(&record).expect("it is written");
    assert!(text.contains("\"schema_version\":1"), "{text}");
    let newer = text.replace("\"schema_version\":1", "\"schema_version\":2");
    for damaged in ["", "{", "[]", "{\"schema_version\":1}", &text[..text.len() / 2], &newer] {
        fs::write(&record, damaged).expect("writable");
        let told = assert_told_as_without_record(&world, &format!("the record is {damaged:?}"));
        assert!(told.ends_with(": installed\n"), "{told}");
    }
    fs::remove_file(&record).expect("writable");
    fs::create_dir(&record).expect("writable");
    assert_told_as_without_record(&world, "the record is a directory");
}

#[test]
fn a_copy_of_the_machine_tells_the_same() {
    let world = installed_world(&[package("1.0")]);
    let told = world.dkms("status").expect(0).stdout;
    let copy = world.duplicate();
    assert_eq!(copy.dkms("status").expect(0).stdout, told);
    falsify(&installed(&copy), |bytes| *bytes.last_mut().expect("not empty") ^= 1);
    assert_told_as_without_record(&copy, "a change in the copy");
}

/// dkms does the same on a tree with records as on one without.
#[test]
fn dkms_is_not_disturbed_by_records() {
    let world = installed_world(&[package("1.0")]);
    let without = world.duplicate();
    fs::remove_file(target_dir(&without).join(RECORD)).expect("it is there");
    let is_record = |path: &Path| path.ends_with(RECORD);
    // What differs from one build to the next anyway.
    let is_log = |path: &Path| path.ends_with("make.log");
    for command in [
        "status",
        "mktarball rec/1.0 -k KERNEL --archive=rec.tgz",
        "uninstall rec/1.0 -k KERNEL",
        "install rec/1.0 -k KERNEL",
        "build rec/1.0 -k KERNEL --force",
        "unbuild rec/1.0 -k KERNEL",
        "build rec/1.0 -k KERNEL",
        "install rec/1.0 -k KERNEL",
        "remove rec/1.0 --all",
        "ldtarball TREE/rec.tgz",
        "status",
    ] {
        let run = |world: &World| {
            let tarball = world.tree().join("rec/1.0/tarball/rec.tgz");
            let out = world.peer(&line(command).replace("TREE", "/var/lib/dkms"));
            if tarball.exists() {
                fs::copy(tarball, world.tree().join("rec.tgz")).expect("writable");
            }
            let files: Vec<_> = world
                .snapshot()
                .without(|path| is_record(path) || is_log(path))
                .0
                .into_iter()
                .map(|(path, entry)| (path, entry.shape()))
                .collect();
            // It prints dots for as long as something takes.
            let text = |said: &str| said.replace(&world.dir().display().to_string(), "").replace('.', "");
            (out.code, text(&out.stdout), text(&out.stderr), files)
        };
        let (with, plain) = (run(&world), run(&without));
        assert_eq!(with, plain, "{command}");
        assert_eq!(with.0, 0, "{command}: {with:?}");
    }
}

#[test]
fn a_file_that_only_a_record_names_is_deleted_by_its_digest_or_not_at_all() {
    let world = installed_world(&[package("1.0")]);
    let record = target_dir(&world).join(RECORD);
    let own = world.modules(&kernel()).join("kernel/drivers/misc/resident.ko");
    assert!(own.is_file(), "a module of the kernel's own");
    // As earlier versions wrote it: without a digest. The module is not in dkms.conf, and has no product.
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&record).expect("it is written")).unwrap();
    let resident = serde_json::json!({
        "name": "resident",
        "product": "resident.ko",
        "installed": "kernel/drivers/misc/resident.ko",
    });
    json["modules"].as_array_mut().expect("modules").push(resident);
    fs::write(&record, json.to_string()).expect("writable");
    let out = world.dkms(&line("uninstall rec/1.0 -k KERNEL")).expect(0);
    out.expect_error("resident.ko is not the file that rec/1.0 installed there");
    assert!(own.is_file() && !installed(&world).exists());
}
