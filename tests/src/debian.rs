//! Real packages from Debian: downloaded and unpacked, never installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{paths, tool};

/// The sources of a `*-dkms` package as they lie in `/usr/src`, from a cache
/// below `target/`.
///
/// # Panics
/// When the package cannot be downloaded or does not hold exactly one
/// directory with a dkms.conf.
pub fn source(package: &str) -> PathBuf {
    let unpacked = unpacked(package);
    let found: Vec<PathBuf> = fs::read_dir(unpacked.join("usr/src"))
        .unwrap_or_else(|e| panic!("{package} has no usr/src: {e}"))
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.join("dkms.conf").is_file())
        .collect();
    match found.as_slice() {
        [one] => one.clone(),
        _ => panic!("{package} has {} directories with a dkms.conf instead of one: {found:?}", found.len()),
    }
}

/// `name/version` of such sources: the directory is `name-version`, and only the
/// name tells where to split it.
///
/// # Panics
/// When the dkms.conf does not name the package as it is.
pub fn id(source: &Path) -> String {
    let conf = fs::read_to_string(source.join("dkms.conf")).expect("sources have a dkms.conf");
    let directory = source.file_name().and_then(|n| n.to_str()).expect("a plain name");
    let name = conf
        .lines()
        .find_map(|line| line.trim().strip_prefix("PACKAGE_NAME="))
        .expect("PACKAGE_NAME is a literal in these packages")
        .trim_matches('"');
    let version = directory.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
    format!("{name}/{}", version.unwrap_or_else(|| panic!("{directory} does not begin with {name}-")))
}

/// The files of a package below the directory that is returned.
pub fn unpacked(package: &str) -> PathBuf {
    paths::cached("debian", package, |dir| {
        let work = tempfile::tempdir().expect("a temporary directory");
        let deb = download(package, work.path());
        tool::run(Command::new(tool::path("dpkg")).arg("-x").arg(deb).arg(dir));
    })
}

/// The package itself.
pub fn package(package: &str) -> PathBuf {
    let dir = paths::cached("debs", package, |dir| drop(download(package, dir)));
    deb_in(&dir, package)
}

fn download(package: &str, into: &Path) -> PathBuf {
    tool::run(Command::new(tool::path("apt-get")).args(["-q", "download", package]).current_dir(into));
    deb_in(into, package)
}

fn deb_in(directory: &Path, package: &str) -> PathBuf {
    fs::read_dir(directory)
        .expect("just made")
        .filter_map(|e| Some(e.ok()?.path()))
        .find(|p| p.extension().is_some_and(|e| e == "deb"))
        .unwrap_or_else(|| panic!("apt-get download {package} left no .deb"))
}
