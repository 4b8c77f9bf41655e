//! The law of the empty system: a plugin does nothing on a system without files and programs.

use super::{Findings, Law, lines};
use crate::error::Result;
use crate::testing::ask::Answer;
use crate::testing::call::Call;
use crate::testing::facts::Facts;
use crate::testing::subject::Subject;
use modsmith_plugins::{Event, Occasion};

/// A release that no distribution has.
const RELEASE: &str = "6.1.0-test";

/// Asks every role that adds steps or has findings about an empty system: no file, no program,
/// no os-release, no configuration of the kernel. Kernel hooks may answer, but
/// with no step: nothing needs doing there.
///
/// # Errors
/// When the system cannot be laid out.
pub fn empty_system(subject: &Subject, findings: &mut Findings) -> Result<()> {
    for call in subject.calls().filter(|call| is_about_a_system(*call)) {
        for facts in variants(Facts::about(call, RELEASE)) {
            let answer = subject.ask(&facts, None)?;
            let kept = match &answer {
                Answer::Unsupported(_) => true,
                Answer::Given { steps, .. } => call == Call::OnEvent && steps.is_empty(),
                Answer::Failed { .. } => false,
            };
            let broken = || match &answer {
                Answer::Given { steps, .. } if steps.is_empty() => vec!["It answered, without any step.".to_owned()],
                answer => lines(answer),
            };
            let facts = || format!("an empty system, call `{}`{}", call.name(), argument(&facts));
            findings.check(Law::EmptySystem, facts, (!kept).then(broken));
        }
    }
    Ok(())
}

/// Calls that add steps, and those that find something about a machine.
fn is_about_a_system(call: Call) -> bool {
    match call {
        Call::Refresh
        | Call::Prepare
        | Call::ModprobeAdd
        | Call::ModprobeRemove
        | Call::WeakLink
        | Call::WeakUnlink
        | Call::KernelRemoved
        | Call::KernelPrepare
        | Call::KernelClean
        | Call::OnEvent
        | Call::Inspect => true,
        // Values, which are given always; a format, of which the system knows
        // nothing; and signing, which follows from its preparation.
        Call::Score
        | Call::Destination
        | Call::Compression
        | Call::Prune
        | Call::KernelArch
        | Call::HeaderDirs
        | Call::HeaderPackage
        | Call::Compiler
        | Call::Images
        | Call::Regeneration
        | Call::Sign
        | Call::Enrolment
        | Call::Assemble
        | Call::Load
        | Call::Arrange
        | Call::HookFiles
        | Call::BootMenu
        | Call::Places
        | Call::Owners
        | Call::Validate => false,
    }
}

/// The call with each value of its argument.
fn variants(facts: Facts) -> Vec<Facts> {
    let events =
        [Event::KernelPreinst, Event::KernelPostinst, Event::KernelPrerm, Event::PostTransaction, Event::ModulesLoaded];
    match facts.call {
        Call::Refresh => [Occasion::Installed, Occasion::Removed]
            .map(|occasion| Facts { occasion: Some(occasion), ..facts.clone() })
            .into(),
        Call::OnEvent => events.map(|event| Facts { event: Some(event), ..facts.clone() }).into(),
        _ => vec![facts],
    }
}

fn argument(facts: &Facts) -> String {
    match facts.call {
        Call::Refresh => facts.occasion.map(|occasion| format!(" ({occasion:?})")).unwrap_or_default(),
        Call::OnEvent => facts.event.map(|event| format!(" ({event:?})")).unwrap_or_default(),
        _ => String::new(),
    }
}
