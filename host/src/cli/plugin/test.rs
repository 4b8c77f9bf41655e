//! `modsmith plugin test`: the cases and laws of plugins.

use crate::cli::arguments::PluginTestArguments;
use crate::cli::output;
use crate::error::Result;
use crate::plugin::testing::{Selection, TestOptions, test};

/// Tests, and tells what failed.
///
/// # Errors
/// `TestsFailed` with the number of failures; as [`test`] otherwise.
pub fn run(arguments: &PluginTestArguments) -> Result<()> {
    let PluginTestArguments { paths, case, update, built, cases, json } = arguments.clone();
    let report =
        test(&TestOptions { selection: Selection { paths, built, cases, compiling_apart: true }, case, update })?;
    if json {
        output::json(&report)?;
        return report.verdict().map(|_| ());
    }
    output::text(&report.to_string());
    report.verdict().map(|verdict| output::lines(&verdict.to_string()))
}
