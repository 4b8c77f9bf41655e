//! Taking installed modules out of a kernel's module directory.

use std::path::PathBuf;
use std::sync::Arc;

use crate::build::toolchain;
use crate::conf::{PackageConf, Strictness};
use crate::error::Result;
use crate::flow::installed::{Found, Sought, is_recorded, product_named};
use crate::flow::weak_modules::Offer;
use crate::flow::{Session, script};
use crate::tree::{Package, PackageId, Target};
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{Location, Root};
use modsmith_plan::{Action, Builder, verbs};
use modsmith_plugins::{Occasion, Prune};

impl Session<'_> {
    /// The `uninstall` action for some kernels.
    pub fn uninstall(&self, id: &PackageId, targets: &[Target]) -> Result<()> {
        let _lock = self.begin()?;
        let package = self.package(id)?;
        for target in targets {
            if self.tree.is_installed(id, target) {
                self.uninstall_package(&package, &self.kernel(target), target)?;
            } else {
                self.say(format!("Module {id} is not installed for kernel {target}. Skipping..."));
            }
        }
        Ok(())
    }

    /// Uninstalls an installed package; the lock is held.
    pub(super) fn uninstall_package(&self, package: &Package, kernel: &Arc<Kernel>, target: &Target) -> Result<()> {
        let conf = self.conf(package, kernel, Strictness::Lenient)?;
        let _common = self.hold_common();
        let mut plan =
            Builder::new(format!("uninstall {} for {target}", package.id), self.roots(package, Some(kernel)));
        plan.push(
            verbs::Note(format!("{} is the active version on kernel {target}", package.id)),
            "only the active version is installed",
        )
        .lines([
            format!("Module {} for kernel {target}:", package.id),
            "This version was the active one on this kernel.".to_owned(),
        ]);
        let installed = self.installed_modules(package, kernel, target, &conf)?;
        let unlinked = self.plan_weak_links(Offer::TakenBack, package, kernel, &conf, found(&installed), &mut plan)?;
        self.plan_deletions(package, kernel, &installed, &mut plan)?;
        self.plan_restore(package, kernel, target, &conf, &mut plan);
        plan.push(verbs::Remove { at: package.id.active_link(target) }, "no version is installed any more");
        let source = Location::new(Root::Source, "").expect("the root itself");
        let environment = script::environment(package, kernel, &toolchain(kernel, &self.system.root));
        if let Some(command) =
            conf.scripts.post_remove.as_deref().and_then(|text| self.script(package, text, &source, environment))
        {
            plan.push(Action::Run(script::ignored(command)), "POST_REMOVE of its dkms.conf")
                .progress("Running the post_remove script");
        }
        let put_back = self.plan_modprobe_remove(package, kernel, target, &conf, &mut plan)?;
        self.plan_depmod(kernel, &mut plan);
        self.plan_depmod_of_others(unlinked, &mut plan);
        self.plan_initrd(kernel, &conf, Occasion::Removed, &mut plan)?;
        for action in put_back {
            plan.push(action, "the module is installed for other kernels");
        }
        self.run(plan)?;
        self.say("");
        Ok(())
    }

    /// The modules that the package has or had when it was installed, and where
    /// each is now.
    fn installed_modules(
        &self,
        package: &Package,
        kernel: &Arc<Kernel>,
        target: &Target,
        conf: &PackageConf,
    ) -> Result<Vec<Installed>> {
        let products = self.tree.products(&package.id, target);
        let directory = self.tree.real(&package.id.products_dir(target));
        let record = self.tree.record(&package.id, target).map(|record| record.modules).unwrap_or_default();
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
            Ok(Installed { found: self.find_installed(kernel, sought, product.as_deref())?, name })
        };
        // Those that are not for the kernel may have been, under an earlier dkms.conf.
        let is_missing = |installed: &Installed| matches!(installed.found, Found::Nowhere { instead: None });
        let excluded = excluded.map(&find).filter(|found| !found.as_ref().is_ok_and(is_missing));
        of_conf.chain(no_longer).map(&find).chain(excluded).collect()
    }

    fn plan_deletions(
        &self,
        package: &Package,
        kernel: &Kernel,
        installed: &[Installed],
        plan: &mut Builder,
    ) -> Result<()> {
        let mut emptied = Vec::new();
        for Installed { name, found } in installed {
            match found.clone() {
                Found::At(at) => self.plan_deletion(kernel, at, &mut emptied, plan),
                Found::Nowhere { instead } => {
                    if let Some(at) = instead {
                        self.reporter.warning(&format!(
                            "{} is not the file that {} installed there: it was replaced since, and stays.",
                            kernel.module_dir().join(at.relative()).display(),
                            package.id
                        ));
                    }
                    let text = format!("Module {name} was not found in {}.", kernel.module_dir().display());
                    plan.push(verbs::Note(text.clone()), "it may have been deleted or replaced by hand").line(text);
                }
            }
        }
        self.plan_prune(emptied, plan)
    }

    fn plan_deletion(&self, kernel: &Kernel, at: Location, emptied: &mut Vec<Location>, plan: &mut Builder) {
        let line = format!("Deleting {}", kernel.module_dir().join(at.relative()).display());
        emptied.extend(at.parent());
        plan.push(verbs::Remove { at }, "installed by this package").line(line);
    }

    /// Steps that delete the modules of another version, which is the active one,
    /// where those of this version do not replace them: the policy has changed in
    /// between. `taking` is where they go.
    pub(super) fn plan_deletion_of_moved(
        &self,
        package: &Package,
        kernel: &Kernel,
        target: &Target,
        taking: &[(String, Location)],
        plan: &mut Builder,
    ) -> Result<()> {
        let active = self.tree.active_version(&package.id.module, target);
        let Some(version) = active.filter(|version| *version != package.id.version) else { return Ok(()) };
        let other = PackageId { version, ..package.id.clone() };
        let Some(record) = self.tree.record(&other, target) else { return Ok(()) };
        let mut emptied = Vec::new();
        for recorded in &record.modules {
            let Some(at) = recorded.installed_at() else { continue };
            let moved = taking.iter().any(|(name, to)| *name == recorded.name && *to != at);
            let file = kernel.module_dir().join(at.relative());
            let product = self.tree.real(&other.products_dir(target)).join(&recorded.product);
            if moved && file.is_file() && is_recorded(&file, recorded.digest.as_deref(), Some(&product)) {
                self.plan_deletion(kernel, at, &mut emptied, plan);
            }
        }
        self.plan_prune(emptied, plan)
    }

    /// Steps that remove what is empty of directories that lost a file.
    fn plan_prune(&self, mut emptied: Vec<Location>, plan: &mut Builder) -> Result<()> {
        if emptied.is_empty() {
            return Ok(());
        }
        emptied.sort();
        emptied.dedup();
        let unless_owned = match self.plugins.prune()? {
            Prune::Always => None,
            Prune::UnlessOwned(command) => Some(command),
            Prune::Never => return Ok(()),
        };
        for at in emptied {
            plan.push(verbs::Prune { at, unless_owned: unless_owned.clone() }, "directories that became empty go too");
        }
        Ok(())
    }
}

/// A module of the package.
struct Installed {
    /// As it is installed, without suffix.
    name: String,
    /// Its file below the module directory.
    found: Found,
}

fn found(installed: &[Installed]) -> Vec<PathBuf> {
    installed.iter().filter_map(|module| Some(module.found.location()?.relative().to_path_buf())).collect()
}
