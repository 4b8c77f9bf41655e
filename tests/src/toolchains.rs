//! Compilers of other languages, from the languages' own package managers and from Debian:
//! below `target/`, never installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{chroot, paths, tool};

/// The Debian release whose Go makes plugins; that of the release before is too old.
const RELEASE_OF_GO: &str = "trixie";

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
        let apt = Apt::of(RELEASE_OF_GO);
        let packages = apt.dependencies("golang-go", "golang");
        for package in apt.download(&packages) {
            tool::run(Command::new(tool::path("dpkg")).arg("-x").arg(package).arg(dir));
        }
    });
    dir.join("usr/bin/go")
}

/// apt for one release, with files of its own: the machine's are not touched.
struct Apt {
    dir: tempfile::TempDir,
}

impl Apt {
    fn of(release: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for name in ["state/lists/partial", "cache/archives/partial", "packages"] {
            fs::create_dir_all(dir.path().join(name)).expect("writable");
        }
        let line = format!("deb {} {release} main\n", chroot::mirror().0);
        fs::write(dir.path().join("sources.list"), line).expect("writable");
        let apt = Self { dir };
        apt.run("apt-get", &["-q", "update"]);
        apt
    }

    fn run(&self, program: &str, words: &[&str]) -> String {
        let dir = self.dir.path();
        let mut command = Command::new(tool::path(program));
        for (name, value) in [("State", "state"), ("Cache", "cache"), ("Etc::SourceList", "sources.list")] {
            command.arg("-o").arg(format!("Dir::{name}={}", dir.join(value).display()));
        }
        // Nothing is installed, and there are no further sources.
        command.args(["-o", "Dir::State::status=/dev/null", "-o", "Dir::Etc::SourceParts=/dev/null"]);
        // A mirror may be one of an earlier day.
        command.args(["-o", "Acquire::Check-Valid-Until=false"]);
        tool::run(command.args(words).current_dir(dir.join("packages")))
    }

    /// The package and those that it depends on, as far as their names begin so.
    fn dependencies(&self, package: &str, prefix: &str) -> Vec<String> {
        let others = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"];
        let without: Vec<String> = others.iter().map(|kind| format!("--no-{kind}")).collect();
        let mut words = vec!["depends", "--recurse"];
        words.extend(without.iter().map(String::as_str));
        words.push(package);
        let listed = self.run("apt-cache", &words);
        listed.lines().filter(|line| line.starts_with(prefix)).map(str::to_owned).collect()
    }

    fn download(&self, packages: &[String]) -> Vec<PathBuf> {
        let words: Vec<&str> = ["-q", "download"].into_iter().chain(packages.iter().map(String::as_str)).collect();
        self.run("apt-get", &words);
        let entries = fs::read_dir(self.dir.path().join("packages")).expect("just made");
        let files: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable entry").path()).collect();
        assert_eq!(files.len(), packages.len(), "apt-get download {packages:?} left {files:?}");
        files
    }
}
