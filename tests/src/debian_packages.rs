//! Packages of a release of Debian, which need not be this machine's: downloaded, and unpacked below
//! `target/`, never installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{chroot, paths, tool};

/// The files of a package of a release: `trixie`, `sid`.
///
/// # Panics
/// When it cannot be downloaded.
pub fn unpacked(debian: &str, package: &str) -> PathBuf {
    paths::cached("debian-packages", &format!("{debian}-{package}"), |dir| {
        let work = tempfile::tempdir_in(paths::cache("debian-packages")).expect("a temporary directory");
        Apt::new(debian, work.path()).unpack(&[package.to_owned()], work.path(), dir);
    })
}

/// This machine's apt, or one with lists of its own, for a release that need not be this
/// machine's.
pub struct Apt {
    config: Option<PathBuf>,
}

impl Apt {
    /// With its files in `work`.
    ///
    /// # Panics
    /// When the lists cannot be downloaded.
    pub fn new(debian: &str, work: &Path) -> Apt {
        for directory in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(work.join(directory)).expect("writable");
        }
        fs::write(work.join("sources.list"), chroot::sources_of(debian)).expect("writable");
        fs::write(work.join("status"), "").expect("writable");
        let config = work.join("apt.conf");
        let work = work.display();
        let text = format!(
            "Dir::Etc::sourcelist \"{work}/sources.list\";\nDir::Etc::sourceparts \"/dev/null\";\n\
             Dir::State::lists \"{work}/lists\";\nDir::State::status \"{work}/status\";\nDir::Cache \"{work}/cache\";\n\
             Acquire::Languages \"none\";\nAcquire::Check-Valid-Until \"false\";\nAPT::Sandbox::User \"root\";\n"
        );
        fs::write(&config, text).expect("writable");
        let apt = Apt { config: Some(config) };
        tool::run(apt.command("apt-get").args(["-q", "update"]));
        apt
    }

    /// With this machine's sources and lists.
    pub fn of_this_machine() -> Apt {
        Apt { config: None }
    }

    /// A program of apt that knows these sources alone.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(tool::path(program));
        command.envs(self.config.as_ref().map(|config| ("APT_CONFIG", config)));
        command
    }

    /// The names of a package and of all that it depends on.
    ///
    /// # Panics
    /// When there is no such package.
    pub fn dependencies(&self, package: &str) -> Vec<String> {
        let others = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"];
        let mut apt = self.command("apt-cache");
        apt.args(["depends", "--recurse"]).args(others.map(|kind| format!("--no-{kind}"))).arg(package);
        let text = tool::run(&mut apt);
        let mut names: Vec<String> = text.lines().filter(|line| !line.starts_with(' ')).map(str::to_owned).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Downloads packages into `work`, and unpacks them into a directory.
    ///
    /// # Panics
    /// When they cannot be downloaded.
    pub fn unpack(&self, packages: &[String], work: &Path, into: &Path) {
        tool::run(self.command("apt-get").args(["-q", "download"]).args(packages).current_dir(work));
        for deb in debs(work) {
            tool::run(Command::new(tool::path("dpkg")).arg("-x").arg(deb).arg(into));
        }
    }
}

fn debs(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory).expect("just made").filter_map(|entry| Some(entry.ok()?.path()));
    files.filter(|path| path.extension().is_some_and(|extension| extension == "deb")).collect()
}
