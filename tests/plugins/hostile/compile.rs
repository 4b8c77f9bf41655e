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

/// A hundred times the work that any compiler does in a second: one function of many branches,
/// each of which counts for the result.
fn long() -> Body {
    let step = "(if (local.get $i) (then (local.set $i (i32.load (local.get $i)))))\n";
    Body::new().code(&step.repeat(400_000)).code("(i32.store (i32.const 0) (local.get $i))")
}

/// The processor's time alone is limited.
const SHORT: &str = "compile-seconds = 1\ncompile-mib = 1048576\n";

const NO_TIME: [&str; 4] =
    ["`hostile`", "1 seconds of processor time", "`compile-seconds`", "/etc/modsmith/limits.toml"];

#[test]
fn a_compiler_that_takes_too_long_is_ended_and_the_error_names_the_limit() {
    let world = machine(long(), SHORT);
    assert_names(&install(&world).expect(31).stderr, &NO_TIME);
    // Also where the caller ignores the signal that ends it.
    let line = format!("install demo/1.0 --dry-run -k {}", kernel::newest(Flavour::Generic));
    let out = world.shell(&format!("trap '' XCPU; exec dkms {line}")).run().expect(31);
    assert_names(&out.stderr, &NO_TIME);
}

#[test]
fn a_user_with_limits_of_their_own_compiles_within_them() {
    let world = machine(Body::new().note("hello"), "");
    fs::copy(modsmith_tests::world::modsmith(), world.path("boot/modsmith")).unwrap();
    let line = format!("install demo/1.0 --dry-run -k {}", kernel::newest(Flavour::Generic));
    let script =
        format!("ulimit -t 59; exec setpriv --reuid 4711 --regid 4711 --clear-groups /boot/modsmith {line} --verbose");
    let out = world.shell(&script).env("MODSMITH_CACHE_DIR", "/boot/none").run();
    assert!(out.stdout.contains("hello"), "{out}");
}

#[test]
fn a_compiler_that_takes_too_much_memory_is_ended_and_the_error_names_the_limit() {
    // No other test compiles this one, and keeps it.
    let out = install(&machine(Body::new().note("much memory"), "compile-mib = 1\n")).expect(31);
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

/// A custom section, which makes a component large and costs the compiler nothing.
fn padding(bytes: usize) -> Vec<u8> {
    let mut rest = bytes;
    let mut section = vec![0];
    while rest >= 0x80 {
        section.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    section.push(rest as u8);
    section.extend([1, b'x']);
    section.resize(section.len() + bytes - 2, b' ');
    section
}

#[test]
fn a_grant_compiles_the_plugin_and_says_so_when_that_takes_long() {
    let world = World::generic().of_system("ID=debian\n");
    let mut component = modsmith_kit::build::embed(&Body::new().note("hello").component(), &manifest_text(""));
    let cache = world.path("cache").display().to_string();
    let grant = |component: &[u8], limits: &str| {
        world.write("etc/modsmith/plugins/hostile.wasm", component);
        world.write("etc/modsmith/limits.toml", limits);
        let program = world.program(modsmith_tests::world::modsmith()).words("plugin grant hostile");
        program.env("MODSMITH_CACHE_DIR", cache.clone()).run().expect(0)
    };
    assert_eq!(grant(&component, "").stderr, "", "a small one takes no time");
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 1, "it is compiled");

    component.extend(padding(3_000_000));
    assert_eq!(grant(&component, "").stderr, "Compiling hostile (3 MB) … done (0 s).\n");
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 2);
    assert_eq!(grant(&component, "").stderr, "", "it is in the cache");

    // The grant stands, so that the limit can be raised.
    component.extend(padding(100));
    let out = grant(&component, "compile-mib = 1\n");
    assert_names(&out.stderr, &["Compiling hostile (3 MB) … failed", "Warning: ", "`compile-mib`"]);
    assert!(out.stdout.contains("Granted in"), "{out}");
}
