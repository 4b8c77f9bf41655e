//! The kernels that this machine has headers for.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::debian_kernel::DebianKernel;
use crate::{World, tool};

/// Debian's flavours of one kernel: a package may build for one and exclude
/// itself from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// The usual kernel.
    Generic,
    /// For virtual machines: most of the drivers' subsystems are off.
    Cloud,
    /// Real time.
    Realtime,
}

impl Flavour {
    fn of(release: &str) -> Flavour {
        if release.contains("-cloud-") {
            Flavour::Cloud
        } else if release.contains("-rt-") {
            Flavour::Realtime
        } else {
            Flavour::Generic
        }
    }

    fn package(self) -> &'static str {
        match self {
            Flavour::Generic => "linux-headers-amd64",
            Flavour::Cloud => "linux-headers-cloud-amd64",
            Flavour::Realtime => "linux-headers-rt-amd64",
        }
    }
}

/// Releases of all kernels with headers, oldest first.
pub fn all() -> Vec<String> {
    let Ok(entries) = fs::read_dir("/lib/modules") else { return Vec::new() };
    let mut releases: Vec<String> = entries
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|k| Path::new("/lib/modules").join(k).join("build/include").is_dir())
        .collect();
    releases.sort_by_key(|k| numbers(k));
    releases
}

/// The newest kernel of a flavour that has headers.
///
/// # Panics
/// When there is none, with the command that installs its headers.
pub fn newest(flavour: Flavour) -> String {
    all().into_iter().rfind(|k| Flavour::of(k) == flavour).unwrap_or_else(|| {
        panic!("no headers for a {flavour:?} kernel, and this test needs them: apt-get install {}", flavour.package())
    })
}

/// A system's root directory with nothing but a kernel's files and the index of its
/// modules; from a cache, not to be written to.
pub fn system(release: &str) -> PathBuf {
    DebianKernel::named(release).root
}

/// Gives a world's kernel all modules that it comes with, and their index.
pub fn add_modules(world: &World, release: &str) {
    let to = world.modules(release);
    fs::remove_dir_all(to.join("kernel")).expect("a world has a module");
    copy_modules(&system(release).join("lib/modules").join(release), &to);
}

/// Gives a world's kernel its image, its configuration and all modules that it comes with.
pub fn complete(world: &World, release: &str) {
    add_modules(world, release);
    let debian = DebianKernel::named(release);
    for (name, file) in [("vmlinuz", debian.image()), ("config", debian.config())] {
        fs::copy(file, world.path("boot").join(format!("{name}-{release}"))).expect("writable");
    }
}

/// Copies a module directory. Module files are shared where the file system is the same, the
/// index is not: it is written to.
pub fn copy_modules(from: &Path, to: &Path) {
    let device = |path: &Path| fs::metadata(path).expect("a module directory").dev();
    let is_same_disk = device(from) == device(to);
    let entries = fs::read_dir(from).expect("a module directory").map(|entry| entry.expect("it can be read").path());
    for entry in entries {
        let shared = if entry.is_dir() && is_same_disk { "-al" } else { "-a" };
        tool::run(Command::new("cp").args([shared, "--remove-destination", "-t"]).arg(to).arg(&entry));
    }
}

/// Gives a world an update of a kernel that kept the versions of all symbols,
/// as `symvers.gz` says. It has no headers and no modules.
pub fn add_update(world: &World, of: &str, release: &str) {
    let modules = world.modules(release);
    fs::create_dir_all(&modules).expect("scratch directory is writable");
    for empty in ["modules.dep", "modules.order", "modules.builtin"] {
        fs::write(modules.join(empty), "").expect("scratch directory is writable");
    }
    let symbols = format!("/lib/modules/{of}/build/Module.symvers");
    let out = Command::new(tool::path("gzip")).args(["-1", "-c", &symbols]).output().expect("gzip starts");
    assert!(out.status.success(), "{symbols} cannot be compressed");
    fs::write(modules.join("symvers.gz"), out.stdout).expect("scratch directory is writable");
}

/// The machine's name for its architecture, as `uname -m` says.
pub fn arch() -> &'static str {
    std::env::consts::ARCH
}

fn numbers(release: &str) -> Vec<u64> {
    release.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect()
}
