//! What plugins find out about a machine and the kernel that it may be restarted into.

use std::sync::Arc;

use super::Invocation;
use crate::error::Result;
use modsmith_facts::kernel::{Kernel, module_stem};
use modsmith_facts::machine::Machine;
use modsmith_plugins::{CheckReport, CheckSubject, Checks};

/// What one plugin says.
#[derive(Debug, Clone)]
pub(super) struct PluginReport {
    /// The plugin's id.
    pub plugin: String,
    /// Errors: why there is no report, as a clause.
    pub report: std::result::Result<CheckReport, String>,
}

/// Names of the modules that packages of the tree have built for any kernel, with `_` for `-`, each
/// with its package.
///
/// # Errors
/// The tree cannot be read.
pub(super) fn makers(run: &Invocation<'_>) -> Result<Vec<(String, String)>> {
    let tree = &run.env.tree;
    let mut makers = Vec::new();
    for entry in tree.entries()? {
        for target in tree.targets(&entry.id) {
            let products = tree.products(&entry.id, &target);
            let names = products.iter().filter_map(|file| Some(module_stem(file)?.0.replace('-', "_")));
            makers.extend(names.map(|name| (name, entry.id.to_string())));
        }
    }
    makers.sort();
    makers.dedup();
    Ok(makers)
}

/// Asks every plugin of the role `checks`.
pub(super) fn reports(
    run: &Invocation<'_>,
    kernel: &Arc<Kernel>,
    machine: &Machine,
    makers: &[(String, String)],
) -> Vec<PluginReport> {
    let subject = CheckSubject { kernel, machine, makers: makers.to_vec() };
    let reports = Checks(&run.env.plugins).reports(&subject).into_iter();
    reports
        .map(|(plugin, report)| PluginReport {
            plugin,
            report: report.map_err(|error| error.to_string().trim_end_matches('.').to_owned()),
        })
        .collect()
}

/// How to make a plugin answer that did not: one sentence.
pub(super) fn remedy_of_failure(plugin: &str) -> String {
    format!("Run `modsmith plugin inspect {plugin}`: grant the plugin, correct its settings, or remove it.")
}
