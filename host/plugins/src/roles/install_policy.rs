//! The directory of a package's modules, their compression, and the cleaning up of directories.

use std::sync::Arc;

use crate::bindings::exports::modsmith::plugin::install_policy::GuestIndices;
use crate::bindings::modsmith::plugin::types;
use crate::error::Error;
use crate::facade::Plugins;
use crate::facade::answer::Answer;
use crate::facade::call::{Subject, denied};
use crate::imports::{InstallRequest, PackageFacts, RemovalRequest, compression};
use crate::manifest::Role;
use crate::roles::may_ask;
use modsmith_facts::Compression;
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{Location, Root};

/// When a directory that an uninstall emptied is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prune {
    Always,
    /// Unless this program, with the directory's path as last argument,
    /// succeeds.
    UnlessOwned(Vec<String>),
    Never,
}

/// The role `install-policy`: where modules go, and how they are stored.
#[derive(Clone, Copy)]
pub struct InstallPolicy<'p>(pub &'p Plugins);

impl InstallPolicy<'_> {
    /// The directory below the kernel's module directory, without a leading
    /// slash. `requested` is what the package asks for. `None`: no plugin has a
    /// rule.
    pub fn destination(
        &self,
        kernel: &Arc<Kernel>,
        package: Option<&Arc<PackageFacts>>,
        requested: &str,
    ) -> Result<Option<String>, Error> {
        let subject = Subject { kernel: Some(kernel), package };
        let requested = requested.trim_start_matches('/');
        let answer = self.0.ask(Role::InstallPolicy, subject, |call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let request = call.lend(install(kernel, package, requested))?;
            guest.call_destination(&mut call.store, request)
        })?;
        let Answer::Given { plugin, value } = answer else { return Ok(None) };
        match Location::new(Root::Modules, &value) {
            Ok(location) => Ok(Some(location.relative().display().to_string())),
            Err(e) => Err(Error::BadDestination { plugin, reason: e.to_string() }),
        }
    }

    /// How module files for the kernel are compressed: `Some(None)` is plain.
    pub fn compression(&self, kernel: &Arc<Kernel>) -> Result<Option<Option<Compression>>, Error> {
        let subject = Subject { kernel: Some(kernel), package: None };
        let answer = self.0.ask(Role::InstallPolicy, subject, |call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let request = call.lend(install(kernel, None, ""))?;
            let answer = guest.call_compression(&mut call.store, request)?;
            Ok(answer.and_then(|name| name.as_deref().map(compression).transpose()))
        })?;
        Ok(answer.value())
    }

    /// When emptied directories go; always, where no plugin has a rule.
    pub fn prune(&self) -> Result<Prune, Error> {
        let answer = self.0.ask(Role::InstallPolicy, Subject::default(), |call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let request = call.lend(RemovalRequest { package: None })?;
            let rule = match guest.call_prune(&mut call.store, request)? {
                Ok(rule) => rule,
                Err(error) => return Ok(Err(error)),
            };
            match rule.as_str() {
                "always" => Ok(Ok(Prune::Always)),
                "never" => Ok(Ok(Prune::Never)),
                "unless-owned" => {
                    let request = call.lend(RemovalRequest { package: None })?;
                    Ok(guest.call_owner_query(&mut call.store, request)?.map(Prune::UnlessOwned))
                }
                other => Ok(Err(types::Error::unsupported(format!(
                    "it answers `{other}`; a rule is always, never or unless-owned"
                )))),
            }
        })?;
        match answer {
            Answer::Unsupported(_) => Ok(Prune::Always),
            Answer::Given { plugin, value: Prune::UnlessOwned(command) } => self.ownership_check(&plugin, command),
            Answer::Given { value, .. } => Ok(value),
        }
    }

    /// The program is the plugin's wish, so it is held to the plugin's grant;
    /// the directory's path counts as one more argument.
    fn ownership_check(&self, plugin: &str, command: Vec<String>) -> Result<Prune, Error> {
        let refused = |why: String| denied(plugin, Role::InstallPolicy.name(), Subject::default(), &why);
        let Some((program, arguments)) = command.split_first() else {
            return Err(refused(
                "it names no program that asks for a directory's owner; report this to its author".into(),
            ));
        };
        let mut asked = arguments.to_vec();
        asked.push("/a/directory".into());
        may_ask(self.0, plugin, program, &asked).map_err(refused)?;
        Ok(match modsmith_facts::find_program(&self.0.system.root, program) {
            Some(_) => Prune::UnlessOwned(command),
            None => Prune::Always,
        })
    }
}

fn install(kernel: &Arc<Kernel>, package: Option<&Arc<PackageFacts>>, directory: &str) -> InstallRequest {
    InstallRequest { kernel: kernel.clone(), package: package.cloned(), directory: directory.to_owned() }
}
