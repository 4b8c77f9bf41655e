//! How long the builds of a package take, by the logs of earlier ones.

use std::io::{Read, Seek, SeekFrom};
use std::time::{Duration, SystemTime};

use crate::tree::{PackageId, Target, Tree};
use modsmith_facts::inside;

/// The end of a log has the time of make; no more of it is read.
const TAIL: u64 = 4096;

/// How many builds are looked at: the newest log of these counts.
const LOOKED_AT: usize = 16;

/// How long the last build of a package took that is still in the tree, for whatever kernel; of
/// another version, where this one has none.
pub(super) fn last_duration(tree: &Tree, id: &PackageId) -> Option<Duration> {
    let of = |id: &PackageId| {
        let targets = tree.targets(id).into_iter().rev().take(LOOKED_AT);
        targets.filter_map(|target| logged(tree, id, &target)).max_by_key(|(written, _)| *written)
    };
    let others = || tree.versions(&id.module).unwrap_or_default().into_iter().filter_map(|entry| of(&entry.id));
    of(id).or_else(|| others().max_by_key(|(written, _)| *written)).map(|(_, took)| took)
}

/// When a log was written, and how long the build took that it is of.
fn logged(tree: &Tree, id: &PackageId, target: &Target) -> Option<(SystemTime, Duration)> {
    let log = id.kept_log(target);
    let is_ours = tree.is_believed(&log);
    let mut file = is_ours.then(|| inside::open(&tree.real(&log)).ok()).flatten()??;
    let metadata = file.metadata().ok()?;
    file.seek(SeekFrom::Start(metadata.len().saturating_sub(TAIL))).ok()?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail).ok()?;
    Some((metadata.modified().ok()?, elapsed(&String::from_utf8_lossy(&tail))?))
}

/// The longest time that a log names: that of make. dkms writes the same lines.
fn elapsed(log: &str) -> Option<Duration> {
    let of_line = |line: &str| {
        let mut parts = line.strip_prefix("# elapsed time: ")?.split(':').map(|part| part.trim().parse::<u64>().ok());
        let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
        let minutes = hours.checked_mul(60)?.checked_add(minutes)?;
        Some(Duration::from_secs(minutes.checked_mul(60)?.checked_add(seconds)?))
    };
    log.lines().filter_map(of_line).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_time_of_a_log_counts() {
        let log = "# elapsed time: 00:00:01\nmake\n# elapsed time: 01:02:03\n# elapsed time: 00:00:00\n";
        assert_eq!(elapsed(log), Some(Duration::from_secs(3723)));
        for other in ["", "# elapsed time: soon", "# elapsed time: 1:2", "# elapsed time: 18446744073709551615:0:0"] {
            assert_eq!(elapsed(other), None, "{other}");
        }
    }
}
