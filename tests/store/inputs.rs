//! What is an input of a build, and what is none.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use modsmith_tests::fixture::Package;
use modsmith_tests::prelude::*;
use modsmith_tests::schema::validate;
use modsmith_tests::world::modsmith;
use modsmith_tests::{World, tool};
use serde_json::Value;

use crate::scene::{act, package, product, reused, status, unsigned, world};

/// Where a world's own programs are found first.
const PATH: &str = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The document of `modsmith identity`, with variables set.
fn described(world: &World, variables: &[(&str, &str)]) -> Value {
    let line = format!("identity kept/1.0 -k {} --json", kernel());
    // The same in all worlds: the path is an input.
    let run = world.program(modsmith()).words(&line).with_programs("bin").env("PATH", PATH);
    let run = variables.iter().fold(run, |run, (name, value)| run.env(name, *value));
    let json = run.run().expect(0).json();
    validate("identity-schema.json", &json).unwrap();
    json["builds"][0].clone()
}

fn identity(world: &World) -> String {
    described(world, &[])["identity"].as_str().expect("an identity").to_owned()
}

/// A world with headers and a compiler of its own, and a package that needs another one.
fn scene() -> World {
    let world = World::generic();
    let build = world.modules(&kernel()).join("build");
    let real = fs::canonicalize(&build).expect("headers");
    tool::run(Command::new("cp").arg("-a").arg(&real).arg(world.path("usr/src/own-headers")));
    // Links of the headers are relative to where they were.
    for name in ["scripts", "tools"] {
        let link = world.path("usr/src/own-headers").join(name);
        if link.is_symlink() {
            fs::remove_file(&link).expect("a link");
            symlink(fs::canonicalize(real.join(name)).expect("it leads somewhere"), link).expect("just removed");
        }
    }
    fs::remove_file(&build).expect("a link");
    symlink("/usr/src/own-headers", &build).expect("just removed");
    for (name, text) in [("gcc-12", "exec /usr/bin/gcc-12 \"$@\""), ("ld", "exec /usr/bin/ld \"$@\"")] {
        world.write(&format!("bin/{name}"), format!("#!/bin/sh\n{text}\n"));
        fs::set_permissions(world.path(format!("bin/{name}")), fs::Permissions::from_mode(0o755)).expect("writable");
    }
    world.add_package(&Package::new("base", "1.0"));
    world.dkms(&format!("install base/1.0 -k {}", kernel())).expect(0);
    world.add_package(&package().conf("BUILD_DEPENDS=\"base\""));
    world.dkms("add kept/1.0").expect(0);
    world
}

