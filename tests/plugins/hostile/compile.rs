//! Components that take long to compile, or much memory: the program itself, since
//! only it compiles in a process of its own.

use std::fs;

use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::{Output, World};

use super::guest::{Body, manifest_text};
use super::setting::assert_names;

/// A machine where the administrator has granted this plugin, whose role is asked
/// before that of any other.
fn machine(body: Body, limits: &str) -> World {
    let world = World::generic().of_system("ID=debian\n");
    world.write("etc/modsmith/limits.toml", limits);
    let text = manifest_text("[match]\npriority = 99\n");
    world.write("etc/modsmith/plugins/hostile.wasm", modsmith_kit::build::embed(&body.component(), &text));
    world.modsmith("plugin grant hostile").expect(0);
    world.add_package(&Package::new("demo", "1.0").conf("REMAKE_INITRD=yes"));
    world
}

fn install(world: &World) -> Output {
    let line = format!("install demo/1.0 --dry-run -k {}", kernel::newest(Flavour::Generic));
    world.modsmith(&line)
}

#[test]
fn a_compiler_that_takes_too_much_memory_is_ended_and_the_error_names_the_limit() {
    let out = install(&machine(Body::new().note("hello"), "compile-mib = 1\n")).expect(31);
    assert_names(&out.stderr, &["1 MiB of memory", "`compile-mib`", "/etc/modsmith/limits.toml"]);
}

#[test]
fn what_is_compiled_apart_is_kept_and_does_its_work() {
    let world = machine(Body::new().note("hello"), "");
    let line = format!("install demo/1.0 --dry-run -k {}", kernel::newest(Flavour::Generic));
    let asked = || {
        let program = world.program(modsmith_tests::world::modsmith()).words(&line);
        program.env("MODSMITH_CACHE_DIR", world.path("cache").display().to_string()).run()
    };
    assert!(asked().expect(0).stdout.contains("hello"));
    // From the cache alone: the limits would not let it be compiled.
    fs::write(world.path("etc/modsmith/limits.toml"), "compile-mib = 1\n").unwrap();
    assert!(asked().expect(0).stdout.contains("hello"));
    fs::remove_dir_all(world.path("cache")).unwrap();
    // Whichever plugin is asked first.
    assert_names(&asked().expect(31).stderr, &["`compile-mib`"]);
}

#[test]
fn where_there_is_no_proc_plugins_are_compiled_all_the_same() {
    let world = machine(Body::new().note("hello"), "");
    let line = format!("install demo/1.0 --dry-run -k {}", kernel::newest(Flavour::Generic));
    let script = format!("mount -t tmpfs none /proc; exec dkms {line}");
    let out = world.shell(&script).env("MODSMITH_CACHE_DIR", world.path("cache").display().to_string()).run().expect(0);
    assert!(out.stdout.contains("hello"), "{out}");
}
