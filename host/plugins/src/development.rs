//! Plugins in development: used for some time without a grant, because root said so.
//!
//! Each has a directory of its own, with the plugin and a record of how long it counts. A
//! record counts on the start of the machine that it was written in, and not after its time.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use modsmith_facts::{TrustedDir, inside};

use crate::error::Error;

/// The record beside a plugin.
const RECORD: &str = "development.record";
/// An identity of the present start of the machine.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";
/// The longest time, in hours.
pub const LONGEST_HOURS: u64 = 24;

/// A plugin that is used without a grant for some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Development {
    pub id: String,
    /// Holds its file.
    pub directory: PathBuf,
    /// The source folder or file that it was made from.
    pub source: PathBuf,
    /// How long it counts still.
    pub left: Duration,
    /// Whether its source has changed since.
    pub is_stale: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    source: PathBuf,
    /// In seconds since 1970.
    begun: u64,
    until: u64,
    boot: String,
}

impl Development {
    /// The plugins below a directory that count now, by id.
    pub fn all(run: &Path) -> Vec<Self> {
        // Files that others could have written do not count, and neither do links.
        let Ok(Some(top)) = TrustedDir::own(&inside::real(run)) else { return Vec::new() };
        let (now, boot) = (now(), boot());
        let mut all: Vec<Self> = top
            .names()
            .unwrap_or_default()
            .into_iter()
            .filter_map(|id| {
                let directory = run.join(&id);
                let record = top.directory(&id).ok()??.read(RECORD).ok()??;
                let record: Record = toml::from_str(std::str::from_utf8(&record).ok()?).ok()?;
                let left = record.until.checked_sub(now).filter(|left| *left > 0 && record.begun <= now)?;
                let is_stale = newest(&record.source).is_some_and(|changed| changed > record.begun);
                let left = Duration::from_secs(left.min(LONGEST_HOURS * 3600));
                (record.boot == boot).then_some(Self { id, directory, source: record.source, left, is_stale })
            })
            .collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// Begins the use of a plugin's file, `.wasm` or `.toml`, in place of an earlier one of its id.
    /// The caller has made sure that the file is that plugin: all users may read the copy.
    ///
    /// # Errors
    /// `Io`: something cannot be written.
    pub fn begin(run: &Path, id: &str, file: &Path, source: &Path, time: Duration) -> Result<Self, Error> {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        let directory = run.join(id);
        Self::remove(&directory)?;
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o755).create(&directory);
        made.map_err(|e| Error::io("make the directory", &directory, e))?;
        let begun = now();
        let until = begun.saturating_add(time.as_secs());
        let record = Record { source: source.to_path_buf(), begun, until, boot: boot() };
        let suffix = file.extension().unwrap_or_default();
        let copy = directory.join(id).with_added_extension(suffix);
        let record_file = directory.join(RECORD);
        let written = || {
            let text = toml::to_string(&record).map_err(std::io::Error::other)?;
            std::fs::copy(file, &copy)?;
            std::fs::write(&record_file, text)?;
            let mode = std::fs::Permissions::from_mode(0o644);
            std::fs::set_permissions(&copy, mode.clone())?;
            std::fs::set_permissions(&record_file, mode)
        };
        written().map_err(|e| Error::io("write", &record_file, e))?;
        Ok(Self { id: id.to_owned(), directory, source: record.source, left: time, is_stale: false })
    }

    /// Ends the use of a plugin, or of all; returns their ids.
    ///
    /// # Errors
    /// `Io`: a directory cannot be removed.
    pub fn stop(run: &Path, id: Option<&str>) -> Result<Vec<String>, Error> {
        let ended = Self::all(run).into_iter().filter(|known| id.is_none_or(|id| id == known.id));
        ended.map(|known| Self::remove(&known.directory).map(|()| known.id)).collect()
    }

    /// For people: one sentence.
    pub fn sentence(&self) -> String {
        let minutes = self.left.as_secs().div_ceil(60);
        let stale = match self.is_stale {
            true => format!(" {0} has changed since: run `modsmith plugin dev {0}` again.", self.source.display()),
            false => String::new(),
        };
        format!(
            "The plugin `{}` is in development: it is used without a grant for {minutes} more minute{}. \
             `modsmith plugin dev --stop` ends that.{stale}",
            self.id,
            if minutes == 1 { "" } else { "s" }
        )
    }