#[test]
fn each_input_that_is_changed_alone_changes_the_identity() {
    let world = scene();
    let mut seen = vec![("nothing", identity(&world))];
    assert_eq!(identity(&world), seen[0].1, "nothing was changed");
    let source = "usr/src/kept-1.0";
    // One after the other: each state differs from the one before in one input.
    type Change<'c> = (&'static str, &'c dyn Fn(&World));
    let symbols = format!("var/lib/dkms/base/1.0/{}/{}/module/Module.symvers", kernel(), kernel::arch());
    let changes: [Change<'_>; 14] = [
        ("a byte of the source", &|world| world.write(&format!("{source}/part.h"), "#define PART 2\n")),
        ("a new file", &|world| world.write(&format!("{source}/new"), "")),
        ("the name of a file", &|world| {
            fs::rename(world.path(format!("{source}/new")), world.path(format!("{source}/newer"))).unwrap();
        }),
        ("a file that can be executed", &|world| {
            fs::set_permissions(world.path(format!("{source}/part.h")), fs::Permissions::from_mode(0o755)).unwrap();
        }),
        ("a link", &|world| symlink("part.h", world.path(format!("{source}/link.h"))).unwrap()),
        ("a directive", &|world| world.write("etc/dkms/kept.conf", "STRIP[0]=\"no\"\n")),
        ("the command", &|world| {
            world.write(
                "etc/dkms/kept.conf",
                "STRIP[0]=\"no\"\nMAKE[0]=\"make -C $kernel_source_dir M=$dkms_tree/kept/1.0/build\"\n",
            )
        }),
        ("a patch of the administrator's", &|world| world.write("etc/dkms/kept/patches/x.patch", "x")),
        ("a header", &|world| append(world, "usr/src/own-headers/include/generated/autoconf.h", "\n")),
        ("a symbol version of the kernel", &|world| append(world, "usr/src/own-headers/Module.symvers", "\n")),
        ("the configuration", &|world| append(world, "usr/src/own-headers/.config", "# changed\n")),
        ("the compiler", &|world| append(world, "bin/gcc-12", "# changed\n")),
        ("the linker", &|world| append(world, "bin/ld", "# changed\n")),
        ("the symbols of a package that is needed", &|world| append(world, &symbols, "\n")),
    ];
    for (what, change) in changes {
        change(&world);
        seen.push((what, identity(&world)));
    }
    for (what, variables) in [
        ("flags", [("KCFLAGS", "-DX")]),
        ("the variable ARCH", [("ARCH", "x86_64")]),
        ("a variable of kbuild's", [("KBUILD_MODPOST_WARN", "1")]),
    ] {
        seen.push((what, described(&world, &variables)["identity"].as_str().unwrap().to_owned()));
    }
    for (at, (what, identity)) in seen.iter().enumerate() {
        let same = seen[..at].iter().find(|(_, other)| other == identity);
        assert!(same.is_none(), "{what} gives the identity of {}", same.map_or("", |(what, _)| what));
    }
}

