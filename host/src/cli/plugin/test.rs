//! `modsmith plugin test`: the cases and laws of plugins.

use super::print_json;
use crate::cli::arguments::PluginTestArguments;
use crate::error::Result;
use crate::plugin::testing::{Selection, TestOptions, test};

/// Tests, and tells what failed.
///
/// # Errors
/// `TestsFailed` with the number of failures; as [`test`] otherwise.
pub fn run(arguments: &PluginTestArguments) -> Result<()> {
    let PluginTestArguments { paths, case, update, built, cases, json } = arguments.clone();
    let report = test(&TestOptions { selection: Selection { paths, built, cases }, case, update })?;
    if json {
        print_json(&report)?;
        return report.verdict().map(|_| ());
    }
    print!("{report}");
    report.verdict().map(|verdict| println!("{verdict}"))
}
