//! Settings that dkms's package ships, when modsmith's package takes its place and
//! gives it back: with the real dpkg and the real maintainer scripts, in a directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use modsmith_tests::{Output, paths, tool};
use tempfile::TempDir;

const FRAMEWORK: &str = "etc/dkms/framework.conf";
const ALL_KERNELS: &str = "etc/dkms/framework.conf.d/autoinstall_all_kernels.conf";
const MODPROBE: &str = "etc/modprobe.d/dkms.conf";
const HOOK: &str = "etc/kernel/postinst.d/dkms";
const USERS: &str = "usr/lib/sysusers.d/modsmith.conf";

/// A system with dpkg's records and nothing else.
struct System(TempDir);

impl System {
    fn new() -> System {
        let system = System(tempfile::tempdir().unwrap());
        for file in ["status", "available", "diversions"] {
            system.write(&format!("var/lib/dpkg/{file}"), "");
        }
        for directory in ["info", "updates"] {
            fs::create_dir(system.path("var/lib/dpkg").join(directory)).unwrap();
        }
        system
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join("root").join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let file = self.path(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
    }

    /// dpkg, with no terminal to ask at.
    #[track_caller]
    fn dpkg(&self, arguments: &[&str]) -> Output {
        let mut dpkg = Command::new(tool::path("dpkg"));
        dpkg.arg(format!("--root={}", self.path("").display()));
        dpkg.args(["--force-script-chrootless", "--force-not-root", "--force-depends"]).args(arguments);
        let out = tool::output(dpkg.stdin(Stdio::null()));
        assert!(!out.stderr.contains("What would you like to do"), "it asks: {out}");
        out.expect(0)
    }

    fn install(&self, package: &Path) {
        self.dpkg(&["--install", &package.display().to_string()]);
    }

    /// Dpkg's records of settings that packages have.
    fn diversions(&self) -> String {
        self.read("var/lib/dpkg/diversions")
    }
}

/// A package made of a control file, scripts and configuration files.
fn package(directory: &Path, control: &str, scripts: &Path, files: &[(&str, &str)]) -> PathBuf {
    let stage = directory.join("stage");
    fs::create_dir_all(stage.join("DEBIAN")).unwrap();
    fs::write(stage.join("DEBIAN/control"), control).unwrap();
    let conffiles: String = files.iter().map(|(path, _)| format!("/{path}\n")).collect();
    fs::write(stage.join("DEBIAN/conffiles"), conffiles).unwrap();
    for script in ["preinst", "postinst", "prerm", "postrm"] {
        if scripts.join(script).exists() {
            fs::copy(scripts.join(script), stage.join("DEBIAN").join(script)).unwrap();
        }
    }
    for (path, text) in files {
        fs::create_dir_all(stage.join(path).parent().unwrap()).unwrap();
        fs::write(stage.join(path), text).unwrap();
    }
    let out = directory.join("package.deb");
    tool::run(Command::new(tool::path("dpkg-deb")).args(["--root-owner-group", "-b"]).arg(&stage).arg(&out));
    fs::remove_dir_all(stage).unwrap();
    out
}

/// A package that ships what dkms's does, in one of its versions.
fn dkms(system: &System, version: &str) -> PathBuf {
    let directory = system.0.path().join(format!("dkms-{version}"));
    fs::create_dir(&directory).unwrap();
    let control = format!(
        "Package: dkms\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: x\n"
    );
    let settings = [FRAMEWORK, ALL_KERNELS, MODPROBE, HOOK].map(|file| (file, format!("# {file} of dkms {version}\n")));
    let settings = settings.each_ref().map(|(file, text)| (*file, text.as_str()));
    package(&directory, &control, Path::new("/none"), &settings)
}

/// modsmith's package, but for the programs.
fn modsmith(system: &System) -> PathBuf {
    let directory = system.0.path().join("modsmith");
    fs::create_dir(&directory).unwrap();
    let scripts = paths::checkout().join("integration/debian/deb");
    let control = fs::read_to_string(scripts.join("control")).unwrap();
    let control = [("@VERSION@", "1"), ("@ARCH@", "all"), ("@LIBC@", "2"), ("@SIZE@", "1")]
        .iter()
        .fold(control, |control, (name, value)| control.replace(name, value));
    let user = fs::read_to_string(paths::checkout().join("integration/sysusers.conf")).unwrap();
    package(&directory, &control, &scripts, &[(HOOK, "# modsmith's hook\n"), (USERS, &user)])
}

const EDITED: &str = "mok_signing_key=/root/mok.key\n";

/// A system with dkms, whose settings the administrator has edited.
fn edited() -> System {
    let system = System::new();
    system.install(&dkms(&system, "1"));
    for file in [FRAMEWORK, ALL_KERNELS, MODPROBE] {
        system.write(file, EDITED);
    }
    system
}

fn assert_kept(system: &System) {
    for file in [FRAMEWORK, ALL_KERNELS, MODPROBE] {
        assert_eq!(system.read(file), EDITED, "{file}");
    }
}

#[test]
fn edited_settings_are_kept_without_a_question_when_dkms_goes_and_when_it_comes_back() {
    let system = edited();
    let dkms = system.0.path().join("dkms-1/package.deb");
    for _ in 0..2 {
        // As apt does it: one goes first.
        system.dpkg(&["--remove", "dkms"]);
        if system.0.path().join("modsmith").exists() {
            system.install(&system.0.path().join("modsmith/package.deb"));
        } else {
            system.install(&modsmith(&system));
        }
        assert_kept(&system);
        assert_eq!(system.read(HOOK), "# modsmith's hook\n");
        system.dpkg(&["--remove", "modsmith"]);
        system.install(&dkms);
        assert_kept(&system);
        assert_eq!(system.read(HOOK), format!("# {HOOK} of dkms 1\n"));
        assert_eq!(system.diversions(), "");
    }
    system.dpkg(&["--purge", "modsmith"]);
    assert_kept(&system);
}

#[test]
fn builds_have_a_user_of_their_own_who_stays() {
    tool::path("systemd-sysusers");
    let system = System::new();
    system.install(&modsmith(&system));
    let is_made = || {
        let passwd = system.read("etc/passwd");
        passwd.lines().any(|line| line.starts_with("_modsmith:") && line.ends_with(":/usr/sbin/nologin"))
    };
    assert!(is_made());
    system.install(&system.0.path().join("modsmith/package.deb"));
    system.dpkg(&["--purge", "modsmith"]);
    assert!(is_made(), "a number that is free could be another user's tomorrow");
}

#[test]
fn dkms_may_also_go_in_favour_of_modsmith() {
    let system = edited();
    system.install(&modsmith(&system));
    assert_kept(&system);
}

#[test]
fn purging_what_is_left_of_dkms_takes_no_settings_that_are_in_use() {
    let system = edited();
    system.dpkg(&["--remove", "dkms"]);
    system.install(&modsmith(&system));
    system.dpkg(&["--purge", "dkms"]);
    assert_kept(&system);
    assert_eq!(system.read(HOOK), "# modsmith's hook\n");
    // A newer version is installed again, of whose files dpkg knows nothing.
    system.dpkg(&["--remove", "modsmith"]);
    system.install(&dkms(&system, "2"));
    assert_eq!(system.read(FRAMEWORK), format!("# {FRAMEWORK} of dkms 2\n"));
    for kept in ["framework.conf.d/00-framework.conf", "framework.conf.d/kept-autoinstall_all_kernels.conf"] {
        assert_eq!(system.read(&format!("etc/dkms/{kept}")), EDITED, "{kept}");
    }
    assert_eq!(system.read("etc/modprobe.d/kept-dkms.conf"), EDITED);
}

#[test]
fn settings_that_were_made_without_dkms_are_kept_when_it_is_installed() {
    let system = System::new();
    system.install(&modsmith(&system));
    assert!(!system.path(FRAMEWORK).exists(), "the package brings settings");
    system.write(FRAMEWORK, EDITED);
    // Installed again, and upgraded, it leaves them alone.
    system.install(&system.0.path().join("modsmith/package.deb"));
    assert_eq!(system.read(FRAMEWORK), EDITED);
    system.dpkg(&["--remove", "modsmith"]);
    system.install(&dkms(&system, "1"));
    assert_eq!(system.read("etc/dkms/framework.conf.d/00-framework.conf"), EDITED);
}

#[test]
fn settings_that_were_not_edited_are_dkmss_again() {
    let system = System::new();
    system.install(&dkms(&system, "1"));
    system.dpkg(&["--remove", "dkms"]);
    system.install(&modsmith(&system));
    system.dpkg(&["--remove", "modsmith"]);
    system.install(&dkms(&system, "2"));
    for file in [FRAMEWORK, ALL_KERNELS, MODPROBE, HOOK] {
        assert_eq!(system.read(file), format!("# {file} of dkms 2\n"));
    }
}

/// The peer's package, as it is installed here, has no settings that are not
/// thought of.
#[test]
fn all_settings_of_dkmss_package_are_known() {
    tool::path("dkms");
    let conffiles = tool::run(Command::new(tool::path("dpkg-query")).args(["-W", "-f", "${Conffiles}\n", "dkms"]));
    let preinst = fs::read_to_string(paths::checkout().join("integration/debian/deb/preinst")).unwrap();
    let mut settings = 0;
    for file in conffiles.lines().filter_map(|line| line.split_whitespace().next()) {
        let is_setting = !file.starts_with("/etc/kernel/");
        settings += u32::from(is_setting);
        assert!(!is_setting || preinst.contains(&format!("divert {file}\n")), "{file} is not diverted");
    }
    assert!(settings > 0, "{conffiles}");
}
