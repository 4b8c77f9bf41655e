//! Taking installed modules out of a kernel's module directory.

use std::path::PathBuf;
use std::sync::Arc;

use crate::conf::{ModuleRecord, PackageConf, Strictness};
use crate::error::Result;
use crate::flow::installed::product_of;
use crate::flow::weak_modules::Offer;
use crate::flow::{Session, script};
use crate::kernel::{Kernel, toolchain};
use crate::plan::{Action, Builder};
use crate::plugin::{Occasion, Prune};
use crate::system::{Location, Root};
use crate::tree::{Package, PackageId, Target};

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
            Action::Note(format!("{} is the active version on kernel {target}", package.id)),
            "only the active version is installed",
        )
        .line(format!("Module {} for kernel {target}:\nThis version was the active one on this kernel.", package.id));
        let installed = self.installed_modules(package, kernel, target, &conf)?;
        let unlinked = self.plan_weak_links(Offer::TakenBack, package, kernel, &conf, found(&installed), &mut plan)?;
        self.plan_deletions(kernel, &installed, &mut plan)?;
        self.plan_restore(package, kernel, target, &conf, &mut plan);
        plan.push(Action::Remove { at: package.id.active_link(target) }, "no version is installed any more");
        let source = Location::new(Root::Source, "").expect("the root itself");
        let environment = script::environment(package, kernel, &toolchain(kernel, &self.system.root));
        if let Some(command) =
            conf.scripts.post_remove.as_deref().and_then(|text| script::command(text, &source, environment))
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

    /// The package's modules, and where each is installed now.
    fn installed_modules<'c>(
        &self,
        package: &Package,
        kernel: &Arc<Kernel>,
        target: &Target,
        conf: &'c PackageConf,
    ) -> Result<Vec<Installed<'c>>> {
        let products = self.tree.products(&package.id, target);
        let directory = self.tree.real(&package.id.products_dir(target));
        let place = |record: &'c ModuleRecord| {
            let product = product_of(&products, record).map(|name| directory.join(name));
            Ok((record, self.find_installed(kernel, record, product.as_deref())?))
        };
        conf.modules.iter().map(place).collect()
    }

    fn plan_deletions(&self, kernel: &Kernel, installed: &[Installed<'_>], plan: &mut Builder) -> Result<()> {
        let mut emptied = Vec::new();
        for (record, place) in installed {
            match place.clone() {
                Some(at) => {
                    let line = format!("Deleting {}", kernel.module_dir().join(at.relative()).display());
                    emptied.extend(at.parent());
                    plan.push(Action::Remove { at }, "installed by this package").line(line);
                }
                None => {
                    let text =
                        format!("Module {} was not found in {}.", record.dest_name, kernel.module_dir().display());
                    plan.push(Action::Note(text.clone()), "it may have been deleted or replaced by hand").line(text);
                }
            }
        }
        emptied.sort();
        emptied.dedup();
        let unless_owned = match self.plugins.prune()? {
            Prune::Always => None,
            Prune::UnlessOwned(command) => Some(command),
            Prune::Never => return Ok(()),
        };
        for at in emptied {
            plan.push(Action::Prune { at, unless_owned: unless_owned.clone() }, "directories that became empty go too");
        }
        Ok(())
    }
}

/// A module, and its file below the module directory.
type Installed<'c> = (&'c ModuleRecord, Option<Location>);

fn found(installed: &[Installed<'_>]) -> Vec<PathBuf> {
    installed.iter().filter_map(|(_, at)| Some(at.as_ref()?.relative().to_path_buf())).collect()
}
