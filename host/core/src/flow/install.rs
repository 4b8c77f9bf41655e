//! Installing built modules into a kernel's module directory.

use std::path::Path;
use std::sync::Arc;

use crate::build::toolchain;
use crate::conf::{ModuleRecord, PackageConf, Strictness};
use crate::error::{Error, Kind, Result};
use crate::flow::boot_image::plan_initrd;
use crate::flow::build::build_package;
use crate::flow::dependents::rebuild_dependents;
use crate::flow::failures::plan_forget;
use crate::flow::installed::{ModuleIndex, destination, product_of, same_contents};
use crate::flow::kernels::for_each_kernel;
use crate::flow::load_modules::plan_load;
use crate::flow::modprobe_config::plan_modprobe_add;
use crate::flow::originals::plan_archive;
use crate::flow::overrides::{Overrides, overrides_of};
use crate::flow::record::{conf_files, plan_install_record};
use crate::flow::script::script_command;
use crate::flow::transaction::{Pending, plan_marker};
use crate::flow::uninstall::{plan_deletion_of_moved, uninstall_package};
use crate::flow::version_check::{Verdict, compare, obsolete};
use crate::flow::weak_modules::{Offer, plan_depmod_of_others, plan_weak_links};
use crate::flow::{Invocation, PackageSource, script};
use crate::tree::{BuildRecord, Package, RecordedModule, Target};
use modsmith_facts::kernel::{Kernel, ModInfo, content_digest};
use modsmith_facts::{Location, Root};
use modsmith_plan::{Action, Builder, Rerun, Undo, depmod};
use modsmith_plugins::Occasion;

/// A module that will be installed.
struct Chosen<'a> {
    record: &'a ModuleRecord,
    /// Its file in the tree.
    file: String,
    /// Below the module directory.
    destination: String,
    /// A file of the same name that is put aside.
    original: Option<std::path::PathBuf>,
}

impl Chosen<'_> {
    /// Where it goes.
    fn location(&self) -> Option<Location> {
        Location::new(Root::Modules, Path::new(&self.destination).join(&self.file)).ok()
    }
}

/// The `install` action, with the steps before it that are still missing, for
/// several kernels at the same time. Returns what went wrong, in the order of
/// the kernels.
pub fn install(run: &Invocation<'_>, what: &PackageSource, targets: &[Target]) -> Vec<Error> {
    let one = |run: &Invocation<'_>, package: &Package, target: &Target| build_and_install(run, package, target);
    for_each_kernel(run, what, targets, one, |package, target| {
        rebuild_dependents(run, &package.id, &run.kernel(target), target)
    })
}

/// Builds a registered package if need be, and installs it; the lock is held.
/// `false`: it is installed already.
pub(super) fn build_and_install(run: &Invocation<'_>, package: &Package, target: &Target) -> Result<bool> {
    let kernel = run.kernel(target);
    let installed = run.env.tree.is_installed(&package.id, target);
    if installed && !overrides_of(run, &package.id.module).everything {
        run.runner.say(format!("Module {} already installed on kernel {target}, skipping.", package.id));
        return Ok(false);
    }
    if !run.env.tree.is_built(&package.id, target) {
        build_package(run, package, &kernel, target)?;
    }
    if installed {
        uninstall_package(run, package, &kernel, target)?;
    }
    install_package(run, package, &kernel, target)?;
    Ok(true)
}

/// Installs a built package; the lock is held.
pub(super) fn install_package(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Arc<Kernel>,
    target: &Target,
) -> Result<()> {
    let mut overrides = overrides_of(run, &package.id.module);
    overrides.everything |= run.env.options.safe_upgrade;
    install_overriding(run, package, kernel, target, overrides)
}

