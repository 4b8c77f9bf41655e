//! Taking installed modules out of a kernel's module directory.

use std::path::PathBuf;
use std::sync::Arc;

use crate::conf::{PackageConf, Strictness};
use crate::error::Result;
use crate::event::{End, Job, Outcome, Skip};
use crate::flow::Invocation;
use crate::flow::install::deletion::pruning;
use crate::flow::install::installed::{Found, Sought, find_installed};
use crate::flow::install::modprobe_config::plan_modprobe_remove;
use crate::flow::install::originals::originals;
use crate::flow::install::uninstall_plan::{Installed, UninstallFacts, plan_uninstall};
use crate::flow::install::weak_modules::{Offer, plan_weak_links};
use crate::flow::kernel::boot_image::plan_initrd;
use crate::flow::kernel::module_index::plan_depmod;
use crate::flow::kernel::module_index::plan_depmod_of_others;
use crate::flow::package_facts::package_facts;
use crate::flow::product_files::product_named;
use crate::flow::recipe::script;
use crate::flow::recipe::system_script::system_script;
use crate::flow::recipe::toolchain::toolchain_of;
use crate::flow::transaction::begin;
use crate::tree::{Package, PackageId, Target};
use modsmith_facts::kernel::Kernel;
use modsmith_plan::{Builder, verbs};
use modsmith_plugins::Occasion;

/// The `uninstall` action for some kernels.
pub fn uninstall(run: &Invocation<'_>, id: &PackageId, targets: &[Target]) -> Result<()> {
    let _lock = begin(run)?;
    let package = run.env.package(id)?;
    for target in targets {
        run.work(Job::Uninstall, id, target, |run| {
            if run.env.tree.is_installed(id, target) {
                uninstall_package(run, &package, &run.kernel(target), target)?;
                return Ok(End::Done(Outcome::Uninstalled));
            }
            run.runner.say(format!("Module {id} is not installed for kernel {target}. Skipping..."));
            Ok(End::Skipped(Skip::NotInstalled))
        })?;
    }
    Ok(())
}

/// Uninstalls an installed package; the lock is held.
pub(crate) fn uninstall_package(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Arc<Kernel>,
    target: &Target,
) -> Result<()> {
    let conf = run.conf(package, kernel, Strictness::Removal)?;
    let _common = run.transaction.hold_common();
    let mut plan = Builder::new(format!("uninstall {} for {target}", package.id), run.env.roots(package, Some(kernel)));
    plan.push(
        verbs::Note(format!("{} is the active version on kernel {target}", package.id)),
        "only the active version is installed",
    )
    .lines([
        format!("Module {} for kernel {target}:", package.id),
        "This version was the active one on this kernel.".to_owned(),
    ]);
    let installed = installed_modules(run, package, kernel, target, &conf)?;
    let unlinked = plan_weak_links(run, Offer::TakenBack, package, kernel, &conf, found(&installed), &mut plan)?;
    for module in &installed {
        if let Found::Nowhere { instead: Some(file) } = &module.found {
            run.runner.reporter.warning(&format!(
                "{} is not the file that {} installed there: it was replaced later, and is kept.",
                kernel.module_dir().join(file.relative()).display(),
                package.id
            ));
        }
    }
    let environment = script::environment(package, kernel, &toolchain_of(run, kernel)?);
    let post_remove = match &conf.scripts.post_remove {
        Some(text) => system_script(run, package, text, environment)?,
        None => None,
    };
    let facts = UninstallFacts {
        id: &package.id,
        target,
        module_dir: kernel.module_dir(),
        installed: &installed,
        prune: pruning(run, installed.iter().filter_map(|module| module.found.location()))?,
        originals: originals(run, package, kernel, target, &conf),
        post_remove,
    };
    plan_uninstall(&facts, &mut plan);
    let put_back = plan_modprobe_remove(run, package, kernel, target, &conf, &mut plan)?;
    plan_depmod(run, kernel, &mut plan);
    plan_depmod_of_others(run, unlinked, &mut plan);
    run.transaction.note_change(kernel, package_facts(package, &conf));
    plan_initrd(run, kernel, &conf, Occasion::Removed, &mut plan)?;
    for action in put_back {
        plan.push(action, "the module is installed for other kernels");
    }
    run.runner.run(plan)?;
    run.runner.say("");
    Ok(())
}

/// The modules that the package has or had when it was installed, and where
/// each is now.
fn installed_modules(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Arc<Kernel>,
    target: &Target,
    conf: &PackageConf,
) -> Result<Vec<Installed>> {
    let products = run.env.tree.products(&package.id, target);
    let directory = run.env.tree.real(&package.id.products_dir(target));
    let record = run.env.tree.record(&package.id, target).map(|record| record.modules).unwrap_or_default();
    let sought = |module| Sought {
        module: Some(module),
        recorded: record.iter().find(|recorded| recorded.name == module.dest_name),
    };
    let of_conf = conf.modules.iter().map(sought);
    let excluded = conf.excluded.iter().map(|(module, _)| sought(module));
    let listed = |name: &String| {
        let excluded = conf.excluded.iter().map(|(module, _)| module);
        conf.modules.iter().chain(excluded).any(|module| module.dest_name == *name)
    };
    let no_longer = record.iter().filter(|recorded| recorded.installed.is_some() && !listed(&recorded.name));
    let no_longer = no_longer.map(|recorded| Sought { module: None, recorded: Some(recorded) });
    let find = |sought: Sought<'_>| -> Result<Installed> {
        let name = sought.module.map(|module| &module.dest_name).or(sought.recorded.map(|recorded| &recorded.name));
        let name = name.cloned().unwrap_or_default();
        let product = product_named(&products, &name).map(|file| directory.join(file));
        Ok(Installed { found: find_installed(run, kernel, sought, product.as_deref())?, name })
    };
    // Modules that the dkms.conf excludes may have been installed under an earlier dkms.conf.
    let is_missing = |installed: &Installed| matches!(installed.found, Found::Nowhere { instead: None });
    let excluded = excluded.map(&find).filter(|found| !found.as_ref().is_ok_and(is_missing));
    of_conf.chain(no_longer).map(&find).chain(excluded).collect()
}

fn found(installed: &[Installed]) -> Vec<PathBuf> {
    installed.iter().filter_map(|module| Some(module.found.location()?.relative().to_path_buf())).collect()
}
