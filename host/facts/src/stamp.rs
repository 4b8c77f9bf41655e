//! What the file system says about a file: enough to know, without reading it,
//! that it has not been written to since.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Size, times and identity of a file; two equal ones of the same path mean the
/// same contents. The device is left out, as git does: its number may be
/// another one after each boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// In bytes.
    pub size: u64,
    /// Nanoseconds since the epoch, as are all times here.
    pub mtime: i64,
    pub ctime: i64,
    pub inode: u64,
}

/// The clock that file systems read ticks at 100 Hz or faster.
const TICK: i64 = 20_000_000;

/// File systems with times in whole seconds: the tick of FAT is two seconds.
const COARSE_TICK: i64 = 2_000_000_000;

impl Stamp {
    /// The stamp of a file; links are followed. Errors: those of stat(2).
    pub fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::from_metadata(&std::fs::metadata(path)?))
    }

    fn from_metadata(metadata: &std::fs::Metadata) -> Self {
        let time = |seconds: i64, nanoseconds: i64| seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds);
        Self {
            size: metadata.size(),
            mtime: time(metadata.mtime(), metadata.mtime_nsec()),
            ctime: time(metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
        }
    }

    /// The stamp of a file that has rested for a moment; `None` for one that
    /// was written so recently that another write could leave the same times,
    /// and for one that cannot be asked.
    pub fn settled(path: &Path) -> Option<Self> {
        let stamp = Self::of(path).ok()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        stamp.settled_at(i64::try_from(now.as_nanos()).ok()?).then_some(stamp)
    }

    fn settled_at(&self, now: i64) -> bool {
        let tick = if self.mtime % 1_000_000_000 == 0 { COARSE_TICK } else { TICK };
        self.mtime.saturating_add(tick) <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_just_written_is_not_settled() {
        let stamp = |mtime| Stamp { size: 1, mtime, ctime: mtime, inode: 1 };
        let now = 1_700_000_000_500_000_000;
        assert!(stamp(now - TICK).settled_at(now));
        assert!(!stamp(now - TICK + 1).settled_at(now));
        assert!(!stamp(now + TICK).settled_at(now), "a clock that was set back");
        assert!(!stamp(1_700_000_000_000_000_000).settled_at(now), "a file system of whole seconds");
        assert!(stamp(1_699_999_998_000_000_000).settled_at(now));
    }

    #[test]
    fn a_write_that_keeps_size_and_modification_time_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x");
        std::fs::write(&file, "one").unwrap();
        let then = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        let date = || std::fs::File::options().write(true).open(&file).unwrap().set_modified(then).unwrap();
        date();
        let before = Stamp::settled(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        std::fs::write(dir.path().join("takes the inode"), "").unwrap();
        std::fs::write(&file, "two").unwrap();
        date();
        let after = Stamp::of(&file).unwrap();
        assert_eq!((before.size, before.mtime), (after.size, after.mtime));
        assert_ne!(before, after);
    }
}
