//! Taking built modules and whole packages out of the tree.

use crate::error::Result;
use crate::flow::Session;
use crate::tree::{Package, PackageId, Target};
use modsmith_plan::{Builder, verbs};

impl Session<'_> {
    /// The `unbuild` action for some kernels.
    pub fn unbuild(&self, id: &PackageId, targets: &[Target]) -> Result<()> {
        let _lock = self.begin()?;
        let package = self.package(id)?;
        targets.iter().try_for_each(|target| self.unbuild_package(&package, target))
    }

    /// The `remove` action: the version goes with its last kernel.
    pub fn remove(&self, id: &PackageId, targets: &[Target]) -> Result<()> {
        let _lock = self.begin()?;
        let package = self.package(id)?;
        if self.options.safe_upgrade && self.is_upgrade(id)? {
            return Ok(());
        }
        targets.iter().try_for_each(|target| self.unbuild_package(&package, target))?;
        let left: Vec<Target> = self.tree.targets(id).into_iter().filter(|t| !targets.contains(t)).collect();
        if !left.is_empty() || (!self.is_dry_run() && self.tree.has_kernels(id)) {
            let names: Vec<String> = left.iter().map(Target::to_string).collect();
            self.say(format!("{id} stays in the tree: it is built for {}.", names.join(", ")));
            return Ok(());
        }
        let mut plan = Builder::new(format!("remove {id}"), self.system.roots.clone());
        plan.push(verbs::Remove { at: id.version_dir() }, "no kernel is left")
            .line(format!("Deleting module {id} completely from the DKMS tree."));
        plan.push(verbs::Prune { at: id.originals_root(), unless_owned: None }, "nothing of the module is left");
        plan.push(verbs::Prune { at: id.module_dir(), unless_owned: None }, "nothing of the module is left");
        self.plan_forget_package(id, &mut plan);
        self.run(plan)
    }

    pub(super) fn unbuild_package(&self, package: &Package, target: &Target) -> Result<()> {
        let id = &package.id;
        if self.tree.is_installed(id, target) {
            self.uninstall_package(package, &self.kernel(target), target)?;
        } else {
            self.say(format!("Module {id} is not installed for kernel {target}. Skipping..."));
        }
        if !self.tree.is_built(id, target) {
            self.say(format!("Module {id} is not built for kernel {target}. Skipping..."));
            return self.forget(id, target);
        }
        let mut plan = Builder::new(format!("unbuild {id} for {target}"), self.system.roots.clone());
        plan.push(verbs::Remove { at: id.target_dir(target) }, "what was built goes");
        plan.push(verbs::Prune { at: id.kernel_dir(target), unless_owned: None }, "no empty kernel directory is left");
        self.plan_forget(id, target, &mut plan);
        self.run(plan)
    }
}
