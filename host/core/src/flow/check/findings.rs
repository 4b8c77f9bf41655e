//! What plugins find wrong with the machine.

use super::problem::{Check, Problem, Stage};
use super::scene::Scene;
use crate::flow::findings::{PluginReport, makers, remedy_of_failure, reports};
use modsmith_facts::machine::Machine;
use modsmith_plugins::{Finding, FindingLevel};

pub(super) const PLUGIN_FINDING: Check = Check {
    id: "plugin-finding",
    state: 25,
    title: "a plugin has found that something does not fit together",
    stage: Stage::BootImage,
    find,
};

fn find(scene: &Scene<'_, '_>) -> Vec<Problem> {
    let run = scene.run;
    // A tree that cannot be read has stopped the invocation before.
    let makers = makers(run).unwrap_or_default();
    let machine = Machine::of(&run.env.system.root);
    let mut found = Vec::new();
    for kernel in scene.kernels.iter().filter(|kernel| kernel.is_there()) {
        for PluginReport { plugin, report } in reports(run, &kernel.kernel, &machine, &makers) {
            let problems = match report {
                Ok(report) => report.findings.iter().filter_map(|finding| problem(&plugin, finding)).collect(),
                Err(why) => {
                    let evidence = format!("what the plugin {plugin} would find is unknown: {why}");
                    let unknown = Problem::unknown(&PLUGIN_FINDING, evidence, remedy_of_failure(&plugin));
                    vec![unknown.finding(plugin.clone())]
                }
            };
            found.extend(problems.into_iter().map(|problem: Problem| problem.target(&kernel.target)));
        }
    }
    found
}

/// `None` for a note: nothing is wrong.
fn problem(plugin: &str, finding: &Finding) -> Option<Problem> {
    if finding.level == FindingLevel::Note {
        return None;
    }
    let read = finding.evidence.iter().map(|text| format!(" ({text})")).collect::<String>();
    let evidence = format!("{}: {}{read}", finding.subject, finding.message);
    let remedy = finding.remedy.clone().unwrap_or_else(|| format!("See the documentation of the plugin {plugin}."));
    Some(Problem::of(&PLUGIN_FINDING, evidence).finding(format!("{plugin}/{}", finding.id)).manual(remedy))
}
