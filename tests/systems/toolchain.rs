//! `.ci/need --rust`: whether a compiler makes WebAssembly is found out before
//! anything is compiled, and what is missing is installed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use modsmith_tests::{Output, World, paths};

/// Programs under the names of a compiler and apt's: what they are is in files
/// beside them, and what apt is asked for is written down.
const RUSTC: &str = r#"#!/bin/sh
at=$(dirname "$(dirname "$0")")
case "$*" in
--version) cat "$at/version" 2>/dev/null || exit 1 ;;
'--print sysroot') echo "$at/sysroot" ;;
*target-libdir*) echo "$at/sysroot/library" ;;
*) [ -e "$at/linker" ] && exit 0
   printf 'error: linker `rust-lld` not found\n  |\n' >&2; exit 1 ;;
esac
"#;
const CARGO: &str = "#!/bin/sh\n";
const APT_GET: &str = r#"#!/bin/sh
at=$(dirname "$(dirname "$0")")
echo "$*" >>"$at/asked"
case "$*" in *install*) cp -r "$at/repository/." "$at/" ;; esac
"#;
const APT_CACHE: &str = r#"#!/bin/sh
at=$(dirname "$(dirname "$0")")
case $1 in
policy) cat "$at/candidates/$2" 2>/dev/null || echo '  Candidate: (none)' ;;
depends) echo '  Depends: llvm-22' ;;
esac
"#;
const NONE_INSTALLED: &str = "#!/bin/sh\nexit 1\n";
const USER: &str = "#!/bin/sh\necho 1000\n";

struct Machine(World);

impl Machine {
    /// A machine whose compiler has a version; `None` for none.
    fn new(version: Option<&str>) -> Machine {
        let machine = Machine(World::new(&[]));
        for (name, text) in [("apt-get", APT_GET), ("apt-cache", APT_CACHE), ("dpkg-query", NONE_INSTALLED)] {
            machine.program(&format!("tools/bin/{name}"), text);
        }
        for (name, text) in [("rustc", RUSTC), ("cargo", CARGO)] {
            // apt brings them into the place where programs are.
            let bin = if version.is_some() { "tools/bin" } else { "tools/repository/bin" };
            machine.program(&format!("{bin}/{name}"), text);
        }
        machine.0.write("tools/repository/installed", "");
        if let Some(version) = version {
            machine.0.write("tools/version", version);
        }
        machine
    }

    fn program(&self, path: &str, text: &str) {
        self.0.write(path, text);
        fs::set_permissions(self.0.path(path), PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// Gives it a file, or has apt bring it.
    fn with(self, path: &str, text: &str) -> Machine {
        self.0.write(&format!("tools/{path}"), text);
        self
    }

    fn offering(self, package: &str, version: &str) -> Machine {
        self.with(&format!("candidates/{package}"), &format!("{package}:\n  Candidate: {version}\n"))
    }

    fn need(&self, before: &str) -> Output {
        let bin = self.0.path("tools/bin");
        // The machine's own compiler is not there.
        let hidden = ["/usr/bin/rustc", "/usr/bin/cargo"].map(|program| match Path::new(program).exists() {
            true => format!("mount --bind {} {program}; ", self.0.path("tools/nothing").display()),
            false => String::new(),
        });
        self.0.write("tools/nothing", "");
        let need = paths::checkout().join(".ci/need");
        let script =
            format!("{}PATH={}:/usr/bin:/bin; {before} {} --rust", hidden.concat(), bin.display(), need.display());
        self.0.shell(&script).run()
    }

    fn asked(&self) -> String {
        fs::read_to_string(self.0.path("tools/asked")).unwrap_or_default()
    }
}

const NEW: &str = "rustc 1.97.1 (8bab26f4f 2026-07-14)\n";
const LIBRARY: &str = "sysroot/library/libstd.rlib";

#[test]
fn a_compiler_that_makes_modules_is_taken_as_it_is() {
    let machine = Machine::new(Some(NEW)).with(LIBRARY, "").with("linker", "");
    let out = machine.need("").expect(0);
    assert_eq!((out.stdout.as_str(), out.stderr.as_str(), machine.asked().as_str()), ("", "", ""));
}

#[test]
fn a_compiler_without_a_linker_gets_one() {
    let machine =
        Machine::new(Some(NEW)).with(LIBRARY, "").with("repository/linker", "").offering("rustc", "1.97.1+dfsg1-1");
    let out = machine.need("").expect(0);
    assert!(out.stdout.contains("linker `rust-lld` not found") && out.stdout.contains("Installing"), "{out}");
    let asked = machine.asked();
    assert!(asked.lines().any(|line| line.contains("install") && line.contains(" rust-llvm")), "{asked}");
    assert!(!asked.contains("rustc-web"), "{asked}");
}

#[test]
fn where_rustc_of_the_release_is_too_old_rustc_web_is_installed_with_its_sources() {
    let sources = "repository/sysroot/lib/rustlib/src/rust/library/std/Cargo.toml";
    let machine = Machine::new(None)
        .offering("rustc", "1.63.0+dfsg1-2")
        .offering("rustc-web", "1.96.0+dfsg1-1~deb12u2")
        .with("repository/version", "rustc 1.96.0\n")
        .with(sources, "")
        .with("repository/linker", "");
    machine.need("").expect(0);
    let asked = machine.asked();
    assert!(asked.contains(" rustc-web cargo-web"), "{asked}");
}

#[test]
fn what_installing_does_not_mend_is_told_with_the_compilers_own_words() {
    let machine = Machine::new(Some(NEW)).with(LIBRARY, "").offering("rustc", "1.97.1+dfsg1-1");
    let out = machine.need("").expect(1).expect_error("linker `rust-lld` not found");
    out.expect_error("libstd-rust-dev-wasm32 rust-llvm").expect_error("rustup target add wasm32-unknown-unknown");
    // Nor is it believed that all is there.
    let out = machine.need("DEPENDENCIES=installed").expect(1).expect_error("linker `rust-lld` not found");
    assert_eq!(out.stdout, "", "{out}");

    let machine = Machine::new(Some(NEW)).offering("rustc", "1.97.1+dfsg1-1");
    machine.need("").expect(1).expect_error("has the standard library for wasm32-unknown-unknown");
}

#[test]
fn a_compiler_that_is_too_old_is_told_with_the_version_that_is_needed() {
    let machine = Machine::new(Some("rustc 1.85.1\n")).offering("rustc", "1.85.1+dfsg1-1");
    machine.need("").expect(1).expect_error("Found: rustc 1.85.1").expect_error("or newer");
}

#[test]
fn a_user_is_told_what_to_install_as_root() {
    let machine = Machine::new(Some(NEW)).with(LIBRARY, "").offering("rustc", "1.97.1+dfsg1-1");
    machine.program("tools/bin/id", USER);
    machine.need("").expect(1).expect_error("As root, run:").expect_error("rust-llvm");
    assert_eq!(machine.asked(), "");
}
