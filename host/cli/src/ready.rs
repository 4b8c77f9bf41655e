//! `modsmith ready`: whether a restart is safe.

mod metrics;

use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use super::arguments::ReadyArguments;
use super::errors::exit_code_of_answer;
use super::output;
use super::setup::looking;
use modsmith_core::Environment;
use modsmith_core::error::Result;
use modsmith_core::flow::{Judged, Next, Readiness, ready};
use modsmith_core::tree::check_kernel_name;
use modsmith_facts::text::line;
use modsmith_verdict::{Answer, Reason};

/// `modsmith ready --json`; described by `docs/reference/ready-schema.json`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    schema_version: u32,
    answer: Answer,
    next: Option<NextDocument<'a>>,
    kernels: Vec<KernelDocument<'a>>,
}

/// The kernel that starts next.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
enum NextDocument<'a> {
    Known { kernel: &'a str, loader: &'a str, entry: &'a str, title: &'a str, rule: &'a str, evidence: &'a str },
    Unknown { evidence: &'a str },
}

/// The verdict about one kernel.
#[derive(Debug, Serialize)]
struct KernelDocument<'a> {
    kernel: &'a str,
    image: Option<&'a Path>,
    boot_images: &'a [std::path::PathBuf],
    answer: Answer,
    reasons: &'a [Reason],
}

impl<'a> From<&'a Judged> for KernelDocument<'a> {
    fn from(judged: &'a Judged) -> Self {
        Self {
            kernel: &judged.release,
            image: judged.image.as_deref(),
            boot_images: &judged.boot_images,
            answer: judged.verdict.answer,
            reasons: &judged.verdict.reasons,
        }
    }
}

impl<'a> From<&'a Next> for NextDocument<'a> {
    fn from(next: &'a Next) -> Self {
        match next {
            Next::Unknown(evidence) => NextDocument::Unknown { evidence },
            Next::Known(kernel) => NextDocument::Known {
                kernel: &kernel.release,
                loader: &kernel.loader,
                entry: &kernel.id,
                title: &kernel.title,
                rule: kernel.rule,
                evidence: &kernel.evidence,
            },
        }
    }
}

/// The exit code of a question without an answer.
pub fn unanswered() -> ExitCode {
    ExitCode::from(exit_code_of_answer(Answer::Unknown))
}

/// Prints the verdict; its answer is the exit code.
pub fn run(arguments: &ReadyArguments, environment: &Environment) -> Result<ExitCode> {
    let kernel = arguments.kernel.as_deref();
    kernel.map_or(Ok(()), |kernel| check_kernel_name("kernel", kernel))?;
    let run = looking(&arguments.directories, environment)?;
    let found = ready(&run, kernel)?;
    for why in run.env.tree.untrusted() {
        output::warning(&format!("{why}. {}", why.remedy()));
    }
    if arguments.json {
        output::json(&Document {
            schema_version: 1,
            answer: found.answer,
            next: found.next.as_ref().map(Into::into),
            kernels: found.kernels.iter().map(Into::into).collect(),
        })?;
    } else if arguments.openmetrics {
        output::text(&metrics::text(&found));
    } else {
        output::lines(&text(&found));
    }
    Ok(ExitCode::from(exit_code_of_answer(found.answer)))
}

/// The answer, what starts next, then each kernel with its reasons.
fn text(found: &Readiness) -> String {
    let mut rows = vec![found.answer.word().to_owned()];
    match &found.next {
        None => {}
        Some(Next::Known(next)) => rows.push(format!(
            "next: {}, by {}: entry `{}` ({}: {})",
            next.release, next.loader, next.id, next.rule, next.evidence
        )),
        Some(Next::Unknown(why)) => rows.push(format!("next: unknown, so all kernels were looked at: {why}")),
    }
    for judged in &found.kernels {
        rows.push(format!("{}: {}", judged.release, judged.verdict.answer.word()));
        rows.extend(judged.verdict.reasons.iter().flat_map(reason));
    }
    rows.iter().map(|row| line(row)).collect::<Vec<_>>().join("\n")
}

fn reason(reason: &Reason) -> Vec<String> {
    let Reason { answer, grade, subject, evidence, remedy, finding } = reason;
    let finding = finding.iter().map(|finding| format!(" [{finding}]")).collect::<String>();
    let mut rows = vec![format!("  {:<8} {}: {subject}: {evidence}{finding}", answer.word(), grade.word())];
    rows.extend(remedy.iter().map(|remedy| format!("    remedy: {remedy}")));
    rows
}
