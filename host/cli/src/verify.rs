//! `modsmith verify`: whether kernels would load built modules.

use std::path::Path;

use serde::Serialize;

use super::arguments::VerifyArguments;
use super::output;
use super::setup::read_only;
use super::targets::filter_of;
use modsmith_core::Environment;
use modsmith_core::error::{Error, Kind, Result};
use modsmith_core::flow::{Filter, Verified, verify};
use modsmith_core::tree::{PackageId, not_in_tree};
use modsmith_facts::kernel::running_release;
use modsmith_facts::text::line;
use modsmith_verify::{Answer, Finding};

/// `modsmith verify --json`; described by `docs/reference/verify-schema.json`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    schema_version: u32,
    modules: Vec<VerifyRow<'a>>,
}

/// One module file.
#[derive(Debug, Serialize)]
struct VerifyRow<'a> {
    module: &'a str,
    version: &'a str,
    kernel: &'a str,
    arch: &'a str,
    /// The module's own name: a package may have several modules.
    name: &'a str,
    file: &'a Path,
    answer: Answer,
    checks: &'a [Finding],
}

impl<'a> VerifyRow<'a> {
    fn new(verified: &'a Verified) -> Self {
        let Verified { id, target, module, file, findings } = verified;
        Self {
            module: &id.module,
            version: &id.version,
            kernel: &target.kernel,
            arch: &target.arch,
            name: module,
            file,
            answer: verified.answer(),
            checks: findings,
        }
    }
}

/// Prints what was found; a *no* is an error.
pub fn run(arguments: &VerifyArguments, environment: &Environment) -> Result<()> {
    let run = read_only(&arguments.directories, environment)?;
    let filter = filter(arguments)?;
    let found = verify(&run, &filter)?;
    for why in run.env.tree.untrusted() {
        output::warning(&format!("{why}. {}", why.remedy()));
    }
    if found.is_empty() {
        return nothing(&run.env.tree, &filter, arguments.json);
    }
    if arguments.json {
        let modules = found.iter().map(VerifyRow::new).collect();
        output::json(&Document { schema_version: 1, modules })?;
    } else {
        found.iter().for_each(|verified| output::lines(&text(verified)));
    }
    let refused: Vec<&Verified> = found.iter().filter(|verified| verified.answer() == Answer::No).collect();
    match refused.first() {
        None => Ok(()),
        Some(first) => Err(Error::new(
            Kind::NotLoadable,
            format!("Kernel {} would not load {} of {}.", first.target.kernel, first.module, first.id),
        )
        .hint("The lines that say `no` have the kernel's own words, the cause and the remedy.")),
    }
}

fn filter(arguments: &VerifyArguments) -> Result<Filter> {
    let running = (!arguments.all).then(running_release);
    let kernel = arguments.kernel.as_deref().or(running.as_deref());
    filter_of(arguments.package.as_deref(), kernel, arguments.arch.as_deref())
}

/// No build was found: an error where the command line names one.
fn nothing(tree: &modsmith_core::tree::Tree, filter: &Filter, json: bool) -> Result<()> {
    if let (Some(module), Some(version)) = (&filter.module, &filter.version) {
        let id = PackageId::new(module, version)?;
        if tree.entry(&id).is_none() {
            return Err(not_in_tree(tree, &id));
        }
    }
    if let Some(module) = &filter.module {
        let kernel = filter.kernel.as_deref().unwrap_or("any kernel");
        return Err(Error::new(Kind::NotInTree, format!("{module} is not built for {kernel}."))
            .hint("`modsmith status` lists the kernels; -k names one, and --all stands for all of them."));
    }
    match json {
        true => output::json(&Document { schema_version: 1, modules: Vec::new() })?,
        false => output::lines("No modules are built for this kernel; --all verifies those of all kernels."),
    }
    Ok(())
}

/// A line for the module, then one for each check whose answer is not *yes*.
fn text(verified: &Verified) -> String {
    let Verified { id, target, module, findings, .. } = verified;
    let count = |answer| findings.iter().filter(|finding| finding.answer == answer).count();
    let mut rows = vec![format!(
        "{id}, {}, {}: {module}: {} ({} of {} checks yes)",
        target.kernel,
        target.arch,
        verified.answer().word(),
        count(Answer::Yes),
        findings.len()
    )];
    for finding in findings.iter().filter(|finding| finding.answer != Answer::Yes) {
        rows.push(format!("  {:<8} {}: {}", finding.answer.word(), finding.title, finding.evidence));
        if let Some(words) = &finding.refusal {
            rows.push(format!("    kernel: {} ({})", words.kernel, words.errno));
            rows.push(format!("    cause:  {}", words.cause));
            rows.push(format!("    remedy: {}", words.remedy));
        }
    }
    rows.iter().map(|row| line(row)).collect::<Vec<_>>().join("\n")
}
