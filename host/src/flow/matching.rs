//! `match`: one kernel gets what another has.

use crate::error::{Error, Kind, Result};
use crate::flow::Session;
use crate::plugin::Occasion;
use crate::tree::{PackageId, Target};

impl Session<'_> {
    /// Installs for `target` every package that is installed for `template`, or
    /// only those of one module.
    pub fn match_template(&self, template: &Target, target: &Target, module: Option<&str>) -> Result<()> {
        if template.kernel == target.kernel {
            return Err(Error::new(Kind::UnknownOption, format!("Kernel {} is its own template.", target.kernel))
                .hint("--templatekernel names the kernel that has the modules, -k the one that gets them."));
        }
        let known = self.tree.entries()?;
        if let Some(module) = module.filter(|module| !known.iter().any(|entry| entry.id.module == **module)) {
            return Err(Error::new(
                Kind::NotInTree,
                format!("{module} is not in the tree {}.", self.tree.path().display()),
            )
            .hint("`dkms status` lists what is."));
        }
        let wanted: Vec<PackageId> = known
            .into_iter()
            .map(|entry| entry.id)
            .filter(|id| module.is_none_or(|module| id.module == module) && self.tree.is_installed(id, template))
            .collect();
        self.say(format!("Matching modules of kernel {template}\nto kernel {target}"));
        if wanted.is_empty() {
            self.say(format!("Kernel {template} has no modules to match: there is nothing to do."));
            return Ok(());
        }
        let _lock = self.begin()?;
        let transaction = self.deferring();
        let matched = wanted.iter().try_for_each(|id| {
            self.say(format!("\nModule:  {}\nVersion: {}", id.module, id.version));
            transaction.bring_in(&self.package(id)?, target)
        });
        // Also for those that came before one that failed.
        let finished = self.finish_deferred(&self.kernel(target), Occasion::Installed);
        matched.and(finished)
    }
}
