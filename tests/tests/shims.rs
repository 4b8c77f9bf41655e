//! What builds find in the place of other programs: it saves them work, and they
//! cannot tell.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::{World, tool};

fn kernel() -> String {
    kernel::newest(Flavour::Generic)
}

fn registered(names: &[&str]) -> World {
    let world = World::generic();
    for name in names {
        let package = Package::new(name, "1.0");
        world.add_package(&package);
        world.dkms(&format!("add {}", package.id())).expect(0);
    }
    world
}

/// Puts a script on the path that writes down what it is called with, and then is
/// the program of that name.
fn watch(world: &World, name: &str) {
    let real = tool::path(name);
    let script = format!("#!/bin/sh\necho \"$*\" >>/boot/asked\nexec {} \"$@\"\n", real.display());
    world.write(&format!("bin/{name}"), script);
    fs::set_permissions(world.path(format!("bin/{name}")), PermissionsExt::from_mode(0o755)).unwrap();
}

fn watch_compilers(world: &World) {
    let names = fs::read_dir("/usr/bin").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let is_gcc =
        |name: &String| name.strip_prefix("gcc-").is_some_and(|version| version.chars().all(|c| c.is_ascii_digit()));
    let compilers: Vec<String> = names.filter(is_gcc).collect();
    assert!(!compilers.is_empty(), "no gcc with a version in its name is installed: apt-get install gcc");
    compilers.iter().for_each(|name| watch(world, name));
}

/// The questions that reached the compiler, without the name of the file.
fn questions(world: &World) -> Vec<String> {
    let asked = fs::read_to_string(world.path("boot/asked")).unwrap();
    let question = |line: &str| line.split_once(" /dev/null -o ").map(|(question, _)| question.to_owned());
    asked.lines().filter_map(question).collect()
}

#[test]
fn compilers_are_asked_the_same_question_once() {
    let names = ["one", "two", "three"];
    let world = registered(&names);
    watch_compilers(&world);
    // One after the other, so that no two ask at the same time.
    let command = format!("mkdir /boot/tmp && TMPDIR=/boot/tmp dkms autoinstall -k {} -j 1", kernel());
    world.shell(&command).run().expect(0);
    let questions = questions(&world);
    let different: BTreeSet<&String> = questions.iter().collect();
    assert!(different.len() > 10, "{questions:?}");
    assert_eq!(questions.len(), different.len(), "{questions:?}");
    let asked = fs::read_to_string(world.path("boot/asked")).unwrap();
    for name in names {
        assert!(asked.contains(&format!("{name}.o")) || asked.contains(&format!("{name}.mod.o")), "{asked}");
    }
    assert_eq!(fs::read_dir(world.path("boot/tmp")).unwrap().count(), 0, "temporary files are left");
}

#[test]
fn a_single_make_asks_the_compiler_itself() {
    let world = World::generic();
    let path = |number: u32| format!("printenv PATH >/boot/path{number}");
    let make = "make -C $kernel_source_dir M=$dkms_tree/$PACKAGE_NAME/$PACKAGE_VERSION/build";
    for (number, recipe) in [(1, format!("{make} && {}", path(1))), (2, format!("{make} clean; {make}; {}", path(2)))] {
        let package = Package::new(&format!("package{number}"), "1.0").conf(&format!("MAKE[0]='{recipe}'"));
        world.add_package(&package);
        world.dkms(&format!("build {} -k {}", package.id(), kernel())).expect(0);
    }
    let path = |number: u32| fs::read_to_string(world.path(format!("boot/path{number}"))).unwrap();
    assert!(path(1).contains("/symbols:") && !path(1).contains("/compilers:"), "{}", path(1));
    assert!(path(2).contains("/compilers:"), "{}", path(2));
}

#[test]
fn nm_loads_no_plugin_but_gccs() {
    let world = registered(&["one"]);
    watch(&world, "nm");
    let plugins = world.path("lib/bfd-plugins");
    fs::create_dir_all(&plugins).unwrap();
    let gccs = tool::run(Command::new("gcc").arg("-print-file-name=liblto_plugin.so"));
    symlink(gccs.trim(), plugins.join("liblto_plugin.so")).unwrap();
    fs::write(plugins.join("LLVMgold-99.so"), "not a plugin").unwrap();
    world.dkms(&format!("install one/1.0 -k {}", kernel())).expect(0);
    let asked = fs::read_to_string(world.path("boot/asked")).unwrap();
    assert!(asked.lines().count() > 0);
    for line in asked.lines() {
        assert!(line.starts_with("--plugin ") && line.contains("/lib/bfd-plugins/liblto_plugin.so "), "{asked}");
    }
}