/// Installs a built package, whatever speaks against it that `overrides` names.
pub(super) fn install_overriding(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Arc<Kernel>,
    target: &Target,
    overrides: Overrides,
) -> Result<()> {
    if !kernel.module_dir().is_dir() {
        return Err(Error::new(
            Kind::NoKernelDirectory,
            format!("Kernel {} is not installed: {} is missing.", target.kernel, kernel.module_dir().display()),
        )
        .hint("Install that kernel, or name an installed one with -k."));
    }
    let conf_files = conf_files(run, package, target);
    let conf = run.conf(package, kernel, Strictness::Strict)?;
    let _common = run.transaction.hold_common();
    let chosen = choose(run, package, &conf, kernel, target, overrides)?;

    let mut plan = Builder::new(format!("install {} for {target}", package.id), run.env.roots(package, Some(kernel)));
    let toolchain = toolchain(kernel, &run.env.system.root);
    let environment = script::environment(package, kernel, &toolchain);
    let source = Location::new(Root::Source, "").expect("the root itself");
    if let Some(command) = conf
        .scripts
        .pre_install
        .as_deref()
        .and_then(|text| script_command(run, package, text, &source, environment.clone()))
    {
        let command = if overrides.everything { script::ignored(command) } else { command };
        plan.push(Action::Run(command), "PRE_INSTALL of its dkms.conf")
            .progress("Running the pre_install script")
            .fails_as(
                Kind::PreInstallFailed,
                format!("The pre_install script of {} failed for kernel {target}.", package.id),
            )
            .hint("--force installs all the same.");
    }
    for module in &chosen {
        plan_module(run, package, kernel, target, module, &mut plan);
    }
    let taking = |module: &Chosen<'_>| Some((module.record.dest_name.clone(), module.location()?));
    let taking: Vec<_> = chosen.iter().filter_map(taking).collect();
    plan_deletion_of_moved(run, package, kernel, target, &taking, &mut plan)?;
    let link = package.id.active_link(target);
    let leads_to = format!("{}/{}/{}", package.id.version, target.kernel, target.arch);
    plan.push(Action::Symlink { at: link, target: leads_to }, "the link records which version is installed");
    // Before any script: only now are the installed files known to be copies.
    if let Some(modules) = recorded_modules(run, package, target, &conf, &chosen) {
        let record = BuildRecord::new(conf_files, modules);
        plan_install_record(&package.id, target, record, &mut plan);
    }
    let files = chosen.iter().map(|module| Path::new(&module.destination).join(&module.file));
    let linked = plan_weak_links(run, Offer::Made, package, kernel, &conf, files.collect(), &mut plan)?;
    if let Some(command) =
        conf.scripts.post_install.as_deref().and_then(|text| script_command(run, package, text, &source, environment))
    {
        plan.push(Action::Run(script::ignored(command)), "POST_INSTALL of its dkms.conf")
            .progress("Running the post_install script");
    }
    plan_modprobe_add(run, package, kernel, &conf, &mut plan)?;
    plan_forget(run, &package.id, target, &mut plan);
    plan_depmod(run, kernel, &mut plan);
    plan_depmod_of_others(run, linked, &mut plan);
    plan_initrd(run, kernel, &conf, Occasion::Installed, &mut plan)?;
    if !run.transaction.is_open() {
        plan_load(run, kernel, &mut plan);
    }
    run.runner.run(plan)
}

/// Which modules may be installed; at least one, or none was asked for.
fn choose<'c>(
    run: &Invocation<'_>,
    package: &Package,
    conf: &'c PackageConf,
    kernel: &Arc<Kernel>,
    target: &Target,
    overrides: Overrides,
) -> Result<Vec<Chosen<'c>>> {
    let products = run.runner.products(&package.id, target);
    let index = ModuleIndex::read(kernel);
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
                .hint(format!("Build it anew: `dkms build {} -k {} --force`.", package.id, target.kernel)));
            }
        };
        let destination = destination(run, kernel, record)?;
        let existing = index.find(&record.dest_name, &destination).into_iter().next();
        if refused(run, package, conf, kernel, target, record, &file, existing.as_deref(), overrides) {
            continue;
        }
        let original = existing.filter(|_| first_install);
        chosen.push(Chosen { record, file, destination, original });
    }
    if chosen.is_empty() && !conf.modules.is_empty() {
        return Err(Error::new(
            Kind::InstallFailed,
            format!("No module of {} was installed for kernel {target}.", package.id),
        )
        .hint("The lines above say why; --force installs them all the same."));
    }
    Ok(chosen)
}

