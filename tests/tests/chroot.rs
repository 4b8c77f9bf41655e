//! A Debian system from nothing: modsmith's own package, packages of modules,
//! kernels that come and go, all through the package manager. What is done is
//! done by the real maintainer scripts and hooks.
//!
//! Everything is in a directory below `target/`; `/proc` and `/dev` are mounted
//! in a mount namespace that ends with each step, so nothing is left mounted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use modsmith_tests::{Output, kernel, paths, tool};
use tempfile::TempDir;

/// Installs and removes without questions, and without what is only recommended.
const APT: &str = "DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
                   -o APT::Keep-Downloaded-Packages=true";

struct Chroot {
    dir: TempDir,
}

impl Chroot {
    /// A minimal system of this machine's release, from this machine's mirror.
    fn new() -> Chroot {
        let (mirror, release) = mirror();
        let base = paths::cached("chroot", &release, |dir| {
            tool::run(
                Command::new(tool::path("debootstrap")).args(["--variant=minbase", &release]).arg(dir).arg(&mirror),
            );
        });
        let dir = tempfile::Builder::new().prefix("system-").tempdir_in(paths::cache("chroot")).expect("a directory");
        tool::run(Command::new("cp").args(["-a", "--reflink=auto"]).arg(base.join(".")).arg(dir.path()));
        let chroot = Chroot { dir };
        let sources: String = targets().iter().map(|target| format!("deb {target}\n")).collect();
        fs::write(chroot.path("etc/apt/sources.list"), sources).expect("writable");
        for file in ["etc/resolv.conf", "etc/hosts"] {
            fs::copy(Path::new("/").join(file), chroot.path(file)).expect("this machine has it");
        }
        // No service of the system is started.
        fs::write(chroot.path("usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n").expect("writable");
        tool::run(Command::new("chmod").arg("755").arg(chroot.path("usr/sbin/policy-rc.d")));
        chroot
    }

    fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Runs a shell script inside, as root.
    fn run(&self, script: &str) -> Output {
        let archives = paths::cache("chroot").join("archives");
        fs::create_dir_all(archives.join("partial")).expect("the cache is writable");
        let mounts = "set -e\n\
                      mount -t proc proc \"$1/proc\"\n\
                      mount --rbind /dev \"$1/dev\"\n\
                      mount --bind \"$2\" \"$1/var/cache/apt/archives\"\n\
                      exec chroot \"$1\" /bin/sh -c \"$3\"";
        let out = Command::new(tool::path("unshare"))
            .args(["--mount", "--pid", "--fork", "--kill-child", "--", "/bin/sh", "-c", mounts, "chroot"])
            .args([self.dir.path(), &archives])
            .arg(script)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", "/root")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .output()
            .expect("unshare is there");
        println!("$ {script}\n{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        Output {
            command: script.into(),
            code: out.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&out.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
        }
    }

    #[track_caller]
    fn apt(&self, what: &str) -> Output {
        self.run(&format!("{APT} {what}")).expect(0)
    }

    fn status(&self) -> String {
        self.run("dkms status").expect(0).stdout
    }

    /// The newest kernel of a flavour that has headers here.
    fn kernel(&self, flavour: &str) -> String {
        let names = fs::read_dir(self.path("lib/modules")).expect("there is a kernel");
        let mut kernels: Vec<String> = names
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.contains("-cloud-") == (flavour == "cloud"))
            .collect();
        kernels.sort();
        kernels.pop().unwrap_or_else(|| panic!("no {flavour} kernel"))
    }

    /// Names of the modules that are installed for a kernel.
    fn installed(&self, kernel: &str) -> Vec<String> {
        let directory = self.path("lib/modules").join(kernel).join("updates/dkms");
        let mut names: Vec<String> = fs::read_dir(directory)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }
}

