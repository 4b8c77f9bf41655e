//! A file system in memory for the worlds of one test: half of what a test costs is the
//! kernel's work on small files that are soon gone.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

use super::is_root;
use super::mounts::Mounts;
use crate::paths;

/// With less free memory, in kibibytes, worlds are on the disk.
const ENOUGH: u64 = 6 << 20;

thread_local! {
    /// A namespace belongs to the thread that made it, and to what that thread starts later.
    static WORLDS: OnceCell<PathBuf> = const { OnceCell::new() };
}

/// The directory for worlds. Mounts are the test's own and end with it.
pub fn worlds() -> PathBuf {
    let prepare = || {
        let dir = paths::cache("worlds");
        // Where no mount can be had, as in a chroot of others, the disk does.
        let _ = (is_root() && has_memory() && !is_mounted(&dir)).then(|| {
            let mut mounts = Mounts::default();
            mounts.memory(&dir);
            mounts.enter()
        });
        dir
    };
    WORLDS.with(|worlds| worlds.get_or_init(prepare).clone())
}

fn has_memory() -> bool {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let free =
        text.lines().find_map(|line| line.strip_prefix("MemAvailable:")?.trim().strip_suffix(" kB")?.parse().ok());
    free.is_some_and(|free: u64| free >= ENOUGH)
}

/// Whether the thread that started this one has mounted it.
fn is_mounted(dir: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/thread-self/mountinfo").unwrap_or_default();
    mounts.lines().any(|line| line.split(' ').nth(4).is_some_and(|place| Path::new(place) == dir))
}
