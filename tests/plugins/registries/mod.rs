//! Plugins that come from a registry, from an address, or from a file.

mod guide;
mod hostile;
mod sources;
mod wkg;

use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::{Output, World, paths, tool};

use crate::authors::settings_check;

/// A machine that uses no plugin of its own.
fn machine() -> World {
    World::new(&[]).of_system("ID=example\n")
}

/// A plugin with the id `offered`, of a version and with these rights.
fn plugin(version: &str, rights: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let write = |name: &str, contents: &[u8]| std::fs::write(dir.path().join(name), contents).expect("writable");
    write("core.wasm", &settings_check("", ""));
    let manifest = format!(
        "id = \"offered\"\nversion = \"{version}\"\napi = \"1.0\"\n[roles]\nprovides = [\"settings-check\"]\n{rights}"
    );
    write("plugin.toml", manifest.as_bytes());
    author(dir.path(), "pack core.wasm").expect(0);
    std::fs::read(dir.path().join("offered.wasm")).expect("packed")
}

/// `modsmith plugin` with these words, as an author types them.
fn author(directory: &Path, line: &str) -> Output {
    let mut command = Command::new(paths::programs().join("modsmith"));
    tool::output(command.arg("plugin").args(line.split(' ')).current_dir(directory))
}

/// A key pair in a directory: `NAME.key` and `NAME.pub`.
fn key_pair(directory: &Path, name: &str) -> (PathBuf, PathBuf) {
    let (private, public) = (directory.join(format!("{name}.key")), directory.join(format!("{name}.pub")));
    let openssl = |words: &str, out: &Path| {
        let mut command = Command::new(tool::path("openssl"));
        tool::run(command.args(words.split(' ')).arg("-out").arg(out).current_dir(directory));
    };
    openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256", &private);
    openssl(&format!("pkey -in {name}.key -pubout"), &public);
    (private, public)
}

/// The names in the directory of installed plugins.
fn installed(world: &World) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(world.path("etc/modsmith/plugins")) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
