//! Whether a restart is safe: which kernel starts next, and whether it has what the machine
//! needs.

mod boot_files;
mod criticality;
mod findings;
mod modules;
mod next;
mod uses;

use std::path::PathBuf;

use crate::error::Result;
use crate::flow::Invocation;
use crate::flow::filter::Filter;
use crate::flow::findings::{makers, reports};
use crate::flow::kernel::installed::installed_kernels;
use crate::flow::verify::verify;
use crate::tree::Target;
use boot_files::{BootFiles, boot_image, kernel_file};
use modsmith_facts::kernel::machine;
use modsmith_facts::machine::Machine;
use modsmith_verdict::{Answer, KernelFacts, Verdict, decide, of_any};
pub use next::{Next, NextKernel};
use uses::Uses;

/// The verdict about one kernel.
#[derive(Debug, Clone)]
pub struct Judged {
    pub release: String,
    /// The image that was looked at, where there is one.
    pub image: Option<PathBuf>,
    /// The files of the initial RAM file system that were looked at.
    pub boot_images: Vec<PathBuf>,
    pub verdict: Verdict,
}

/// The answer to the question whether a restart is safe.
#[derive(Debug, Clone)]
pub struct Readiness {
    pub answer: Answer,
    /// What starts next; `None` where a kernel was named.
    pub next: Option<Next>,
    pub kernels: Vec<Judged>,
}

/// Judges a restart into a kernel, or, without one, into the kernel that starts next. Where
/// that is not known, all kernels are judged.
///
/// # Errors
/// The tree or a plugin cannot be read. What is missing of the facts is a reason of the
/// verdict.
pub fn ready(run: &Invocation<'_>, release: Option<&str>) -> Result<Readiness> {
    let machine = Machine::of(&run.env.system.root);
    if let Some(release) = release {
        let judged = judge(run, &machine, release, None)?;
        return Ok(Readiness { answer: judged.verdict.answer, next: None, kernels: vec![judged] });
    }
    let next = next::next(run, &machine)?;
    if let Next::Known(kernel) = &next {
        let judged = judge(run, &machine, &kernel.release, Some(&kernel.files))?;
        return Ok(Readiness { answer: judged.verdict.answer, next: Some(next), kernels: vec![judged] });
    }
    let releases = installed_kernels(run.env.install_tree());
    let judge = |release: &String| judge(run, &machine, release, None);
    let kernels = releases.iter().map(judge).collect::<Result<Vec<_>>>()?;
    Ok(Readiness { answer: of_any(kernels.iter().map(|judged| judged.verdict.answer)), next: Some(next), kernels })
}

/// Which kernel starts next. This is quick, unlike the verdict: menus are read, and the head of one
/// kernel.
///
/// # Errors
/// A plugin fails.
pub fn next_kernel(run: &Invocation<'_>) -> Result<Next> {
    next::next(run, &Machine::of(&run.env.system.root))
}

fn judge(run: &Invocation<'_>, machine: &Machine, release: &str, files: Option<&BootFiles>) -> Result<Judged> {
    let target = Target { kernel: release.to_owned(), arch: machine_name() };
    let kernel = run.kernel(&target);
    let mut uses = Uses::of(machine);
    let mut findings = criticality::apply(run, &target, &mut uses)?;
    let makers = makers(run)?;
    findings.extend(findings::apply(reports(run, &kernel, machine, &makers), &mut uses));
    uses.add_needed(kernel.module_dir());
    let filter = Filter { kernel: Some(release.to_owned()), ..Filter::default() };
    let verified = verify(run, &filter)?;
    let (image, image_state) = kernel_file(run, &kernel, files);
    let boot = boot_image(run, &kernel, files, &uses);
    let modules = modules::modules(run, &kernel, &uses, &verified, &boot, &makers)?;
    let facts =
        KernelFacts { release: release.to_owned(), image: image_state, boot_image: boot.state, modules, findings };
    Ok(Judged { release: release.to_owned(), image, boot_images: boot.files, verdict: decide(&facts) })
}

fn machine_name() -> String {
    machine()
}
