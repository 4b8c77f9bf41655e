//! A shell script that submits job arrays to Slurm, and the collector behind them.

use std::fmt::Write;

use super::{Job, fill, ranges, shell_word};

/// The most tasks of an array: `MaxArraySize` is 1001 unless it is set, and the highest index is one
/// below it. Source: slurm.conf(5).
const MOST: usize = 1000;

/// One array for each thousand cells.
pub(super) fn emit(job: &Job<'_>) -> String {
    let indices = job.indices();
    let mut arrays = String::new();
    // An array's indices have to be small, the numbers of cells need not be.
    let mut offset = 0;
    while let Some(last) = indices.last().filter(|last| **last >= offset) {
        let end = offset + MOST;
        let part: Vec<usize> = indices.iter().filter(|i| (offset..end).contains(*i)).map(|i| i - offset).collect();
        if !part.is_empty() {
            let _ = writeln!(arrays, "{} {offset}", ranges(&part));
        }
        offset = if *last < end { usize::MAX } else { end };
    }
    fill(
        include_str!("slurm.in"),
        &[
            ("MATRIX", &shell_word(job.file)),
            ("RESULTS", &shell_word(job.results)),
            ("OPTIONS", &job.shell_options()),
            ("ARRAYS", arrays.trim_end()),
        ],
    )
}
