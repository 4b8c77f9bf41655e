//! Installing built modules into a kernel's module directory.

use std::path::Path;
use std::sync::Arc;

use crate::conf::{ModuleRecord, PackageConf, Strictness};
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::failure_records::plan_forget;
use crate::flow::install::deletion::pruning;
use crate::flow::install::installed::{ModuleIndex, destination, is_recorded};
use crate::flow::install::load_modules::plan_load;
use crate::flow::install::modprobe_config::plan_modprobe_add;
use crate::flow::install::overrides::{Overrides, overrides_of};
use crate::flow::install::plan::{InstallFacts, Original, PlannedModule, plan_install};
use crate::flow::install::uninstall::uninstall_package;
use crate::flow::install::version_check::{Verdict, compare, obsolete};
use crate::flow::install::weak_modules::{Offer, plan_weak_links};
use crate::flow::kernel::boot_image::plan_initrd;
use crate::flow::kernel::module_index::plan_depmod;
use crate::flow::kernel::module_index::plan_depmod_of_others;
use crate::flow::package_facts::package_facts;
use crate::flow::product_files::{product_of, same_contents};
use crate::flow::recipe::script;
use crate::flow::recipe::system_script::{SystemScript, system_script};
use crate::flow::recipe::toolchain::toolchain_of;
use crate::flow::record::conf_files;
use crate::flow::store::origin::refuse_revoked_install;
use crate::flow::verify::{Overruled, refuse_unloadable};
use crate::tree::{BuildRecord, Package, PackageId, RecordedModule, Target};
use modsmith_facts::Location;
use modsmith_facts::kernel::{Kernel, ModInfo, content_digest};
use modsmith_plan::Builder;
use modsmith_plugins::{InstallPolicy, Occasion};

/// Installs a built package; the lock is held.
pub(crate) fn install_package(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Arc<Kernel>,
    target: &Target,
) -> Result<()> {
    install_overriding(run, package, kernel, target, requested_overrides(run, package))
}

/// What the command line and the settings override for a package.
pub(crate) fn requested_overrides(run: &Invocation<'_>, package: &Package) -> Overrides {
    let mut overrides = overrides_of(run, &package.id.module);
    overrides.everything |= run.env.options.safe_upgrade;
    overrides
}

/// Installs a built package again in place of what is installed of it. Whatever refuses the
/// installation is asked before anything is taken away.
pub(crate) fn install_again(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Arc<Kernel>,
    target: &Target,
    overrides: Overrides,
) -> Result<()> {
    check_installable(run, package, kernel, target, overrides)?;
    uninstall_package(run, package, kernel, target)?;
    install_overriding(run, package, kernel, target, overrides)
}

/// Refuses what [`install_overriding`] would refuse.
fn check_installable(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Arc<Kernel>,
    target: &Target,
    overrides: Overrides,
) -> Result<()> {
    check_module_dir(kernel, target)?;
    let store = run.env.tree.record(&package.id, target).and_then(|record| record.store);
    refuse_revoked_install(&package.id, target, store.as_ref())?;
    let conf = run.conf(package, kernel, Strictness::Strict)?;
    let modules = choose(run, &Candidate { package, conf: &conf, kernel, target, overrides })?;
    // Under --force, a refusal is a warning, which the installation prints.
    if !overrides.everything {
        let files = modules.iter().map(|module| (module.name, module.file.as_str()));
        refuse_unloadable(run, &package.id, kernel, target, files, false)?;
    }
    Ok(())
}

fn check_module_dir(kernel: &Kernel, target: &Target) -> Result<()> {
    if kernel.module_dir().is_dir() {
        return Ok(());
    }
    Err(Error::new(
        Kind::NoKernelDirectory,
        format!("Kernel {} is not installed: {} is missing.", target.kernel, kernel.module_dir().display()),
    )
    .hint("Install that kernel, or name an installed one with -k."))
}

