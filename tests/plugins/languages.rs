//! The same small plugin in every language: started, built, tested, granted, and used by a
//! real installation.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use modsmith_tests::fixture::Package;
use modsmith_tests::prelude::*;
use modsmith_tests::{Output, World, tool, toolchains};

use crate::desk::Desk;

/// The plugin's id.
const ID: &str = "new-initrd";

/// Adds a line to the image that it is told to make: `mkimage -f IMAGE RELEASE`.
const MKIMAGE: &str = "#!/bin/sh\necho \"made for $3\" >> \"$2\"\n";

/// A machine with the tool, an image of its kernel, and a package that asks for one.
struct Machine {
    world: World,
}

impl Machine {
    fn new() -> Self {
        let world = World::generic().of_system("ID=ownsys\n");
        world.write("boot/programs/mkimage", MKIMAGE);
        fs::set_permissions(world.path("boot/programs/mkimage"), PermissionsExt::from_mode(0o755)).expect("writable");
        world.write(&format!("boot/image-{}", kernel()), "");
        world.add_package(&Package::new("asks", "1.0").conf("REMAKE_INITRD=\"yes\""));
        Self { world }
    }

    /// A command, and the seconds of processor time that it takes. Compiled plugins are kept
    /// in the world, where none are yet.
    fn timed(&self, line: &str) -> (Output, f64) {
        let program = self.world.program(modsmith_tests::world::modsmith()).words(line);
        let cache = self.world.path("cache").display().to_string();
        let before = processor_time();
        let output = program.with_programs("boot/programs").env("MODSMITH_CACHE_DIR", cache).run();
        (output, processor_time() - before)
    }

    fn image(&self) -> String {
        fs::read_to_string(self.world.path("boot").join(format!("image-{}", kernel()))).expect("an image")
    }

    /// Installs and uninstalls; the seconds of the installation.
    fn turn(&self) -> f64 {
        let (output, seconds) = self.timed(&format!("install asks/1.0 -k {}", kernel()));
        output.expect(0);
        self.timed(&format!("uninstall asks/1.0 -k {}", kernel())).0.expect(0);
        seconds
    }
}

/// The seconds that this test's programs took, and the programs that they waited for.
fn processor_time() -> f64 {
    let mut used = std::mem::MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: getrusage(2) writes the structure that it is given.
    let code = unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, used.as_mut_ptr()) };
    assert_eq!(code, 0, "getrusage failed");
    // SAFETY: it has succeeded.
    let used = unsafe { used.assume_init() };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(used.ru_utime) + seconds(used.ru_stime)
}