/// `URI RELEASE COMPONENT` of each of Debian's own sources on this machine.
fn targets() -> Vec<String> {
    let mut apt = Command::new(tool::path("apt-get"));
    apt.args(["indextargets", "--format", "$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]);
    let mut targets: Vec<String> =
        tool::run(&mut apt).lines().filter_map(|line| line.strip_prefix("Debian ").map(String::from)).collect();
    targets.sort();
    targets.dedup();
    targets
}

/// The mirror that has the release itself, and the release's name.
fn mirror() -> (String, String) {
    targets()
        .iter()
        .find_map(|target| {
            let (uri, rest) = target.split_once(' ')?;
            let (release, _) = rest.split_once(' ')?;
            (!release.contains('-')).then(|| (uri.to_owned(), release.to_owned()))
        })
        .expect("this machine's apt has a source of Debian: apt-get update")
}

/// modsmith's own package, made as packagers make it.
fn package() -> PathBuf {
    let out = paths::cache("deb");
    tool::run(
        Command::new(tool::path("make"))
            .args(["deb", &format!("DEB_OUT={}", out.display())])
            .current_dir(paths::checkout()),
    );
    fs::read_dir(&out)
        .expect("make deb made it")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|e| e == "deb"))
        .expect("make deb leaves a .deb")
}

#[test]
#[ignore = "slow"]
fn packages_and_kernels_come_and_go() {
    let system = Chroot::new();
    fs::copy(package(), system.path("modsmith.deb")).expect("writable");
    system.apt("update");

    // The program, in dkms's place.
    system.apt("install /modsmith.deb");
    assert_eq!(system.run("dkms --version").expect(0).stdout, "dkms-3.2.2\n");
    assert_eq!(system.status(), "");

    // A kernel's headers and two packages: their scripts build for it.
    system.apt("install linux-headers-amd64 bbswitch-dkms v4l2loopback-dkms");
    let generic = system.kernel("generic");
    let lines = |kernel: &str, names: &[&str]| -> Vec<String> {
        names.iter().map(|name| format!("{name}, {kernel}, {}: installed", kernel::arch())).collect()
    };
    let told = |system: &Chroot| system.status().lines().map(String::from).collect::<Vec<_>>();
    let both = lines(&generic, &["bbswitch/0.8", "v4l2loopback/0.12.7"]);
    assert_eq!(told(&system), both);
    assert_eq!(system.installed(&generic), ["bbswitch.ko", "v4l2loopback.ko"]);

    // Another kernel: its hook builds what is for it. v4l2loopback is not.
    system.apt("install linux-headers-cloud-amd64 linux-image-cloud-amd64");
    let cloud = system.kernel("cloud");
    assert_eq!(told(&system), [&both[..1], &lines(&cloud, &["bbswitch/0.8"]), &both[1..]].concat());
    assert_eq!(system.installed(&cloud), ["bbswitch.ko"]);
    let index = fs::read_to_string(system.path(format!("lib/modules/{cloud}/modules.dep"))).expect("an index");
    assert!(index.contains("updates/dkms/bbswitch.ko:"), "the index of a kernel that is installed has it");

    // Without its headers a kernel keeps the modules that it has.
    system.apt(&format!("purge linux-headers-cloud-amd64 linux-headers-{cloud}"));
    assert_eq!(system.installed(&cloud), ["bbswitch.ko"]);
    assert_eq!(told(&system).len(), 3);

    // A kernel that goes takes them along.
    system.apt(&format!("purge linux-image-cloud-amd64 linux-image-{cloud}"));
    assert_eq!(told(&system), both);
    assert_eq!(system.installed(&cloud), <[String; 0]>::default());
    assert!(!system.path("lib/modules").join(&cloud).exists(), "nothing of the kernel is left");

    // A package that is installed again is built again.
    system.apt("install --reinstall bbswitch-dkms");
    assert_eq!(told(&system), both);

    // Packages that go take their modules along.
    system.apt("purge bbswitch-dkms");
    assert_eq!(told(&system), both[1..]);
    assert_eq!(system.installed(&generic), ["v4l2loopback.ko"]);
    system.apt("purge v4l2loopback-dkms");
    assert_eq!(system.status(), "");
    assert!(!system.path("lib/modules").join(&generic).join("updates").exists(), "no empty directory is left");

    // And so does the program, but for the signing key.
    system.apt("purge modsmith");
    assert_ne!(system.run("command -v dkms modsmith").code, 0);
    assert!(!system.path("var/cache/modsmith").exists());
    let left: Vec<_> = fs::read_dir(system.path("var/lib/dkms"))
        .expect("the tree stays")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with("mok."))
        .collect();
    assert!(left.is_empty(), "in the tree: {left:?}");
}
