//! Offering installed modules to other kernels that have the same symbols.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::conf::PackageConf;
use crate::error::Result;
use crate::flow::Invocation;
use crate::flow::depmod::is_release;
use crate::flow::install::plan_depmod;
use crate::flow::package_facts::facts_of_build;
use crate::tree::{Package, Target};
use modsmith_facts::kernel::Kernel;
use modsmith_plan::{Builder, Section};
use modsmith_plugins::{Answer, WeakModules};

/// What happens to the offer of modules to other kernels.
#[derive(Debug, Clone, Copy)]
pub(super) enum Offer {
    /// The modules have been installed.
    Made,
    /// They are about to go.
    TakenBack,
}

/// Steps that offer what is installed for a kernel to others, or take the
/// offer back; `files` are the installed ones below its module directory.
/// Returns the other kernels that get or lose a module.
pub(super) fn plan_weak_links(
    run: &Invocation<'_>,
    offer: Offer,
    package: &Package,
    kernel: &Arc<Kernel>,
    conf: &PackageConf,
    files: Vec<PathBuf>,
    plan: &mut Builder,
) -> Result<Vec<Target>> {
    if is_off(run, conf) || files.is_empty() {
        return Ok(Vec::new());
    }
    let target = Target { kernel: kernel.release().to_owned(), arch: kernel.arch().to_owned() };
    let facts = Arc::new(facts_of_build(run, package, conf, &target, files));
    let answer = plan.described(
        |plan| match offer {
            Offer::Made => WeakModules(&run.env.plugins).link(&facts, kernel, plan),
            Offer::TakenBack => WeakModules(&run.env.plugins).unlink(&facts, kernel, plan),
        },
        |_, _| {
            Section::new().announce_change(match offer {
                Offer::Made => "Adding linked weak modules...",
                Offer::TakenBack => "Removing linked weak modules...",
            })
        },
    )?;
    let mut others = changed(answer, run.env.install_tree(), kernel.arch());
    others.retain(|other| *other != target);
    Ok(others)
}

/// The kernels whose module directories plugins change. Names that are none are left
/// out: they become arguments of depmod.
fn changed(answer: Answer<Vec<String>>, install_tree: &Path, arch: &str) -> Vec<Target> {
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

/// depmod for the kernels whose module directories plugins change.
pub(super) fn plan_depmod_of(run: &Invocation<'_>, answer: Answer<Vec<String>>, arch: &str, plan: &mut Builder) {
    plan_depmod_of_others(run, changed(answer, run.env.install_tree(), arch), plan);
}

/// depmod for other kernels than the plan's.
pub(super) fn plan_depmod_of_others(run: &Invocation<'_>, targets: Vec<Target>, plan: &mut Builder) {
    for target in targets {
        plan_depmod(run, &run.kernel(&target), plan);
        if run.transaction.is_open() {
            run.transaction.wait_for(target);
        }
    }
}

/// NO_WEAK_MODULES, of the package or in the environment.
fn is_off(run: &Invocation<'_>, conf: &PackageConf) -> bool {
    conf.no_weak_modules || run.env.environment.var("NO_WEAK_MODULES").is_some_and(|value| !value.is_empty())
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
        let kernels = changed(Answer::Given { plugin: "x".into(), value }, tree.path(), "x86_64");
        assert_eq!(kernels.iter().map(|target| target.kernel.as_str()).collect::<Vec<_>>(), ["6.1", "6.2"]);
    }
}
