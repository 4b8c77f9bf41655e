//! Compilers of other languages, from the languages' own package managers and from Debian:
//! below `target/`, never installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::debian_packages::Apt;
use crate::{paths, tool};

/// The Debian release whose Go makes plugins; that of the release before is too old.
const RELEASE_OF_GO: &str = "trixie";

const VERSION_OF_WKG: &str = "0.16.1";

/// A virtual environment of Python with a package: the folder `.venv` of a plugin.
///
/// # Panics
/// When Python is missing, or the package cannot be downloaded.
pub fn venv(package: &str) -> PathBuf {
    paths::cached_in_place("toolchains", package, |dir| {
        tool::run(Command::new(tool::path("python3")).args(["-m", "venv"]).arg(dir));
        tool::run(Command::new(dir.join("bin/pip")).args(["install", "--quiet", package]));
    })
}

/// The folder `node_modules` for a package.json.
///
/// # Panics
/// When Node.js or npm is missing, or a package cannot be downloaded.
pub fn node_modules(package_json: &Path) -> PathBuf {
    let dir = paths::cached_in_place("toolchains", "node", |dir| {
        fs::copy(package_json, dir.join("package.json")).expect("the plugin has one");
        tool::run(Command::new(tool::path("npm")).args(["install", "--no-audit", "--no-fund"]).current_dir(dir));
    });
    dir.join("node_modules")
}

/// The program `go`, from Debian's packages of this machine's mirror, unpacked.
///
/// # Panics
/// When the packages cannot be downloaded.
pub fn go() -> PathBuf {
    let dir = paths::cached("toolchains", "go", |dir| {
        let work = tempfile::tempdir().expect("a temporary directory");
        let apt = Apt::new(RELEASE_OF_GO, work.path());
        let packages: Vec<String> =
            apt.dependencies("golang-go").into_iter().filter(|name| name.starts_with("golang")).collect();
        apt.unpack(&packages, work.path(), dir);
    });
    dir.join("usr/bin/go")
}

/// `wkg`, which reads and writes plugins in registries: of this version, compiled here.
///
/// # Panics
/// When it cannot be downloaded or compiled.
pub fn wkg() -> PathBuf {
    let dir = paths::cached_in_place("toolchains", "wkg", |dir| {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["install", "--quiet", "--locked", "wkg", "--version", VERSION_OF_WKG, "--root"]).arg(dir);
        tool::run(cargo.arg("--target-dir").arg(dir.join("target")));
        fs::remove_dir_all(dir.join("target")).expect("cargo has made it");
    });
    dir.join("bin/wkg")
}
