//! The laws of roles that add and remove: adding twice adds nothing, and removing undoes adding, in
//! files of the system.

use super::{Findings, Law, lines};
use crate::error::Result;
use crate::testing::ask::{Answer, ask};
use crate::testing::call::Call;
use crate::testing::case::Case;
use crate::testing::rehearsal::{NotCarriedOut, Picture, carry_out, create_roots, prepare};
use crate::testing::subject::Subject;
use crate::testing::target::Target;
use modsmith_plugins::{Plugins, for_author};

/// Carries a case's plan out on its system, twice, and then what undoes it. A
/// case whose plan runs a program that it does not supply is left unchecked, and
/// says so.
///
/// # Errors
/// When the system cannot be laid out or read.
pub fn undoing(subject: &Subject, case: &Case, findings: &mut Findings) -> Result<()> {
    let call = case.facts.call;
    let removes = Call::all().any(|other| other.inverse() == Some(call));
    if call.inverse().is_none() && !removes {
        return Ok(());
    }
    let target = Target::lay_out(&case.facts, Some(&case.path), &subject.id)?;
    create_roots(&target)?;
    let scene = Scene { subject, case, plugins: subject.open(&target), target };
    match scene.play(findings)? {
        Ok(()) => {}
        Err(NotCarriedOut(why)) => findings
            .unchecked
            .push(format!("{}: not checked whether it can be repeated and undone: {why}.", case.path.display())),
    }
    Ok(())
}

struct Scene<'a> {
    subject: &'a Subject,
    case: &'a Case,
    target: Target,
    plugins: Plugins,
}

/// The outcome of a call whose steps were to be carried out.
enum Act {
    /// The steps, if there were any, have been carried out.
    Done,
    /// The steps were not carried out; the lines say why.
    Failed(Vec<String>),
}

impl Scene<'_> {
    fn play(&self, findings: &mut Findings) -> Result<Result<(), NotCarriedOut>> {
        let call = self.case.facts.call;
        let facts = || self.case.path.display().to_string();
        let before = Picture::of(&self.target)?;
        // A refusal is what the case itself is about.
        if !matches!(self.answer(call)?, Answer::Given { .. }) {
            return Ok(Ok(()));
        }
        match self.act(call)? {
            Err(why) => return Ok(Err(why)),
            Ok(Act::Failed(shown)) => {
                findings.check(Law::Idempotent, facts, Some(shown));
                return Ok(Ok(()));
            }
            Ok(Act::Done) => {}
        }
        let once = Picture::of(&self.target)?;

        let again = match self.act(call)? {
            Err(why) => return Ok(Err(why)),
            Ok(act) => act,
        };
        let twice = Picture::of(&self.target)?;
        let broken = match again {
            Act::Failed(shown) => Some(shown),
            Act::Done => (once != twice).then(|| changes("The second time changed files again", &once, &twice)),
        };
        findings.check(Law::Idempotent, facts, broken);

        // If the call has added nothing, its inverse has nothing to remove.
        let Some(inverse) = call.inverse().filter(|_| before != once) else { return Ok(Ok(())) };
        let undone = match self.act(inverse)? {
            Err(why) => return Ok(Err(why)),
            Ok(act) => act,
        };
        let after = Picture::of(&self.target)?;
        let broken = match (undone, &self.case.facts.not_reversible) {
            (Act::Failed(shown), _) => Some(shown),
            (Act::Done, Some(why)) if before != after => {
                findings.unchecked.push(format!("{}: not undone: {}.", facts(), why.trim_end_matches('.')));
                return Ok(Ok(()));
            }
            (Act::Done, Some(_)) => Some(vec!["The case is `not-reversible`, and yet all is as before.".into()]),
            (Act::Done, None) => (before != after).then(|| changes("After adding and removing", &before, &after)),
        };
        findings.check(Law::Reversible, facts, broken);
        Ok(Ok(()))
    }

    fn answer(&self, call: Call) -> Result<Answer> {
        ask(&self.case.facts, call, &self.target, &self.plugins, &self.subject.id)
    }

    /// Asks about the system as it is now, and carries the steps out.
    fn act(&self, call: Call) -> Result<Result<Act, NotCarriedOut>> {
        let answer = self.answer(call)?;
        let steps = match &answer {
            Answer::Given { steps, .. } => steps,
            Answer::Unsupported(_) => return Ok(Ok(Act::Done)),
            Answer::Failed { .. } => return Ok(Ok(Act::Failed(failure(call, "failed", lines(&answer))))),
        };
        let steps = match prepare(steps, &self.target) {
            Ok(steps) => steps,
            Err(why) => return Ok(Err(why)),
        };
        Ok(Ok(match carry_out(steps, &self.target, &self.plugins) {
            Ok(()) => Act::Done,
            Err(error) => {
                let shown = std::iter::once(for_author(&error.to_string())).chain(error.details()).collect();
                Act::Failed(failure(call, "gave steps that cannot be carried out", shown))
            }
        }))
    }
}

fn failure(call: Call, what: &str, lines: Vec<String>) -> Vec<String> {
    std::iter::once(format!("The call `{}` {what}:", call.name())).chain(lines).collect()
}

fn changes(when: &str, before: &Picture, after: &Picture) -> Vec<String> {
    std::iter::once(format!("{when}:")).chain(before.changes(after)).collect()
}
