//! `--rpm_safe_upgrade`: when one transaction of a package manager installs a
//! package's new files and then runs the removal script of the old ones, for the
//! same version, the removal must not take out what was just added.
//!
//! `add` leaves a note for the transaction, which is the process that started
//! the script that started this program; `remove` finds it and does nothing.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use crate::error::{Error, Result};
use crate::tree::PackageId;

/// The transaction: a process, told from a later one of the same number by the
/// time when it was started.
struct Transaction {
    pid: String,
    started: String,
}

impl Transaction {
    fn current() -> Option<Self> {
        let pid = field("self", PARENT).and_then(|script| field(&script, PARENT))?;
        Some(Self { started: field(&pid, STARTED)?, pid })
    }

    fn prefix(&self) -> String {
        format!("dkms_rpm_safe_upgrade_lock.{}.", self.pid)
    }

    fn note(&self, id: &PackageId) -> String {
        format!("{}-{}\n{}\n", id.module, id.version, self.started)
    }
}

/// Fields of `/proc/PID/stat` after the program's name, which is in parentheses;
/// proc(5) counts from 1 and has the name second.
const PARENT: usize = 4 - 3;
const STARTED: usize = 22 - 3;

fn field(pid: &str, index: usize) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    fields.split_whitespace().nth(index).map(String::from)
}

/// Leaves the note that a package has been added.
///
/// # Errors
/// When it cannot be written.
pub fn promise(id: &PackageId, directory: &Path) -> Result<()> {
    let Some(transaction) = Transaction::current() else { return Ok(()) };
    let at = directory.join(format!("{}{}", transaction.prefix(), std::process::id()));
    let written = fs::File::create_new(&at).and_then(|mut file| {
        use std::io::Write;
        file.write_all(transaction.note(id).as_bytes())
    });
    written.map_err(|e| Error::io("write", &at, e))
}

/// Takes the note that a package has been added back, if there is one.
pub fn redeem(id: &PackageId, directory: &Path) -> bool {
    let Some(transaction) = Transaction::current() else { return false };
    let notes: Vec<PathBuf> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(&transaction.prefix())))
        // Whoever may write to the directory could leave one.
        .filter(|path| fs::symlink_metadata(path).is_ok_and(|m| m.is_file() && m.uid() == geteuid().as_raw()))
        .filter(|path| fs::read_to_string(path).is_ok_and(|text| text == transaction.note(id)))
        .collect();
    notes.iter().for_each(|note| drop(fs::remove_file(note)));
    !notes.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_counts_once_and_for_its_package_only() {
        let dir = tempfile::tempdir().unwrap();
        let (this, other) = (PackageId::new("this", "1.0").unwrap(), PackageId::new("this", "2.0").unwrap());
        promise(&this, dir.path()).unwrap();
        assert!(!redeem(&other, dir.path()));
        assert!(redeem(&this, dir.path()));
        assert!(!redeem(&this, dir.path()));
    }

    #[test]
    fn a_note_of_another_process_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let this = PackageId::new("this", "1.0").unwrap();
        promise(&this, dir.path()).unwrap();
        let note = fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
        fs::write(&note, "this-1.0\n1\n").unwrap();
        assert!(!redeem(&this, dir.path()));
    }
}