/// Installs a built package, whatever speaks against it that `overrides` names.
pub(crate) fn install_overriding(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Arc<Kernel>,
    target: &Target,
    overrides: Overrides,
) -> Result<()> {
    check_module_dir(kernel, target)?;
    let earlier = run.env.tree.record(&package.id, target);
    let (confinement, store) = earlier.map(|record| (record.confinement, record.store)).unwrap_or_default();
    refuse_revoked_install(&package.id, target, store.as_ref())?;
    let conf_files = conf_files(run, package, target);
    let conf = run.conf(package, kernel, Strictness::Strict)?;
    let _common = run.transaction.hold_common();
    let modules = choose(run, &Candidate { package, conf: &conf, kernel, target, overrides })?;
    let files = modules.iter().map(|module| (module.name, module.file.as_str()));
    let overruled = refuse_unloadable(run, &package.id, kernel, target, files, overrides.everything)?;

    let mut plan = Builder::new(format!("install {} for {target}", package.id), run.env.roots(package, Some(kernel)));
    let toolchain = toolchain_of(run, kernel)?;
    let environment = script::environment(package, kernel, &toolchain);
    let script = |text: &Option<String>| match text {
        Some(text) => system_script(run, package, text, environment.clone()),
        None => Ok(None),
    };
    let pre_install = script(&conf.scripts.pre_install)?;
    let moved = moved_modules(run, package, kernel, target, &modules);
    let facts = InstallFacts {
        id: &package.id,
        target,
        module_dir: kernel.module_dir(),
        pre_install: if overrides.everything { pre_install.map(SystemScript::ignored) } else { pre_install },
        modules: &modules,
        prune: pruning(run, moved.iter())?,
        moved,
        record: recorded_modules(run, package, target, &conf, &modules, &overruled)
            .map(|modules| BuildRecord::new(conf_files, modules).confined(confinement).stored(store)),
    };
    plan_install(&facts, &mut plan);
    let files = modules.iter().map(PlannedModule::path).collect();
    let linked = plan_weak_links(run, Offer::Made, package, kernel, &conf, files, &mut plan)?;
    if let Some(script) = script(&conf.scripts.post_install)? {
        script.ignored().push("POST_INSTALL", &mut plan).progress("Running the post_install script");
    }
    plan_modprobe_add(run, package, kernel, &conf, &mut plan)?;
    plan_forget(run, &package.id, target, &mut plan);
    plan_depmod(run, kernel, &mut plan);
    plan_depmod_of_others(run, linked, &mut plan);
    run.transaction.note_change(kernel, package_facts(package, &conf));
    plan_initrd(run, kernel, &conf, Occasion::Installed, &mut plan)?;
    if !run.transaction.is_open() {
        plan_load(run, kernel, &mut plan)?;
    }
    run.runner.run(plan)
}

/// A built package that is to be installed for a kernel.
struct Candidate<'c> {
    package: &'c Package,
    conf: &'c PackageConf,
    kernel: &'c Arc<Kernel>,
    target: &'c Target,
    overrides: Overrides,
}

/// The modules that may be installed. An error if a package has modules, and none may be.
fn choose<'c>(run: &Invocation<'_>, candidate: &Candidate<'c>) -> Result<Vec<PlannedModule<'c>>> {
    let Candidate { package, conf, kernel, target, .. } = *candidate;
    let products = run.runner.products(&package.id, target);
    let product_dir = run.env.tree.real(&package.id.products_dir(target));
    let is_linked = run.env.options.symlink_modules || run.env.framework.symlink_modules();
    let index = ModuleIndex::read(kernel);
    let facts = Arc::new(package_facts(package, conf));
    let first_install = run.env.tree.active_version(&package.id.module, target).is_none();
    let mut chosen = Vec::new();
    for record in &conf.modules {
        let file = match products.as_ref().map(|products| product_of(products, record)) {
            Some(Some(file)) => file.clone(),
            // There is nothing to look at yet.
            None => expected_file(run, kernel, record)?,
            Some(None) => {
                return Err(Error::new(
                    Kind::InstallFailed,
                    format!("The tree has no built module {} of {} for kernel {target}.", record.dest_name, package.id),
                )
                .hint(format!("Build it again: `dkms build {} -k {} --force`.", package.id, target.kernel)));
            }
        };
        let destination = destination(run, kernel, Some(&facts), record)?;
        let existing = index.find(&record.dest_name, &destination).into_iter().next();
        if candidate.refuses(run, record, &file, existing.as_deref()) {
            continue;
        }
        let original = existing
            .filter(|_| first_install)
            .map(|path| Original { known_as: run.env.system.inside(&kernel.module_dir().join(&path)), path });
        let link_to = is_linked.then(|| run.env.seen_by_build(&product_dir.join(&file)));
        let (name, requested) = (record.dest_name.as_str(), record.dest_location.as_str());
        chosen.push(PlannedModule { name, requested, file, destination, original, link_to });
    }
    if chosen.is_empty() && !conf.modules.is_empty() {
        return Err(Error::new(
            Kind::InstallFailed,
            format!("No module of {} was installed for kernel {target}.", package.id),
        )
        .hint("The lines above say why; --force installs them anyway."));
    }
    Ok(chosen)
}

