//! Programs that the tests need. A missing one fails the test with the command
//! that installs it; nothing is skipped.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Output;

/// Program, and the Debian package that brings it.
const PACKAGES: &[(&str, &str)] = &[
    ("fsck.fat", "dosfstools"),
    ("mdir", "mtools"),
    ("mcopy", "mtools"),
    ("e2fsck", "e2fsprogs"),
    ("debugfs", "e2fsprogs"),
    ("isoinfo", "genisoimage"),
    ("createrepo_c", "createrepo-c"),
    ("rpmbuild", "rpm"),
    ("dpkg-deb", "dpkg"),
    ("mke2fs", "e2fsprogs"),
    ("cpio", "cpio"),
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("timeout", "coreutils"),
    ("ldd", "libc-bin"),
    ("gzip", "gzip"),
    ("modprobe", "kmod"),
    ("apt-get", "apt"),
    ("apt-cache", "apt"),
    ("kernel-install", "systemd"),
    ("systemd-analyze", "systemd"),
    ("debootstrap", "debootstrap"),
    ("dpkg", "dpkg"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
    ("slurmctld", "slurm-wlm"),
    ("slurmd", "slurm-wlm"),
    ("sbatch", "slurm-wlm"),
    ("munged", "munge"),
    ("make", "make"),
    ("gcc", "gcc"),
    ("modinfo", "kmod"),
    ("depmod", "kmod"),
    ("dkms", "dkms"),
    ("patch", "patch"),
    ("openssl", "openssl"),
    ("jsonschema", "python3-jsonschema"),
    ("groff", "groff-base"),
    ("script", "bsdutils"),
    ("skopeo", "skopeo"),
    ("strace", "strace"),
    ("softhsm2-util", "softhsm2"),
    ("p11tool", "gnutls-bin"),
    ("xz", "xz-utils"),
    ("unsquashfs", "squashfs-tools"),
    ("systemd-sysext", "systemd"),
    ("systemd-sysusers", "systemd"),
    ("systemd-dissect", "systemd-container"),
    ("pacman", "pacman-package-manager"),
    ("bzip2", "bzip2"),
    ("dpkg-source", "dpkg-dev"),
    ("dpkg-buildpackage", "dpkg-dev"),
    ("dh", "debhelper"),
    ("lintian", "lintian"),
    ("node", "nodejs"),
    ("apt-cache", "apt"),
    ("python3", "python3-venv"),
    ("clang", "clang lld wasi-libc libclang-rt-dev-wasm32"),
];

/// The path of a program that the tests need.
///
/// # Panics
/// When it is not installed, with the command that installs it.
pub fn path(program: &str) -> PathBuf {
    let directories = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    directories.iter().map(|d| Path::new(d).join(program)).find(|p| p.exists()).unwrap_or_else(|| {
        let package = PACKAGES.iter().find(|(p, _)| *p == program).map_or(program, |(_, package)| package);
        panic!("`{program}` is not installed, and this test needs it: apt-get install {package}")
    })
}

/// Runs a tool that has to succeed and returns its standard output.
///
/// # Panics
/// When it fails, with its output.
pub fn run(command: &mut Command) -> String {
    let shown = format!("{command:?}");
    let out = command.output().unwrap_or_else(|e| panic!("cannot run {shown}: {e}"));
    assert!(
        out.status.success(),
        "{shown} failed with {}:\n{}{}",
        out.status,
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// Runs a program that may fail, and returns what it said.
///
/// # Panics
/// When it cannot be started.
pub fn output(command: &mut Command) -> Output {
    let shown = format!("{command:?}");
    let out = command.output().unwrap_or_else(|e| panic!("cannot run {shown}: {e}"));
    Output::new(shown, out)
}

/// Copies programs of this machine, by their paths, into another system, with the libraries that the
/// loader finds for them.
///
/// # Panics
/// When a file cannot be copied.
pub fn copy_into(system: &Path, programs: &[&Path]) {
    for program in programs {
        let listed = run(Command::new(path("ldd")).arg(program));
        let libraries = listed.split_whitespace().filter(|word| word.starts_with('/')).map(Path::new);
        for file in std::iter::once(*program).chain(libraries) {
            let copy = system.join(file.strip_prefix("/").expect("an absolute path"));
            std::fs::create_dir_all(copy.parent().expect("a file")).expect("writable");
            std::fs::copy(file, &copy).unwrap_or_else(|e| panic!("{} to {}: {e}", file.display(), copy.display()));
        }
    }
}
