//! `match`: one kernel gets what another has.

use crate::conf::Strictness;
use crate::error::{Error, Kind, Result};
use crate::flow::Session;
use crate::tree::{PackageId, Target};
use modsmith_plugins::Occasion;

impl Session<'_> {
    /// Installs for `target` every package that is installed for `template`, or
    /// only those of one module.
    pub fn match_template(&self, template: &Target, target: &Target, module: Option<&str>) -> Result<()> {
        if template.kernel == target.kernel {
            return Err(Error::new(Kind::UnknownOption, format!("Kernel {} is its own template.", target.kernel))
                .hint("--templatekernel names the kernel that has the modules, -k the one that gets them."));
        }
        let known = self.usable_entries()?;
        if let Some(module) = module.filter(|module| !known.iter().any(|entry| entry.id.module == **module)) {
            return Err(Error::new(
                Kind::NotInTree,
                format!("{module} is not in the tree {}.", self.tree.path().display()),
            )
            .hint("`dkms status` lists what is."));
        }
        let links = self.weak_links();
        let has =
            |id: &PackageId| self.tree.is_installed(id, template) || self.is_weakly_installed(id, template, &links);
        let wanted: Vec<PackageId> = known
            .into_iter()
            .map(|entry| entry.id)
            .filter(|id| module.is_none_or(|module| id.module == module) && has(id))
            .collect();
        self.say_lines(&[format!("Matching modules of kernel {template}"), format!("to kernel {target}")]);
        if wanted.is_empty() {
            self.say(format!("Kernel {template} has no modules to match: there is nothing to do."));
            return Ok(());
        }
        let _lock = self.begin()?;
        let transaction = self.deferring().building(wanted.len());
        let matched = self.in_order(wanted, target).iter().try_for_each(|id| {
            self.say_lines(&[String::new(), format!("Module:  {}", id.module), format!("Version: {}", id.version)]);
            match transaction.bring_in(&self.package(id)?, target)? {
                true => transaction.rebuild_dependents(id, &self.kernel(target), target),
                false => Ok(()),
            }
        });
        // Also for those that came before one that failed.
        let finished = self.finish_deferred(&self.kernel(target), Occasion::Installed);
        matched.and(finished)
    }

    /// The same with each package after those that its dkms.conf needs, as far
    /// as that is possible.
    fn in_order(&self, mut packages: Vec<PackageId>, target: &Target) -> Vec<PackageId> {
        let kernel = self.kernel(target);
        let needs = |id: &PackageId| {
            let conf = self.package(id).and_then(|package| self.conf(&package, &kernel, Strictness::Lenient));
            // Its own installation tells what is wrong with it.
            conf.map(|conf| conf.build_depends).unwrap_or_default()
        };
        let mut ordered = Vec::new();
        while !packages.is_empty() {
            let waits = |id: &PackageId| {
                needs(id).iter().any(|needed| packages.iter().any(|other| other != id && other.module == *needed))
            };
            let next = packages.iter().position(|id| !waits(id)).unwrap_or(0);
            ordered.push(packages.remove(next));
        }
        ordered
    }
}
