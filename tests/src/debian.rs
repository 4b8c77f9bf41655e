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

/// The files of a package below the directory that is returned.
pub fn unpacked(package: &str) -> PathBuf {
    paths::cached("debian", package, |dir| {
        let work = tempfile::tempdir().expect("a temporary directory");
        tool::run(Command::new(tool::path("apt-get")).args(["-q", "download", package]).current_dir(work.path()));
        let deb = fs::read_dir(work.path())
            .expect("just made")
            .filter_map(|e| Some(e.ok()?.path()))
            .find(|p| p.extension().is_some_and(|e| e == "deb"))
            .unwrap_or_else(|| panic!("apt-get download {package} left no .deb"));
        unpack(&deb, dir);
    })
}

fn unpack(deb: &Path, into: &Path) {
    tool::run(Command::new(tool::path("dpkg")).arg("-x").arg(deb).arg(into));
}