fn expected_file(run: &Invocation<'_>, kernel: &Arc<Kernel>, record: &ModuleRecord) -> Result<String> {
    let compression = run.env.plugins.compression(kernel)?.unwrap_or_else(|| kernel.compressions().last().copied());
    Ok(format!("{}.ko{}", record.dest_name, compression.map_or("", |c| c.suffix())))
}

/// Whether a newer or equal module, or the kernel itself, speaks against it.
#[expect(clippy::too_many_arguments, reason = "one question about one module, asked in one place")]
fn refused(
    run: &Invocation<'_>,
    package: &Package,
    conf: &PackageConf,
    kernel: &Kernel,
    target: &Target,
    record: &ModuleRecord,
    file: &str,
    existing: Option<&Path>,
    overrides: Overrides,
) -> bool {
    let obsolete_by = conf.obsolete_by.as_deref().filter(|d| !overrides.everything && obsolete(d, kernel));
    if let Some(directive) = obsolete_by {
        run.runner.reporter.warning(&format!(
            "{}: kernel {} has this driver itself since {directive} (OBSOLETE_BY); it was not installed.",
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

fn plan_module(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Kernel,
    target: &Target,
    module: &Chosen<'_>,
    plan: &mut Builder,
) {
    if let Some(original) = &module.original {
        plan_archive(run, package, kernel, target, original, plan);
    }
    let Some(to) = module.location() else { return };
    let Ok(directory) = Location::new(Root::Modules, &module.destination) else { return };
    let from = package.id.products_dir(target).join(&module.file).expect("a file name is a location");
    let line = format!("Installing {}", kernel.module_dir().join(to.relative()).display());
    plan.push(Action::MakeDirectory { at: directory }, "the policy's directory for added modules");
    let why = match module.destination == module.record.dest_location.trim_matches('/') {
        true => "where the package wants it".to_owned(),
        false => format!("the system's policy; the package asked for {}", module.record.dest_location),
    };
    let action = if run.env.options.symlink_modules || run.env.framework.symlink_modules() {
        Action::Symlink { at: to, target: run.env.seen_by_build(&run.env.tree.real(&from)) }
    } else {
        Action::Copy { from, to }
    };
    plan.push(action, why).line(line).fails_as(Kind::InstallFailed, format!("{} could not be installed.", module.file));
}

/// The package's modules, and where those that were chosen go. `None` in a dry
/// run that cannot know.
fn recorded_modules(
    run: &Invocation<'_>,
    package: &Package,
    target: &Target,
    conf: &PackageConf,
    chosen: &[Chosen<'_>],
) -> Option<Vec<RecordedModule>> {
    let products = run.env.tree.products(&package.id, target);
    let directory = run.env.tree.real(&package.id.products_dir(target));
    let recorded = |record: &ModuleRecord| {
        let installed = chosen.iter().find(|module| module.record == record);
        Some(RecordedModule {
            name: record.dest_name.clone(),
            product: installed.map(|module| &module.file).or_else(|| product_of(&products, record))?.clone(),
            installed: installed.and_then(|module| Some(module.location()?.relative().to_path_buf())),
            digest: installed.and_then(|module| content_digest(&directory.join(&module.file)).ok()),
        })
    };
    conf.modules.iter().map(recorded).collect()
}

/// depmod, for a kernel that has a module index.
pub(super) fn plan_depmod(run: &Invocation<'_>, kernel: &Kernel, plan: &mut Builder) {
    if run.env.options.no_depmod {
        return;
    }
    if !kernel.module_dir().join("modules.dep").is_file() {
        plan.push(
            Action::Note(format!("no depmod: {} has no modules.dep", kernel.module_dir().display())),
            "a kernel without module index is not really installed",
        )
        .line(format!("Skipping depmod: {} has no modules.dep.", kernel.module_dir().display()));
        return;
    }
    if run.transaction.is_open() {
        return plan_marker(Pending::Depmod, kernel, plan);
    }
    let kernel = kernel.release().to_owned();
    plan.push(Action::Run(depmod(&run.env.system, &kernel)), "modprobe needs to know the changed modules")
        .progress("Running depmod")
        .on_undo(Undo::Rerun(Rerun::Depmod { kernel }));
}