fn append(world: &World, path: &str, text: &str) {
    let before = fs::read(world.path(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    let mode = fs::metadata(world.path(path)).unwrap().permissions();
    // A new file: where the old one was a hard link, it stays as it is.
    fs::remove_file(world.path(path)).unwrap();
    fs::write(world.path(path), [before.as_slice(), text.as_bytes()].concat()).unwrap();
    fs::set_permissions(world.path(path), mode).unwrap();
}

#[test]
fn what_is_no_input_does_not_change_the_identity() {
    let base = world();
    let first = identity(&base);
    let source = "usr/src/kept-1.0";
    // Another place of all directories, and other times.
    let world = base.duplicate();
    tool::run(Command::new("find").arg(world.path(source)).args(["-exec", "touch", "-d", "2001-01-01", "{}", "+"]));
    assert_eq!(identity(&world), first, "times");
    // As another umask leaves it.
    tool::run(Command::new("chmod").args(["-R", "go-rwx"]).arg(world.path(source)));
    assert_eq!(identity(&world), first, "permissions of others");
    tool::run(Command::new("chown").args(["-R", "4711:4711"]).arg(world.path(source)));
    assert_eq!(identity(&world), first, "owners");
    // The files come to be in the opposite order.
    let world = base.duplicate();
    let names = fs::read_dir(world.path(source)).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = names.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    files.iter().for_each(|(path, _)| fs::remove_file(path).unwrap());
    files.iter().rev().for_each(|(path, text)| fs::write(path, text).unwrap());
    assert_eq!(identity(&world), first, "the order of files");
    // The source is somewhere else.
    fs::create_dir_all(world.path("usr/src/deep/er")).unwrap();
    fs::rename(world.path(source), world.path("usr/src/deep/er/source")).unwrap();
    let link = world.tree().join("kept/1.0/source");
    fs::remove_file(&link).unwrap();
    symlink("/usr/src/deep/er/source", link).unwrap();
    assert_eq!(identity(&world), first, "names of directories above the source");
    for variables in [
        [("USER", "someone"), ("HOME", "/home/someone")],
        [("MAKEFLAGS", "-j7"), ("TMPDIR", "/var/tmp")],
        [("SHLVL", "3"), ("TERM", "dumb")],
    ] {
        assert_eq!(described(&base, &variables)["identity"], first.as_str(), "{variables:?}");
    }
}

#[test]
fn a_changed_input_is_built_and_the_old_one_comes_back_from_the_store() {
    let world = world();
    act(&world, "build");
    let first = unsigned(&product(&world));
    act(&world, "unbuild");
    world.write("usr/src/kept-1.0/part.h", "#define PART 2\n");
    act(&world, "build");
    assert!(!reused(&world));
    assert_ne!(unsigned(&product(&world)), first);
    act(&world, "unbuild");
    world.write("usr/src/kept-1.0/part.h", "#define PART 1\n");
    act(&world, "build");
    assert!(reused(&world), "going back costs nothing");
    assert_eq!(unsigned(&product(&world)), first);
}

#[test]
fn what_the_command_shows_is_what_a_build_goes_by() {
    let world = world();
    let identity = |world: &World| {
        let json = world.modsmith(&format!("identity kept/1.0 -k {} --json", kernel())).expect(0).json();
        json["builds"][0]["identity"].as_str().expect("an identity").to_owned()
    };
    let before = identity(&world);
    act(&world, "build");
    assert_eq!(status(&world)["store"]["identity"], before.as_str());
    assert_eq!(identity(&world), before, "a build is no input of itself");
}

#[test]
fn what_differs_between_two_builds_is_shown() {
    let kernels = [kernel(), kernel::newest(Flavour::Cloud)];
    let world = World::new(&kernels);
    world.add_package(&package());
    world.dkms("add kept/1.0").expect(0);
    let both = format!("identity kept/1.0 -k {} -k {}", kernels[0], kernels[1]);
    let json = world.modsmith(&format!("{both} --json")).expect(0).json();
    validate("identity-schema.json", &json).unwrap();
    let differing: Vec<&str> = json["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|difference| difference["input"][0].as_str().unwrap())
        .collect();
    assert!(differing.contains(&"kernel") && differing.contains(&"headers"), "{differing:?}");
    assert!(!differing.contains(&"source"), "{differing:?}");
    let text = world.modsmith(&both).expect(0).stdout;
    assert!(text.contains(&format!("  kernel: {} -> {}", kernels[0], kernels[1])), "{text}");

    let document = world.modsmith(&format!("identity kept/1.0 -k {} --json", kernel())).expect(0).stdout;
    world.write("before.json", document);
    let against = format!("identity kept/1.0 -k {} --against {}", kernel(), world.path("before.json").display());
    let text = world.modsmith(&against).expect(0).stdout;
    assert!(text.ends_with("Nothing differs.\n"), "{text}");
    world.write("usr/src/kept-1.0/part.h", "#define PART 3\n");
    let text = world.modsmith(&against).expect(0).stdout;
    assert!(text.contains("  source: part.h: file sha256:"), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("  ")).count(), 1, "{text}");

    world.write("none.json", "{}");
    let none = format!("identity kept/1.0 -k {} --against {}", kernel(), world.path("none.json").display());
    world.modsmith(&none).expect(1).expect_hint();
    world.modsmith("identity kept").expect(1).expect_hint();
    world.modsmith("identity nosuch/1.0").expect(3);
    world.modsmith("identity kept/1.0 -k 1.0").expect(21);
    world.has_no_walls();
    world.modsmith(&format!("identity kept/1.0 -k {}", kernel())).expect(30).expect_error("confinement is off");
}

#[test]
fn a_source_that_is_larger_than_any_has_no_identity_and_is_not_read() {
    let world = world();
    fs::File::create(world.path("usr/src/kept-1.0/sparse")).expect("writable").set_len(200 << 30).expect("sparse");
    let line = format!("60 {} identity kept/1.0 -k {}", modsmith().display(), kernel());
    let out = world.program(tool::path("timeout")).words(&line).run().expect_no_panic().expect_hint();
    assert_ne!(out.code, 124, "it is read: {out}");
    out.expect_error("is not known: the files of the source have more than 4 GiB");
}