    fn remove(directory: &Path) -> Result<(), Error> {
        match std::fs::remove_dir_all(directory) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", directory, e)),
            _ => Ok(()),
        }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn boot() -> String {
    std::fs::read_to_string(BOOT).unwrap_or_default().trim().to_owned()
}

/// When a file, or the youngest file of a folder, was changed: in seconds since 1970. Files that
/// compilers make, below `target` and `dist`, do not count.
fn newest(source: &Path) -> Option<u64> {
    let is_made = |name: &std::ffi::OsStr| name == "target" || name == "dist" || name == ".git";
    let walk = walkdir::WalkDir::new(source).into_iter();
    let files = walk.filter_entry(|entry| entry.depth() == 0 || !is_made(entry.file_name())).filter_map(Result::ok);
    let changed =
        files.filter(|entry| entry.file_type().is_file()).filter_map(|entry| entry.metadata().ok()?.modified().ok());
    changed.max()?.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(time: u64) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.toml");
        std::fs::write(&file, "id = \"x\"\n").unwrap();
        let run = dir.path().join("run");
        Development::begin(&run, "x", &file, &file, Duration::from_secs(time)).unwrap();
        (dir, run)
    }

    fn change(run: &Path, from: &str, to: &str) {
        let file = run.join("x").join(RECORD);
        let text = std::fs::read_to_string(&file).unwrap();
        let line = text.lines().find(|line| line.starts_with(from)).unwrap().to_owned();
        std::fs::write(&file, text.replace(&line, to)).unwrap();
    }

    #[test]
    fn it_counts_for_its_time_and_until_it_is_stopped() {
        let (_dir, run) = begun(90);
        let all = Development::all(&run);
        assert_eq!((all.len(), all[0].id.as_str(), all[0].is_stale), (1, "x", false));
        assert!(all[0].left > Duration::from_secs(80), "{all:?}");
        assert!(all[0].sentence().contains("2 more minutes"), "{}", all[0].sentence());
        assert!(run.join("x/x.toml").is_file());
        assert!(Development::stop(&run, Some("y")).unwrap().is_empty());
        assert_eq!(Development::stop(&run, None).unwrap(), ["x"]);
        assert!(Development::all(&run).is_empty() && !run.join("x").exists());
    }

    #[test]
    fn it_ends_with_its_time_and_with_a_restart() {
        for (key, line) in [("until", "until = 5"), ("boot", "boot = \"another\""), ("begun", "begun = 99999999999")] {
            let (_dir, run) = begun(90);
            change(&run, key, line);
            assert!(Development::all(&run).is_empty(), "{line}");
        }
        assert!(Development::all(&begun(0).1).is_empty());
    }

    #[test]
    fn what_others_can_write_counts_for_nothing() {
        use std::os::unix::fs::PermissionsExt;
        for path in ["", "x", "x/development.record"] {
            let (_dir, run) = begun(90);
            std::fs::set_permissions(run.join(path), std::fs::Permissions::from_mode(0o777)).unwrap();
            assert!(Development::all(&run).is_empty(), "{path}");
        }
    }

    #[test]
    fn a_record_that_is_no_regular_file_counts_for_nothing_and_is_not_waited_for() {
        for (kind, _) in crate::files::tests::INSTEAD {
            let (_dir, run) = begun(90);
            crate::files::tests::put(kind, &run.join("x").join(RECORD));
            assert!(Development::all(&run).is_empty(), "{kind}");
        }
        let (_dir, run) = begun(90);
        std::fs::rename(run.join("x"), run.with_file_name("real")).unwrap();
        std::os::unix::fs::symlink(run.with_file_name("real"), run.join("x")).unwrap();
        assert!(Development::all(&run).is_empty(), "a link");
    }

    #[test]
    fn a_source_that_has_changed_since_is_reported() {
        let (dir, run) = begun(90);
        let later = SystemTime::now() + Duration::from_secs(5);
        std::fs::File::options().append(true).open(dir.path().join("x.toml")).unwrap().set_modified(later).unwrap();
        let all = Development::all(&run);
        assert!(all[0].is_stale && all[0].sentence().contains("has changed since"), "{all:?}");
    }
}