fn expected_file(run: &Invocation<'_>, kernel: &Arc<Kernel>, record: &ModuleRecord) -> Result<String> {
    let compression =
        InstallPolicy(&run.env.plugins).compression(kernel)?.unwrap_or_else(|| kernel.compressions().last().copied());
    Ok(format!("{}.ko{}", record.dest_name, compression.map_or("", |c| c.suffix())))
}

impl Candidate<'_> {
    /// Whether a module is not installed, because the kernel includes the driver, or `existing`, the
    /// module that the kernel has, is newer or equal. A warning says which.
    fn refuses(&self, run: &Invocation<'_>, record: &ModuleRecord, file: &str, existing: Option<&Path>) -> bool {
        let Self { package, conf, kernel, target, overrides } = *self;
        let obsolete_by = conf.obsolete_by.as_deref().filter(|d| !overrides.everything && obsolete(d, kernel));
        if let Some(directive) = obsolete_by {
            run.runner.reporter.warning(&format!(
                "{}: kernel {} includes this driver since {directive} (OBSOLETE_BY); it was not installed.",
                record.dest_name, target.kernel
            ));
            return true;
        }
        let Some(existing) = existing.filter(|_| !overrides.everything && !overrides.version) else { return false };
        let product = run.env.tree.real(&package.id.products_dir(target)).join(file);
        let existing = kernel.module_dir().join(existing);
        let identical = same_contents(&product, &existing);
        match compare(&record.dest_name, ModInfo::read(&product).ok().as_ref(), &existing, identical) {
            Verdict::Install => false,
            Verdict::Keep(reason) => {
                run.runner.reporter.warning(&reason);
                true
            }
        }
    }
}

/// Modules of the active version, this one or another, that those of this version do not
/// replace: the policy has changed in between.
fn moved_modules(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Kernel,
    target: &Target,
    modules: &[PlannedModule<'_>],
) -> Vec<Location> {
    let Some(version) = run.env.tree.active_version(&package.id.module, target) else { return Vec::new() };
    let other = PackageId { version, ..package.id.clone() };
    let Some(record) = run.env.tree.record(&other, target) else { return Vec::new() };
    let moved = |recorded: &RecordedModule| {
        let location = recorded.installed_at()?;
        let goes_to = |module: &PlannedModule<'_>| module.location().filter(|_| module.name == recorded.name);
        let moves = modules.iter().filter_map(goes_to).any(|to| to != location);
        let file = kernel.module_dir().join(location.relative());
        let product = run.env.tree.real(&other.products_dir(target)).join(&recorded.product);
        let is_ours = || file.is_file() && is_recorded(&file, recorded.digest.as_deref(), Some(&product));
        (moves && is_ours()).then_some(location)
    };
    record.modules.iter().filter_map(moved).collect()
}

/// The package's modules, and where those that were chosen go. `None` in a dry
/// run that cannot know.
fn recorded_modules(
    run: &Invocation<'_>,
    package: &Package,
    target: &Target,
    conf: &PackageConf,
    chosen: &[PlannedModule<'_>],
    overruled: &Overruled,
) -> Option<Vec<RecordedModule>> {
    let products = run.env.tree.products(&package.id, target);
    let directory = run.env.tree.real(&package.id.products_dir(target));
    let recorded = |record: &ModuleRecord| {
        let installed = chosen.iter().find(|module| module.name == record.dest_name);
        Some(RecordedModule {
            name: record.dest_name.clone(),
            product: installed.map(|module| &module.file).or_else(|| product_of(&products, record))?.clone(),
            installed: installed.and_then(|module| Some(module.location()?.relative().to_path_buf())),
            digest: installed.and_then(|module| content_digest(&directory.join(&module.file)).ok()),
            overruled: overruled.get(&record.dest_name).cloned().unwrap_or_default(),
        })
    };
    conf.modules.iter().map(recorded).collect()
}