/// Starts the plugin in a language, and builds it.
fn built(language: &str, prepare: &dyn Fn(&Path) -> Vec<(&'static str, PathBuf)>) -> Desk {
    let desk = Desk::new();
    assert_eq!(desk.start("initrd", language), ID);
    let variables = prepare(&desk.path().join(ID));
    let variables: Vec<(&str, &Path)> = variables.iter().map(|(name, value)| (*name, value.as_path())).collect();
    desk.plugin_with(&format!("build {ID} --out dist"), &variables).expect(0);
    desk
}

fn component(desk: &Desk) -> Vec<u8> {
    fs::read(desk.path().join(format!("dist/{ID}.wasm"))).expect("a plugin")
}

/// Makes the plugin in a language, has it tested, and has installations use it.
fn serves(language: &str, prepare: impl Fn(&Path) -> Vec<(&'static str, PathBuf)>) {
    let desk = built(language, &prepare);
    let output = desk.plugin(&format!("test {ID} --built dist")).expect(0);
    assert!(output.stdout.ends_with("1 case, 5 laws: all passed\n"), "{output}");
    desk.plugin(&format!("check {ID} --built dist")).expect(0);

    let machine = Machine::new();
    machine.timed(&format!("build asks/1.0 -k {}", kernel())).0.expect(0);
    // What the other plugins take is not this one's.
    machine.turn();
    let without = machine.turn();
    assert_eq!(machine.image(), "", "no plugin knows the tool");
    let plugin = component(&desk);
    // The memory of an interpreter, as it is saved in a component, is never the same twice.
    if !["python", "javascript"].contains(&language) {
        assert!(plugin == component(&built(language, &prepare)), "in another folder, the component has other bytes");
    }
    machine.world.write(&format!("etc/modsmith/plugins/{ID}.wasm"), &plugin);
    machine.turn();
    assert_eq!(machine.image(), "", "the plugin is not granted");
    if plugin.len() > 8 << 20 {
        // As the guide has it: a component with an interpreter is larger than the default limit.
        let (output, _) = machine.timed(&format!("plugin grant {ID}"));
        output.expect(31).expect_error("raise `component-mib` in /etc/modsmith/limits.toml");
        machine.world.write("etc/modsmith/limits.toml", "component-mib = 24\n");
    }
    let (output, grant) = machine.timed(&format!("plugin grant {ID}"));
    assert!(output.expect(0).stdout.contains("mkimage -f boot/image-* *"));
    let line = format!("made for {}\n", kernel());
    let first = machine.turn();
    assert_eq!(machine.image(), line.repeat(2), "one for the installation, and one for the removal");
    let warm = machine.turn();
    assert_eq!(machine.image(), line.repeat(4));
    let size = plugin.len();
    println!(
        "{language}: {size} bytes; seconds of processor time: grant {grant:.2}, first installation {first:.2}, next {warm:.2}, \
         without the plugin {without:.2}"
    );
}

#[test]
fn a_plugin_in_rust_serves() {
    serves("rust", |_| Vec::new());
}

#[test]
fn a_plugin_in_c_serves() {
    tool::path("clang");
    serves("c", |_| Vec::new());
}

/// Puts a tool chain into the plugin's folder, as its README has it.
fn bring(from: &Path, folder: &Path, name: &str) -> Vec<(&'static str, PathBuf)> {
    symlink(from, folder.join(name)).expect("writable");
    Vec::new()
}

#[test]
#[ignore = "slow: downloads a compiler"]
fn a_plugin_in_zig_serves() {
    serves("zig", |folder| {
        bring(&toolchains::venv("ziglang"), folder, ".venv");
        vec![("ZIG_GLOBAL_CACHE_DIR", modsmith_tests::paths::cache("toolchains").join("zig-cache"))]
    });
}

#[test]
#[ignore = "slow: downloads a compiler"]
fn a_plugin_in_go_serves() {
    serves("go", |_| {
        let cache = modsmith_tests::paths::cache("toolchains").join("go-cache");
        vec![("GO", toolchains::go()), ("GOCACHE", cache)]
    });
}

#[test]
#[ignore = "slow: downloads an interpreter, and compiles it twice"]
fn a_plugin_in_python_serves() {
    serves("python", |folder| bring(&toolchains::venv("componentize-py"), folder, ".venv"));
}

#[test]
#[ignore = "slow: downloads an interpreter, and compiles it twice"]
fn a_plugin_in_javascript_serves() {
    serves("javascript", |folder| {
        bring(&toolchains::node_modules(&folder.join("package.json")), folder, "node_modules")
    });
}

#[test]
fn a_missing_tool_chain_is_named_with_the_command_that_installs_it() {
    for (language, command) in [
        ("zig", ".venv/bin/pip install ziglang"),
        ("go", "apt-get install golang-go"),
        ("python", ".venv/bin/pip install componentize-py"),
        ("javascript", "apt-get install nodejs npm"),
    ] {
        let desk = Desk::new();
        let name = desk.start("initrd", language);
        // A machine with a shell, and nothing else.
        fs::create_dir(desk.path().join("bin")).expect("writable");
        symlink("/bin/sh", desk.path().join("bin/sh")).expect("writable");
        let output = desk.plugin_with(&format!("build {name}"), &[("PATH", &desk.path().join("bin"))]).expect(31);
        assert!(output.stderr.contains("is not installed. To install it"), "{output}");
        assert!(output.stderr.contains(command), "{output}");
        output.expect_error("`sh` ended with").expect_hint();
        assert!(!desk.path().join("dist").exists());
    }
}
