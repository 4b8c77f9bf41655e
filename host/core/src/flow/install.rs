//! Installing built modules into a kernel's module directory.

use std::path::Path;
use std::sync::Arc;

use crate::build::toolchain;
use crate::conf::{ModuleRecord, PackageConf, Strictness};
use crate::error::{Error, Kind, Result};
use crate::flow::forced::Forced;
use crate::flow::installed::{ModuleIndex, product_of, same_contents};
use crate::flow::transaction::{Pending, plan_marker};
use crate::flow::version_check::{Verdict, compare, obsolete};
use crate::flow::weak_modules::Offer;
use crate::flow::{PackageSource, Session, script};
use crate::tree::{BuildRecord, Package, RecordedModule, Target};
use modsmith_facts::kernel::{Kernel, ModInfo, content_digest};
use modsmith_facts::{Location, Root};
use modsmith_plan::{Action, Builder, Rerun, Undo, depmod, verbs};
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

impl Session<'_> {
    /// The `install` action, with the steps before it that are still missing, for
    /// several kernels at the same time. Returns what went wrong, in the order of
    /// the kernels.
    pub fn install(&self, what: &PackageSource, targets: &[Target]) -> Vec<Error> {
        let one = |session: &Session<'_>, package: &Package, target: &Target| session.bring_in(package, target);
        self.for_each_kernel(what, targets, one, |package, target| {
            self.rebuild_dependents(&package.id, &self.kernel(target), target)
        })
    }

    /// Builds a registered package if need be, and installs it; the lock is held.
    /// `false`: it is installed already.
    pub(super) fn bring_in(&self, package: &Package, target: &Target) -> Result<bool> {
        let kernel = self.kernel(target);
        let installed = self.tree.is_installed(&package.id, target);
        if installed && !self.forced(&package.id.module).everything {
            self.say(format!("Module {} already installed on kernel {target}, skipping.", package.id));
            return Ok(false);
        }
        if !self.tree.is_built(&package.id, target) {
            self.build_package(package, &kernel, target)?;
        }
        if installed {
            self.uninstall_package(package, &kernel, target)?;
        }
        self.install_package(package, &kernel, target)?;
        Ok(true)
    }

    /// Installs a built package; the lock is held.
    pub(super) fn install_package(&self, package: &Package, kernel: &Arc<Kernel>, target: &Target) -> Result<()> {
        let mut forced = self.forced(&package.id.module);
        forced.everything |= self.options.safe_upgrade;
        self.install_forced(package, kernel, target, forced)
    }

    /// Installs a built package, whatever `forced` says against it.
    pub(super) fn install_forced(
        &self,
        package: &Package,
        kernel: &Arc<Kernel>,
        target: &Target,
        forced: Forced,
    ) -> Result<()> {
        if !kernel.module_dir().is_dir() {
            return Err(Error::new(
                Kind::NoKernelDirectory,
                format!("Kernel {} is not installed: {} is missing.", target.kernel, kernel.module_dir().display()),
            )
            .hint("Install that kernel, or name an installed one with -k."));
        }
        let conf_files = self.conf_files(package, target);
        let conf = self.conf(package, kernel, Strictness::Strict)?;
        let _common = self.hold_common();
        let chosen = self.choose(package, &conf, kernel, target, forced)?;

        let mut plan = Builder::new(format!("install {} for {target}", package.id), self.roots(package, Some(kernel)));
        let toolchain = toolchain(kernel, &self.system.root);
        let environment = script::environment(package, kernel, &toolchain);
        let source = Location::new(Root::Source, "").expect("the root itself");
        if let Some(command) = conf
            .scripts
            .pre_install
            .as_deref()
            .and_then(|text| self.script(package, text, &source, environment.clone()))
        {
            let command = if forced.everything { script::ignored(command) } else { command };
            plan.push(Action::Run(command), "PRE_INSTALL of its dkms.conf")
                .progress("Running the pre_install script")
                .fails_as(
                    Kind::PreInstallFailed,
                    format!("The pre_install script of {} failed for kernel {target}.", package.id),
                )
                .hint("--force installs all the same.");
        }
        for module in &chosen {
            self.plan_module(package, kernel, target, module, &mut plan);
        }
        let taking = |module: &Chosen<'_>| Some((module.record.dest_name.clone(), module.location()?));
        let taking: Vec<_> = chosen.iter().filter_map(taking).collect();
        self.plan_deletion_of_moved(package, kernel, target, &taking, &mut plan)?;
        let link = package.id.active_link(target);
        let leads_to = format!("{}/{}/{}", package.id.version, target.kernel, target.arch);
        plan.push(verbs::Symlink { at: link, target: leads_to }, "the link records which version is installed");
        // Before any script: only now are the installed files known to be copies.
        if let Some(modules) = self.recorded_modules(package, target, &conf, &chosen) {
            let record = BuildRecord::new(conf_files, modules);
            self.plan_install_record(&package.id, target, record, &mut plan);
        }
        let files = chosen.iter().map(|module| Path::new(&module.destination).join(&module.file));
        let linked = self.plan_weak_links(Offer::Made, package, kernel, &conf, files.collect(), &mut plan)?;
        if let Some(command) =
            conf.scripts.post_install.as_deref().and_then(|text| self.script(package, text, &source, environment))
        {
            plan.push(Action::Run(script::ignored(command)), "POST_INSTALL of its dkms.conf")
                .progress("Running the post_install script");
        }
        self.plan_modprobe_add(package, kernel, &conf, &mut plan)?;
        self.plan_forget(&package.id, target, &mut plan);
        self.plan_depmod(kernel, &mut plan);
        self.plan_depmod_of_others(linked, &mut plan);
        self.plan_initrd(kernel, &conf, Occasion::Installed, &mut plan)?;
        if !self.deferred {
            self.plan_load(kernel, &mut plan);
        }
        self.run(plan)
    }

    /// Which modules may be installed; at least one, or none was asked for.
    fn choose<'c>(
        &self,
        package: &Package,
        conf: &'c PackageConf,
        kernel: &Arc<Kernel>,
        target: &Target,
        forced: Forced,
    ) -> Result<Vec<Chosen<'c>>> {
        let products = self.tree.products(&package.id, target);
        // In a dry run of a package that is not built yet there is nothing to look at.
        let assumed = self.is_dry_run() && !self.tree.is_built(&package.id, target);
        let index = ModuleIndex::read(kernel);
        let first_install = self.tree.active_version(&package.id.module, target).is_none();
        let mut chosen = Vec::new();
        for record in &conf.modules {
            let file = match product_of(&products, record) {
                Some(file) => file.clone(),
                None if assumed => self.expected_file(kernel, record)?,
                None => {
                    return Err(Error::new(
                        Kind::InstallFailed,
                        format!(
                            "The tree has no built module {} of {} for kernel {target}.",
                            record.dest_name, package.id
                        ),
                    )
                    .hint(format!("Build it anew: `dkms build {} -k {} --force`.", package.id, target.kernel)));
                }
            };
            let destination = self.destination(kernel, record)?;
            let existing = index.find(&record.dest_name, &destination).into_iter().next();
            if self.refused(package, conf, kernel, target, record, &file, existing.as_deref(), forced) {
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

    fn expected_file(&self, kernel: &Arc<Kernel>, record: &ModuleRecord) -> Result<String> {
        let compression = self.plugins.compression(kernel)?.unwrap_or_else(|| kernel.compressions().last().copied());
        Ok(format!("{}.ko{}", record.dest_name, compression.map_or("", |c| c.suffix())))
    }

    /// Whether a newer or equal module, or the kernel itself, speaks against it.
    #[expect(clippy::too_many_arguments, reason = "one question about one module, asked in one place")]
    fn refused(
        &self,
        package: &Package,
        conf: &PackageConf,
        kernel: &Kernel,
        target: &Target,
        record: &ModuleRecord,
        file: &str,
        existing: Option<&Path>,
        forced: Forced,
    ) -> bool {
        let obsolete_by = conf.obsolete_by.as_deref().filter(|d| !forced.everything && obsolete(d, kernel));
        if let Some(directive) = obsolete_by {
            self.reporter.warning(&format!(
                "{}: kernel {} has this driver itself since {directive} (OBSOLETE_BY); it was not installed.",
                record.dest_name, target.kernel
            ));
            return true;
        }
        let Some(existing) = existing.filter(|_| !forced.everything && !forced.version) else { return false };
        let product = self.tree.real(&package.id.products_dir(target)).join(file);
        let existing = kernel.module_dir().join(existing);
        let identical = same_contents(&product, &existing);
        match compare(&record.dest_name, ModInfo::read(&product).ok().as_ref(), &existing, identical) {
            Verdict::Install => false,
            Verdict::Keep(reason) => {
                self.reporter.warning(&reason);
                true
            }
        }
    }

    fn plan_module(
        &self,
        package: &Package,
        kernel: &Kernel,
        target: &Target,
        module: &Chosen<'_>,
        plan: &mut Builder,
    ) {
        if let Some(original) = &module.original {
            self.plan_archive(package, kernel, target, original, plan);
        }
        let Some(to) = module.location() else { return };
        let Ok(directory) = Location::new(Root::Modules, &module.destination) else { return };
        let from = package.id.products_dir(target).join(&module.file).expect("a file name is a location");
        let line = format!("Installing {}", kernel.module_dir().join(to.relative()).display());
        plan.push(verbs::MakeDirectory { at: directory }, "the policy's directory for added modules");
        let why = match module.destination == module.record.dest_location.trim_matches('/') {
            true => "where the package wants it".to_owned(),
            false => format!("the system's policy; the package asked for {}", module.record.dest_location),
        };
        let action = if self.options.symlink_modules || self.framework.symlink_modules() {
            Action::from(verbs::Symlink { at: to, target: self.seen_by_build(&self.tree.real(&from)) })
        } else {
            Action::from(verbs::Copy { from, to })
        };
        plan.push(action, why)
            .line(line)
            .fails_as(Kind::InstallFailed, format!("{} could not be installed.", module.file));
    }

    /// The package's modules, and where those that were chosen go. `None` in a dry
    /// run that cannot know.
    fn recorded_modules(
        &self,
        package: &Package,
        target: &Target,
        conf: &PackageConf,
        chosen: &[Chosen<'_>],
    ) -> Option<Vec<RecordedModule>> {
        let products = self.tree.products(&package.id, target);
        let directory = self.tree.real(&package.id.products_dir(target));
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
    pub(super) fn plan_depmod(&self, kernel: &Kernel, plan: &mut Builder) {
        if self.options.no_depmod {
            return;
        }
        if !kernel.module_dir().join("modules.dep").is_file() {
            plan.push(
                verbs::Note(format!("no depmod: {} has no modules.dep", kernel.module_dir().display())),
                "a kernel without module index is not really installed",
            )
            .line(format!("Skipping depmod: {} has no modules.dep.", kernel.module_dir().display()));
            return;
        }
        if self.deferred {
            return plan_marker(Pending::Depmod, kernel, plan);
        }
        let kernel = kernel.release().to_owned();
        plan.push(Action::Run(depmod(&self.system, &kernel)), "modprobe needs to know the changed modules")
            .progress("Running depmod")
            .on_undo(Undo::Rerun(Rerun::Depmod { kernel }));
    }
}
