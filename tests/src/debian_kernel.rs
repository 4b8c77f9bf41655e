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
        DebianKernel::unpacked(debian, "linux-image-amd64", |work| Apt::new(debian, work))
    }

    /// The kernel of this name, as this machine's apt has it. Headers on the machine are of such a
    /// kernel, which need not be the newest one.
    ///
    /// # Panics
    /// When the packages cannot be downloaded.
    pub fn named(release: &str) -> DebianKernel {
        DebianKernel::unpacked(release, &format!("linux-image-{release}"), |_| Apt::of_this_machine())
    }

    fn unpacked(name: &str, package: &str, apt: impl FnOnce(&Path) -> Apt) -> DebianKernel {
        let root = paths::cached("debian-kernels", name, |dir| {
            let work = tempfile::tempdir_in(paths::cache("debian-kernels")).expect("a temporary directory");
            let apt = apt(work.path());
            let packages = packages_of_kernel(&apt, package);
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

/// The packages with the files of a kernel.
fn packages_of_kernel(apt: &Apt, package: &str) -> Vec<String> {
    let kinds = ["linux-image-", "linux-modules-", "linux-base-", "linux-binary-"];
    let is_part = |name: &String| {
        kinds
            .iter()
            .any(|kind| name.strip_prefix(kind).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())))
    };
    let packages: Vec<String> = apt.dependencies(package).into_iter().filter(is_part).collect();
    assert!(!packages.is_empty(), "{package} is no kernel that apt has");
    packages
}
