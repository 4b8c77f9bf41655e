//! The index of a kernel's modules, which depmod writes.

use std::collections::BTreeSet;
use std::path::Path;

use crate::flow::Invocation;
use crate::flow::depmod::{self, is_release};
use crate::flow::invocation::deferred::{Deferred, plan_marker};
use crate::tree::Target;
use modsmith_facts::kernel::Kernel;
use modsmith_plan::{Action, Builder, Undo, verbs};
use modsmith_plugins::Answer;

/// depmod, for a kernel that has a module index.
pub(crate) fn plan_depmod(run: &Invocation<'_>, kernel: &Kernel, plan: &mut Builder) {
    if run.env.options.no_depmod {
        return;
    }
    if !kernel.module_dir().join("modules.dep").is_file() {
        plan.push(
            verbs::Note(format!("no depmod: {} has no modules.dep", kernel.module_dir().display())),
            "a kernel without modules.dep is not completely installed",
        )
        .line(format!("Skipping depmod: {} has no modules.dep.", kernel.module_dir().display()));
        return;
    }
    if run.transaction.is_open() {
        return plan_marker(Deferred::Depmod, kernel, plan);
    }
    let release = kernel.release();
    plan.push(
        Action::Run(depmod::depmod(&run.env.system, release)),
        "modprobe finds modules in the index that depmod writes",
    )
    .progress("Running depmod")
    .on_undo(Undo::Rerun(depmod::rerun(release)));
}

/// depmod for the kernels whose module directories plugins change.
pub(crate) fn plan_depmod_of(run: &Invocation<'_>, answer: Answer<Vec<String>>, arch: &str, plan: &mut Builder) {
    plan_depmod_of_others(run, changed_kernels(answer, run.env.install_tree(), arch), plan);
}

/// depmod for other kernels than the plan's.
pub(crate) fn plan_depmod_of_others(run: &Invocation<'_>, targets: Vec<Target>, plan: &mut Builder) {
    for target in targets {
        plan_depmod(run, &run.kernel(&target), plan);
        if run.transaction.is_open() {
            run.transaction.wait_for(target);
        }
    }
}

/// The kernels whose module directories plugins change. Names that are none are left
/// out: they become arguments of depmod.
pub(crate) fn changed_kernels(answer: Answer<Vec<String>>, install_tree: &Path, arch: &str) -> Vec<Target> {
    let releases: BTreeSet<String> = match answer {
        Answer::Given { value, .. } => value.into_iter().collect(),
        Answer::Unsupported(reasons) => {
            tracing::debug!(?reasons, "no plugin changes other kernels");
            BTreeSet::new()
        }
    };
    let kernels = releases.into_iter().filter(|release| is_release(release) && install_tree.join(release).is_dir());
    kernels.map(|kernel| Target { kernel, arch: arch.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_kernels_that_are_there_reach_depmod() {
        let tree = tempfile::tempdir().unwrap();
        for name in ["6.1", "-b", "6.2"] {
            std::fs::create_dir(tree.path().join(name)).unwrap();
        }
        let value = ["6.2", "6.1", "-b", "../6.1", "", ".", "6.9", "6.1\n"].map(String::from).to_vec();
        let kernels = changed_kernels(Answer::Given { plugin: "x".into(), value }, tree.path(), "x86_64");
        assert_eq!(kernels.iter().map(|target| target.kernel.as_str()).collect::<Vec<_>>(), ["6.1", "6.2"]);
    }
}
