//! A Debian system from nothing, in a directory below `target/`. `/proc` and
//! `/dev` are mounted in a mount namespace that ends with each step, so nothing
//! is left mounted.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::{Output, paths, tool};

/// Installs and removes without questions, and without what is only recommended.
const APT: &str = "DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
                   -o APT::Keep-Downloaded-Packages=true";

/// A minimal system of a release. Removed on drop.
pub struct Chroot {
    dir: TempDir,
    /// Where the packages that it downloads are kept.
    archives: PathBuf,
}

impl Chroot {
    /// A system of this machine's release, from its mirror.
    ///
    /// # Panics
    /// When debootstrap is missing or fails.
    pub fn minimal() -> Chroot {
        Self::of(&mirror().1)
    }

    /// A system of a release, from this machine's mirror: `bookworm`, `sid`.
    ///
    /// # Panics
    /// When debootstrap is missing or fails.
    pub fn of(release: &str) -> Chroot {
        let (mirror, own_release) = mirror();
        let base = paths::cached("chroot", release, |dir| {
            tool::run(
                Command::new(tool::path("debootstrap")).args(["--variant=minbase", release]).arg(dir).arg(&mirror),
            );
        });
        // Releases have different packages of the same name and version.
        let archives = paths::cache("chroot").join(match release == own_release {
            true => "archives".to_owned(),
            false => format!("archives-{release}"),
        });
        let dir = tempfile::Builder::new().prefix("system-").tempdir_in(paths::cache("chroot")).expect("a directory");
        tool::run(Command::new("cp").args(["-a", "--reflink=auto"]).arg(base.join(".")).arg(dir.path()));
        let chroot = Chroot { dir, archives };
        fs::write(chroot.path("etc/apt/sources.list"), sources_of(release)).expect("writable");
        // A mirror may be one of an earlier day.
        let valid = "Acquire::Check-Valid-Until \"false\";\n";
        fs::write(chroot.path("etc/apt/apt.conf.d/90valid-until"), valid).expect("writable");
        // Authorities that the administrator trusts, for what is downloaded in it.
        let trusted = Path::new("usr/local/share/ca-certificates");
        if Path::new("/").join(trusted).is_dir() {
            let local = chroot.path("usr/local/share");
            tool::run(Command::new("cp").arg("-a").arg(Path::new("/").join(trusted)).arg("-t").arg(local));
        }
        for file in ["etc/resolv.conf", "etc/hosts"] {
            fs::copy(Path::new("/").join(file), chroot.path(file)).expect("this machine has it");
        }
        // No service of the system is started.
        fs::write(chroot.path("usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n").expect("writable");
        tool::run(Command::new("chmod").arg("755").arg(chroot.path("usr/sbin/policy-rc.d")));
        chroot
    }

    /// The system with a place of its own for downloaded packages: for programs that call apt-get
    /// themselves, which needs that place for itself.
    pub fn with_own_archives(mut self) -> Chroot {
        let name = self.dir.path().file_name().expect("a plain name").to_owned();
        self.archives = self.path("var/cache").join(name);
        self
    }

    /// A path in it.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Runs a shell script inside, as root.
    pub fn run(&self, script: &str) -> Output {
        fs::create_dir_all(self.archives.join("partial")).expect("the cache is writable");
        let mounts = "set -e\n\
                      mount -t proc proc \"$1/proc\"\n\
                      mount --rbind /dev \"$1/dev\"\n\
                      mount --bind \"$2\" \"$1/var/cache/apt/archives\"\n\
                      exec chroot \"$1\" /bin/sh -c \"$3\"";
        let out = Command::new(tool::path("unshare"))
            .args(["--mount", "--pid", "--fork", "--kill-child", "--", "/bin/sh", "-c", mounts, "chroot"])
            .args([self.dir.path(), &self.archives])
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

    /// Copies this checkout to `/modsmith`, without what was built.
    pub fn bring_checkout(&self) {
        let target = self.path("modsmith");
        fs::create_dir(&target).expect("writable");
        let script = "tar -C \"$1\" --exclude=./target --exclude=./plugins/target --exclude=./sdk/guest/target \
                      --exclude=./.git -c . | tar -C \"$2\" -x --no-same-owner";
        tool::run(Command::new("/bin/sh").args(["-c", script, "copy"]).args([paths::checkout(), &target]));
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
            .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("modsmith_")))
            .expect("make deb leaves a .deb");
        fs::copy(made, self.path("modsmith.deb")).expect("writable");
    }

    /// The names of all packages of modules that its apt knows.
    pub fn packages_of_modules(&self) -> Vec<String> {
        let listed = self.run("apt-cache pkgnames | grep -e '-dkms$' | grep -v ^dh- | sort").expect(0).stdout;
        listed.split_whitespace().map(String::from).collect()
    }

    /// Runs apt-get, which must succeed.
    #[track_caller]
    pub fn apt(&self, what: &str) -> Output {
        self.try_apt(what).expect(0)
    }

    /// Runs apt-get.
    pub fn try_apt(&self, what: &str) -> Output {
        // The directory of packages is common to all systems, and locked.
        let turn = fs::File::create(paths::cache("chroot").join("apt.lock")).expect("the cache is writable");
        turn.lock().expect("files can be locked");
        self.run(&format!("{APT} {what}"))
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

/// The text of sources.list for a release: what this machine's apt has, of that release.
pub fn sources_of(release: &str) -> String {
    let own_release = mirror().1;
    let sources: BTreeSet<String> =
        targets().iter().filter_map(|target| source(target, &own_release, release)).collect();
    Vec::from_iter(sources).concat()
}

/// A line of sources.list for a release, made of one of this machine's targets.
/// Debian's unstable has nothing beside the release itself.
fn source(target: &str, own_release: &str, release: &str) -> Option<String> {
    let [uri, named, component] = target.split(' ').collect::<Vec<_>>()[..] else { return None };
    let beside = named.strip_prefix(own_release)?;
    let is_stable = !matches!(release, "sid" | "unstable");
    (beside.is_empty() || is_stable).then(|| format!("deb {uri} {release}{beside} {component}\n"))
}

/// The mirror that has the release itself, and the release's name.
pub(crate) fn mirror() -> (String, String) {
    targets()
        .iter()
        .find_map(|target| {
            let (uri, rest) = target.split_once(' ')?;
            let (release, _) = rest.split_once(' ')?;
            (!release.contains('-')).then(|| (uri.to_owned(), release.to_owned()))
        })
        .expect("this machine's apt has a source of Debian: apt-get update")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_have_the_sources_that_this_machine_has() {
        let of = |target: &str, release: &str| source(target, "bookworm", release);
        let (main, security) = ("http://m bookworm main", "http://s bookworm-security main");
        assert_eq!(of(main, "trixie").as_deref(), Some("deb http://m trixie main\n"));
        assert_eq!(of(security, "bookworm").as_deref(), Some("deb http://s bookworm-security main\n"));
        assert_eq!(of(security, "trixie").as_deref(), Some("deb http://s trixie-security main\n"));
        assert_eq!(of(main, "sid").as_deref(), Some("deb http://m sid main\n"));
        assert_eq!(of(security, "sid"), None);
    }
}
