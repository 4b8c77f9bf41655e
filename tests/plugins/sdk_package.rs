//! The package of the library for authors, as cargo makes it for a registry.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_plugins::manifest::TRACK;
use modsmith_tests::{paths, tool};

/// The package, made without a network and unpacked.
fn package() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = paths::checkout().join("sdk/guest/Cargo.toml");
    let mut command = Command::new(cargo);
    command.args(["package", "--offline", "--locked", "--no-verify", "--allow-dirty", "--quiet", "--manifest-path"]);
    tool::run(command.arg(manifest).arg("--target-dir").arg(dir.path()));
    let files = fs::read_dir(dir.path().join("package")).expect("cargo made it");
    let file = files
        .map(|entry| entry.expect("a readable entry").path())
        .find(|path| path.extension().is_some_and(|suffix| suffix == "crate"))
        .expect("cargo leaves a package");
    tool::run(Command::new("tar").arg("-xzf").arg(&file).arg("-C").arg(dir.path()));
    let folder = dir.path().join(file.file_stem().expect("a name"));
    (dir, folder)
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

#[test]
fn the_package_contains_the_interface_as_it_is() {
    let (_dir, folder) = package();
    let interface = paths::checkout().join("wit/v1.0");
    let names = |dir: &Path| {
        let entries = fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
        let mut names: Vec<_> = entries.map(|entry| entry.expect("a readable entry").file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&folder.join("wit")), names(&interface));
    for name in names(&interface) {
        assert_eq!(text(&folder.join("wit").join(&name)), text(&interface.join(&name)), "{}", name.display());
    }
    // The code is generated from it.
    assert!(text(&folder.join("src/bindings.rs")).contains("path: \"wit\","));
}

#[test]
fn the_package_depends_on_nothing_of_this_checkout_and_describes_itself() {
    let (_dir, folder) = package();
    let written = text(&folder.join("Cargo.toml"));
    let manifest: toml::Table = toml::from_str(&written).expect("cargo writes TOML");
    let package = manifest["package"].as_table().expect("a table");
    let workspace: toml::Table = toml::from_str(&text(&paths::checkout().join("Cargo.toml"))).expect("TOML");
    for key in ["rust-version", "license", "edition"] {
        assert_eq!(package[key], workspace["workspace"]["package"][key], "{key}");
    }
    // New plugins ask for the track that they are written for.
    let version = package["version"].as_str().expect("a text");
    assert!(version.starts_with(&format!("{TRACK}.")), "{version}");
    for key in ["description", "readme", "keywords", "categories"] {
        assert!(package.contains_key(key), "no {key}: {written}");
    }
    assert_eq!(package["metadata"]["docs"]["rs"]["all-features"].as_bool(), Some(true));
    assert!(!written.contains("path = \".."), "{written}");
    let readme = text(&folder.join("README.md"));
    assert!(readme.contains("export!("), "{readme}");
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        assert_eq!(text(&folder.join(licence)), text(&paths::checkout().join(licence)));
    }
}
