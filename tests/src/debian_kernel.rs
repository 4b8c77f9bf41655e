//! Kernels of Debian's releases: image, configuration and modules, unpacked below
//! `target/` and never installed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::debian_packages::Apt;
use crate::{paths, tool};

/// Where a kernel's files are.
#[derive(Debug, Clone)]
pub struct DebianKernel {
    /// As `uname -r` prints.
    pub release: String,
    /// The root directory of the files.
    pub root: PathBuf,
}

impl DebianKernel {
    /// The kernel that a release of Debian has for amd64: `bookworm`, `sid`.
    ///
    /// # Panics
    /// When the packages cannot be downloaded.
    pub fn of(debian: &str) -> DebianKernel {
        let root = paths::cached("debian-kernels", debian, |dir| {
            let work = tempfile::tempdir_in(paths::cache("debian-kernels")).expect("a temporary directory");
            let apt = Apt::new(debian, work.path());
            let packages = packages_of_kernel(&apt);
            apt.unpack(&packages, work.path(), dir);
            if !dir.join("lib").exists() {
                symlink("usr/lib", dir.join("lib")).expect("a link");
            }
            tool::run(Command::new(tool::path("depmod")).arg("-b").arg(dir).arg(only_release(dir)));
        });
        DebianKernel { release: only_release(&root), root }
    }

    /// `/lib/modules/K`.
    pub fn module_dir(&self) -> PathBuf {
        self.root.join("lib/modules").join(&self.release)
    }

    /// The kernel's image.
    pub fn image(&self) -> PathBuf {
        let places =
            [self.root.join("boot").join(format!("vmlinuz-{}", self.release)), self.module_dir().join("vmlinuz")];
        places.iter().find(|path| path.is_file()).expect("a kernel has an image").clone()
    }

    /// The kernel's configuration.
    pub fn config(&self) -> PathBuf {
        let places =
            [self.root.join("boot").join(format!("config-{}", self.release)), self.module_dir().join("config")];
        places.iter().find(|path| path.is_file()).expect("a kernel has a configuration").clone()
    }
}

fn only_release(root: &Path) -> String {
    let modules = root.join("lib/modules");
    let mut releases = fs::read_dir(&modules).unwrap_or_else(|e| panic!("{}: {e}", modules.display()));
    let release = releases.next().expect("one kernel").expect("readable").file_name();
    assert!(releases.next().is_none(), "{} has several kernels", modules.display());
    release.into_string().expect("a plain name")
}

/// The packages with the files of the newest kernel.
fn packages_of_kernel(apt: &Apt) -> Vec<String> {
    let mut depends = apt.command("apt-cache");
    depends.args(["depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks"]);
    let text = tool::run(depends.args(["--no-replaces", "--no-enhances", "linux-image-amd64"]));
    let kinds = ["linux-image-", "linux-modules-", "linux-base-", "linux-binary-"];
    let is_part = |name: &&str| {
        kinds
            .iter()
            .any(|kind| name.strip_prefix(kind).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())))
    };
    let mut packages: Vec<String> = text.lines().filter(is_part).map(String::from).collect();
    packages.sort();
    packages.dedup();
    assert!(!packages.is_empty(), "linux-image-amd64 depends on no kernel:\n{text}");
    packages
}
