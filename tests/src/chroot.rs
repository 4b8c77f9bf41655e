//! A Debian system from nothing, in a directory below `target/`. `/proc` and
//! `/dev` are mounted in a mount namespace that ends with each step, so nothing
//! is left mounted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::{Output, paths, tool};

/// Installs and removes without questions, and without what is only recommended.
const APT: &str = "DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
                   -o APT::Keep-Downloaded-Packages=true";

/// A minimal system of this machine's release. Removed on drop.
pub struct Chroot {
    dir: TempDir,
}

impl Chroot {
    /// A system from this machine's mirror.
    ///
    /// # Panics
    /// When debootstrap is missing or fails.
    pub fn minimal() -> Chroot {
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

    /// A path in it.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Runs a shell script inside, as root.
    pub fn run(&self, script: &str) -> Output {
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

    /// Puts modsmith's own package, made as packagers make it, into `/modsmith.deb`.
    pub fn bring_package(&self) {
        // Apart from what another test makes at the same time.
        let out = tempfile::tempdir_in(paths::cache("deb")).expect("a directory");
        tool::run(
            Command::new(tool::path("make"))
                .args(["deb", &format!("DEB_OUT={}", out.path().display())])
                .current_dir(paths::checkout()),
        );
        let made = fs::read_dir(out.path())
            .expect("make deb made it")
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|e| e == "deb"))
            .expect("make deb leaves a .deb");
        fs::copy(made, self.path("modsmith.deb")).expect("writable");
    }

    /// Runs apt-get, which must succeed.
    #[track_caller]
    pub fn apt(&self, what: &str) -> Output {
        // The directory of packages is common to all systems, and locked.
        let turn = fs::File::create(paths::cache("chroot").join("apt.lock")).expect("the cache is writable");
        turn.lock().expect("files can be locked");
        self.run(&format!("{APT} {what}")).expect(0)
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
