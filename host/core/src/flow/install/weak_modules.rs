//! Offering installed modules to other kernels that have the same symbols.

use std::path::PathBuf;
use std::sync::Arc;

use crate::conf::PackageConf;
use crate::error::Result;
use crate::flow::Invocation;
use crate::flow::kernel::module_index::changed_kernels;
use crate::flow::package_facts::facts_of_build;
use crate::tree::{Package, Target};
use modsmith_facts::kernel::Kernel;
use modsmith_plan::{Builder, Section};
use modsmith_plugins::WeakModules;

/// What happens to the offer of modules to other kernels.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Offer {
    /// The modules have been installed.
    Made,
    /// They are about to go.
    TakenBack,
}

/// Steps that offer what is installed for a kernel to others, or take the
/// offer back; `files` are the installed ones below its module directory.
/// Returns the other kernels that get or lose a module.
pub(crate) fn plan_weak_links(
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
    let mut others = changed_kernels(answer, run.env.install_tree(), kernel.arch());
    others.retain(|other| *other != target);
    Ok(others)
}

/// NO_WEAK_MODULES, of the package or in the environment.
fn is_off(run: &Invocation<'_>, conf: &PackageConf) -> bool {
    conf.no_weak_modules || run.env.environment.var("NO_WEAK_MODULES").is_some_and(|value| !value.is_empty())
}
