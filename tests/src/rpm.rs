//! Debian's rpm: what packages hold, packages that a test makes itself, and a
//! scratch machine whose packages are rpm's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Output, World, paths, tool};

/// The output of rpm about a package file: `query(file, "-lp")`.
pub fn query(file: &Path, options: &str) -> String {
    let database = tempfile::tempdir().expect("a temporary directory");
    let mut rpm = Command::new(tool::path("rpm"));
    rpm.arg("--dbpath").arg(database.path()).arg("-q").args(options.split_whitespace()).arg(file);
    tool::run(&mut rpm)
}

/// Fields of a package file, as `--queryformat` names them.
pub fn field(file: &Path, format: &str) -> String {
    query(file, &format!("-p --queryformat {format}"))
}

/// A directory for rpmbuild and what it makes there.
pub struct Workshop(tempfile::TempDir);

impl Workshop {
    pub fn new() -> Workshop {
        Workshop(tempfile::tempdir_in(paths::cache("worlds")).expect("a directory"))
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// Runs rpmbuild, or rpm on source packages.
    pub fn run(&self, program: &str, arguments: &[&str], file: &Path) -> Output {
        let define = |name: &str, value: &str| ["--define".to_owned(), format!("{name} {value}")];
        let top = self.0.path().display().to_string();
        let flat = "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm";
        tool::output(
            Command::new(tool::path(program))
                .args(define("_topdir", &top))
                .args(define("_dbpath", &format!("{top}/db")))
                .args(define("_rpmfilename", flat))
                .args(arguments)
                .arg(file)
                .env_clear()
                .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
                .env("HOME", &top)
                .env("LC_ALL", "C.UTF-8"),
        )
    }

    /// The one package that a spec makes.
    pub fn package(&self, name: &str, spec: &str, arguments: &[&str]) -> PathBuf {
        let file = self.path(&format!("{name}.spec"));
        fs::write(&file, spec).expect("writable");
        self.run("rpmbuild", &[arguments, &["-bb", "--nodeps"]].concat(), &file).expect(0);
        self.made("RPMS")
    }

    /// The one file in `RPMS` or `SRPMS`, taken out.
    pub fn made(&self, directory: &str) -> PathBuf {
        let mut files = files(&self.path(directory));
        assert_eq!(files.len(), 1, "{files:?}");
        let made = files.remove(0);
        let to = self.path(&made.file_name().expect("a file").to_string_lossy());
        fs::rename(made, &to).expect("the same directory");
        to
    }
}

impl Default for Workshop {
    fn default() -> Self {
        Self::new()
    }
}

/// Files of a directory, by name.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|e| panic!("cannot read {}: {e}", directory.display()));
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    files
}

/// What module packages need of a system, and rpm itself.
const BASE: &str = "\
Name: base\nVersion: 1\nRelease: 1\nSummary: What there is\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n\
Provides: dkms = 3.4.3, /bin/sh, /bin/bash\n%description\nWhat there is.\n\
%install\nmkdir -p %{buildroot}/usr/bin\ntouch %{buildroot}/usr/bin/rpm\n%files\n/usr/bin/rpm\n";

/// A scratch machine whose packages are rpm's, with modsmith as its dkms.
pub struct Machine<'w>(&'w World);

impl<'w> Machine<'w> {
    pub fn of(world: &'w World) -> Machine<'w> {
        world.write("usr/bin/dkms", format!("#!/bin/sh\nexec {} \"$@\"\n", world.path("bin/dkms").display()));
        tool::run(Command::new("chmod").arg("755").arg(world.path("usr/bin/dkms")));
        for directory in ["usr/share", "root/.rpmdb"] {
            fs::create_dir_all(world.path(directory)).expect("scratch directory is writable");
        }
        let machine = Machine(world);
        let workshop = Workshop::new();
        let base = workshop.package("base", BASE, &[]);
        machine.shell(&format!("rpm -i --justdb {}", base.display())).expect(0);
        machine
    }

    /// A shell on it.
    pub fn shell(&self, script: &str) -> Output {
        let world = self.0.dir().display();
        let checkout = paths::checkout().display();
        // The checkout, with the world in it, may be below /tmp or /root: it is bound to
        // /mnt before these are covered, and back afterwards.
        let home = format!(
            "mount --rbind {checkout} /mnt\nmount --bind {world}/root /root\n\
             mount -t tmpfs -o mode=1777 tmpfs /tmp\n\
             mkdir -p {checkout}\nmount --rbind /mnt {checkout}\n"
        );
        let places = [
            (format!("{world}/usr/share"), "/usr/share"),
            (format!("{world}/root/.rpmdb"), "/var/lib/rpm"),
            (format!("{world}/usr/bin/dkms"), "/usr/sbin/dkms"),
            (format!("{checkout}/sdk/guest/src/packaging/common.postinst"), "/usr/lib/dkms/common.postinst"),
        ];
        let mounts: String = places.iter().map(|(from, to)| format!("mount --bind {from} {to}\n")).collect();
        let script = format!("set -e\n{home}{mounts}{script}");
        self.0.shell(&script).env("HOME", "/root").run()
    }

    /// Rpm on it.
    pub fn rpm(&self, line: &str) -> Output {
        self.shell(&format!("rpm {line}"))
    }
}
