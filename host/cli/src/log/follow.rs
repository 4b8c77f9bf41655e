//! `modsmith log --follow`: the log of a build that is going on.
//!
//! The tree's lock is not touched: that a build has ended is seen by what it leaves, a log
//! that is kept or the record of a failure.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rustix::fs::{Mode, OFlags};

use super::super::output;
use super::{Build, builds, earlier, head};
use modsmith_core::error::{Error, Result};
use modsmith_core::tree::{PackageId, Target, Tree};
use modsmith_facts::{Location, inside, open_beneath};

const PAUSE: Duration = Duration::from_millis(200);

/// A log that is being shown.
struct Shown {
    file: File,
    /// Device and inode.
    identity: (u64, u64),
    /// The beginning of a line whose end has not been read.
    open: Vec<u8>,
}

/// Shows the newest log of a build of the package that has not ended, waits for one where
/// there is none, and says in the end how the build went.
pub fn follow(tree: &Tree, id: &PackageId, asked: impl Fn(&Target) -> bool) -> Result<()> {
    // Not those since a moment: times of files are behind the clock by as much as 10 ms.
    let before = ends(&known(tree, id, &asked));
    let mut shown: Option<Shown> = None;
    loop {
        // Looked for first: what a build that has ended has written is then read to its end.
        let known = known(tree, id, &asked);
        let last = known.iter().map(|build| build.time).max();
        let ended = known.into_iter().find(|build| !before.contains(&(build.target.clone(), build.time)));
        if let Some(newest) = newest(tree, id, &asked, last)?
            && shown.as_ref().is_none_or(|shown| shown.identity != newest.identity)
        {
            shown = Some(newest);
        }
        if let Some(shown) = &mut shown {
            shown.read_on().map_err(|e| Error::io("read the log of", &PathBuf::from(id.to_string()), e))?;
        }
        if let Some(build) = ended {
            // The build has ended between two looks at its log.
            let unseen = build.log.as_ref().filter(|_| shown.is_none());
            if let Some(contents) = unseen.and_then(|log| inside::read_file(log).ok()) {
                output::file(&contents);
            }
            output::lines(&format!("\n{}", head(id, &build, &[])));
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
}

impl Shown {
    /// Prints the lines that have been added.
    fn read_on(&mut self) -> std::io::Result<()> {
        self.file.read_to_end(&mut self.open)?;
        if let Some(end) = memchr::memrchr(b'\n', &self.open) {
            let lines: Vec<u8> = self.open.drain(..=end).collect();
            output::file(&lines);
        }
        Ok(())
    }
}

/// The builds that have ended.
fn known(tree: &Tree, id: &PackageId, asked: impl Fn(&Target) -> bool) -> Vec<Build> {
    let all = builds(tree, id).into_iter().chain(earlier(tree, id));
    all.filter(|build| asked(&build.target)).collect()
}

/// When builds ended. A build that is made again has another time.
fn ends(builds: &[Build]) -> Vec<(Target, jiff::Timestamp)> {
    builds.iter().map(|build| (build.target.clone(), build.time)).collect()
}

/// The log that was written to last, unless a build has ended since.
fn newest(
    tree: &Tree,
    id: &PackageId,
    asked: impl Fn(&Target) -> bool,
    last: Option<jiff::Timestamp>,
) -> Result<Option<Shown>> {
    let mut latest = last.map_or(SystemTime::UNIX_EPOCH, SystemTime::from);
    let mut found: Option<File> = None;
    for location in logs(tree, id, asked) {
        let Some(file) = open(tree, &location) else { continue };
        let data = file.metadata().map_err(|e| Error::io("read the log", &tree.real(&location), e))?;
        let time = data.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        if data.is_file() && time > latest {
            latest = time;
            found = Some(file);
        }
    }
    let shown = |file: File| {
        let data = file.metadata().ok()?;
        Some(Shown { identity: (data.dev(), data.ino()), file, open: Vec::new() })
    };
    Ok(found.and_then(shown))
}

/// The logs of the builds that run: each kernel has its own.
fn logs(tree: &Tree, id: &PackageId, asked: impl Fn(&Target) -> bool) -> Vec<Location> {
    let below = |location: &Location| {
        let entries = std::fs::read_dir(tree.real(location)).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect::<Vec<_>>()
    };
    let mut directories = vec![id.build_dir()];
    let example = id.isolated_build_dir(&Target { kernel: "kernel".into(), arch: "arch".into() });
    let kernels = example.parent().and_then(|kernel| kernel.parent());
    for kernel in kernels.iter().flat_map(below) {
        let archs = kernels.as_ref().and_then(|kernels| kernels.join(&kernel).ok());
        for arch in archs.iter().flat_map(below) {
            let target = Target { kernel: kernel.clone(), arch };
            if asked(&target) {
                directories.push(id.isolated_build_dir(&target));
            }
        }
    }
    directories.iter().filter_map(|directory| directory.join("make.log").ok()).collect()
}

/// Builds may write to these directories: no link is followed, and nothing is waited for.
fn open(tree: &Tree, location: &Location) -> Option<File> {
    let directory = File::open(tree.path()).ok()?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = open_beneath(&directory, location.relative(), flags, Mode::empty()).ok()?;
    Some(File::from(file))
}
