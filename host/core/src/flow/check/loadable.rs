//! Modules that a kernel is proven not to load, by the cause: each rule of the kernel's
//! loader that refuses one belongs to a state.

use super::ours::{product_like, same_module};
use super::problem::{Check, Problem, Stage};
use super::products::damage;
use super::remedies::rebuild;
use super::scene::{KernelScene, Scene};
use crate::flow::verify::{Verified, drifted_from};
use crate::tree::Package;
use build_diagnosis::mention;
use modsmith_facts::kernel::{ModInfo, running_release};
use modsmith_verify::Finding;

pub(super) const OTHER_BUILD: Check = Check {
    id: "kernel-rebuilt",
    state: 5,
    title: "the module is of another build of this kernel",
    stage: Stage::Products,
    find: |scene| of_state(scene, State::OtherBuild),
};

pub(super) const OTHER_KERNEL: Check = Check {
    id: "built-for-another-kernel",
    state: 6,
    title: "the module was built for another kernel than the tree says",
    stage: Stage::Products,
    find: |scene| of_state(scene, State::OtherKernel),
};

pub(super) const UNREADABLE: Check = Check {
    id: "compression-unreadable",
    state: 10,
    title: "the module is not compressed as its name says",
    stage: Stage::Products,
    find: |scene| of_state(scene, State::Unreadable),
};

pub(super) const DRIFTED: Check = Check {
    id: "provider-rebuilt",
    state: 15,
    title: "a module that this one needs was built again after it",
    stage: Stage::Products,
    find: |scene| of_state(scene, State::Drifted),
};

pub(super) const REFUSED: Check = Check {
    id: "refused-by-kernel",
    state: 23,
    title: "the kernel would not load the module",
    stage: Stage::Products,
    find: |scene| of_state(scene, State::Refused),
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    OtherBuild,
    OtherKernel,
    Unreadable,
    Drifted,
    Refused,
}

impl State {
    fn check(self) -> &'static Check {
        match self {
            State::OtherBuild => &OTHER_BUILD,
            State::OtherKernel => &OTHER_KERNEL,
            State::Unreadable => &UNREADABLE,
            State::Drifted => &DRIFTED,
            State::Refused => &REFUSED,
        }
    }
}

/// Rules about a module and its kernel alone. What is only built may still lack the
/// modules that it needs.
const OF_THE_BUILD: [&str; 7] =
    ["compression", "architecture", "this-module", "version-tables", "module-layout", "vermagic", "export-tables"];

/// Rules that a build with the right headers changes.
const HELPED_BY_BUILD: [&str; 11] = [
    "elf",
    "architecture",
    "this-module",
    "version-tables",
    "module-layout",
    "vermagic",
    "writable-code",
    "export-tables",
    "relocations",
    "symbol-versions",
    "btf",
];

/// Rules that have a state and a file of their own.
const ELSEWHERE: [&str; 3] = ["signature-form", "signature-attributes", "module-index"];

fn of_state(scene: &Scene<'_, '_>, state: State) -> Vec<Problem> {
    let mut found = Vec::new();
    for (package, kernel) in scene.built() {
        for verified in kernel.verified(scene, &package.id) {
            let Some(finding) = refusal(scene, &package, kernel, verified) else { continue };
            if state_of(scene, kernel, verified, finding) == state {
                found.push(problem(state, scene, &package, kernel, verified, finding));
            }
        }
    }
    found
}

/// The first rule that refuses a module, where the administrator has not overruled it
/// and the file is the built one: another one is a state of its own.
fn refusal<'v>(
    scene: &Scene<'_, '_>,
    package: &Package,
    kernel: &KernelScene,
    verified: &'v Verified,
) -> Option<&'v Finding> {
    let tree = &scene.run.env.tree;
    let record = tree.record(&package.id, &kernel.target);
    let overruled = record
        .and_then(|record| record.modules.into_iter().find(|module| module.name == verified.module))
        .map(|module| module.overruled)
        .unwrap_or_default();
    let is_active = tree.is_installed(&package.id, &kernel.target);
    let counts = |finding: &&Finding| {
        let rule = finding.rule;
        finding.refuses()
            && !ELSEWHERE.contains(&rule)
            && !overruled.iter().any(|known| known == rule)
            && (is_active || OF_THE_BUILD.contains(&rule))
    };
    let finding = verified.findings.iter().find(counts)?;
    let products = tree.products(&package.id, &kernel.target);
    let product = scene.products_dir(&package.id, kernel).join(product_like(&products, &verified.file)?);
    let is_built_one = verified.file == product || same_module(&verified.file, &product);
    (is_built_one && damage(&product).is_none()).then_some(finding)
}

fn state_of(scene: &Scene<'_, '_>, kernel: &KernelScene, verified: &Verified, finding: &Finding) -> State {
    let is_foreign = || built_for(verified).is_some_and(|release| release != kernel.target.kernel);
    match finding.rule {
        "compression" => State::Unreadable,
        "symbol-versions" if !drifted_from(scene.run, verified).is_empty() => State::Drifted,
        "vermagic" | "module-layout" | "symbol-versions" if is_foreign() => State::OtherKernel,
        "vermagic" | "module-layout" | "symbol-versions" => State::OtherBuild,
        _ => State::Refused,
    }
}

/// The release in a module's vermagic.
fn built_for(verified: &Verified) -> Option<String> {
    let magic = ModInfo::read(&verified.file).ok()?.vermagic?;
    magic.split(' ').next().map(str::to_owned)
}

fn problem(
    state: State,
    scene: &Scene<'_, '_>,
    package: &Package,
    kernel: &KernelScene,
    verified: &Verified,
    finding: &Finding,
) -> Problem {
    let words = finding.refusal.as_ref();
    let evidence = match words {
        Some(words) => format!("{}: {} ({})", verified.file.display(), words.cause, finding.evidence),
        None => format!("{}: {}", verified.file.display(), finding.evidence),
    };
    let problem = Problem::of(state.check(), evidence).package(&package.id).target(&kernel.target).path(&verified.file);
    match state {
        State::OtherKernel => problem.manual(other_kernel(package, kernel, verified)),
        State::Refused if !HELPED_BY_BUILD.contains(&finding.rule) => {
            problem.manual(words.map_or_else(|| "Run `modsmith verify`.".to_owned(), |words| words.remedy.clone()))
        }
        _ => rebuild(problem, scene, package, kernel),
    }
}

/// What to do about a recipe that builds for the running kernel: building again makes
/// the same module again.
fn other_kernel(package: &Package, kernel: &KernelScene, verified: &Verified) -> String {
    let (id, release) = (&package.id, &kernel.target.kernel);
    let is_running = built_for(verified).is_some_and(|built_for| built_for == running_release());
    let running = if is_running { ", which is the running one" } else { "" };
    let asks = match mention(&package.source) {
        Some(mention) => format!("{}, line {}, of its source asks `uname -r`", mention.file, mention.line),
        None => "its recipe chooses the kernel itself".to_owned(),
    };
    format!(
        "Building it again makes the same module: {asks}{running}. Have it use `$kernelver` of dkms.conf, then run \
         `modsmith install {id} -k {release} --force`."
    )
}
