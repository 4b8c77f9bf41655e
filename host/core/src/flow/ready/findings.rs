//! What plugins know of the machine, in the verdict about a restart.

use super::uses::Uses;
use crate::flow::findings::{PluginReport, remedy_of_failure};
use modsmith_plugins::{Finding, FindingLevel, Purpose};
use modsmith_verdict::{Answer, Grade, Reason};

/// Has the modules that plugins name count as needed. Returns their findings; a plugin that gave no
/// report makes the answer unknown.
pub(super) fn apply(reports: Vec<PluginReport>, uses: &mut Uses) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for PluginReport { plugin, report } in reports {
        match report {
            Ok(report) => {
                for need in &report.needs {
                    uses.raise(&need.module, grade(need.purpose), &need.why);
                }
                reasons.extend(report.findings.iter().map(|finding| reason(&plugin, finding)));
            }
            Err(why) => {
                let evidence = format!("what it would find is unknown: {why}");
                let doubt = Reason::doubt(Grade::Present, &format!("plugin {plugin}"), evidence);
                reasons.extend(doubt.map(|doubt| Reason { remedy: Some(remedy_of_failure(&plugin)), ..doubt }));
            }
        }
    }
    reasons
}

fn grade(purpose: Purpose) -> Grade {
    match purpose {
        Purpose::Boot => Grade::BootCritical,
        Purpose::Session => Grade::SessionCritical,
        Purpose::Wish => Grade::Present,
    }
}

fn reason(plugin: &str, finding: &Finding) -> Reason {
    let (answer, grade) = match finding.level {
        FindingLevel::Unsafe => (Answer::Unsafe, Grade::BootCritical),
        FindingLevel::Degraded => (Answer::Degraded, Grade::Present),
        FindingLevel::Note => (Answer::Safe, Grade::Idle),
    };
    let evidence = finding.evidence.iter().map(|text| format!(" ({text})"));
    Reason {
        answer,
        grade,
        subject: finding.subject.clone(),
        evidence: [finding.message.clone()].into_iter().chain(evidence).collect(),
        remedy: finding.remedy.clone(),
        finding: Some(format!("{plugin}/{}", finding.id)),
    }
}
