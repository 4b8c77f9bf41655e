//! The work that is due when a kernel is installed or removed.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::bindings::exports::modsmith::plugin::kernel_hooks::GuestIndices;
use crate::error::Error;
use crate::facade::answer::Answer;
use crate::facade::call::{CallOutcome, Subject, call_outcome};
use crate::facade::{Candidates, Plugins};
use crate::imports::{EventRequest, HookFile, PackageFacts};
use crate::index::IndexedPlugin;
use crate::manifest::Role;
use modsmith_facts::kernel::Kernel;
use modsmith_plan::Builder;

/// The event of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    KernelPreinst,
    KernelPostinst,
    KernelPrerm,
    PostTransaction,
    ModulesLoaded,
}

impl Event {
    fn name(self) -> &'static str {
        match self {
            Self::KernelPreinst => "kernel-preinst",
            Self::KernelPostinst => "kernel-postinst",
            Self::KernelPrerm => "kernel-prerm",
            Self::PostTransaction => "post-transaction",
            Self::ModulesLoaded => "modules-loaded",
        }
    }
}

/// The role `kernel-hooks`: what happens when kernels come and go.
#[derive(Clone, Copy)]
pub struct KernelHooks<'p>(pub &'p Plugins);

impl KernelHooks<'_> {
    /// Adds the steps that an event calls for beyond building and installing:
    /// those of every plugin that has something to do.
    pub fn event(
        &self,
        event: Event,
        kernel: &Arc<Kernel>,
        packages: &[Arc<PackageFacts>],
        plan: &mut Builder,
    ) -> Result<Answer<Vec<String>>, Error> {
        let subject = Subject { kernel: Some(kernel), package: None };
        let Candidates { entries, others: mut reasons, missed } = self.0.candidates(Role::KernelHooks);
        if let Some(error) = missed {
            return Err(error);
        }
        let (mut answered, mut changed) = (Vec::new(), BTreeSet::new());
        for entry in entries {
            let call_outcome = self.0.steps_of(entry, Role::KernelHooks, subject, plan, |call, buffer| {
                let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
                let request = EventRequest { kernel: kernel.clone(), event: event.name(), packages: packages.to_vec() };
                let (request, plan) = (call.lend(request)?, call.plan(buffer)?);
                guest.call_on_event(&mut call.store, request, plan)
            })?;
            match call_outcome {
                CallOutcome::Value(kernels) => {
                    answered.push(entry.id());
                    changed.extend(kernels);
                }
                CallOutcome::Unsupported(why) => reasons.push((entry.id().to_owned(), why)),
            }
        }
        Ok(match answered.is_empty() {
            true => Answer::Unsupported(reasons),
            false => Answer::Given { plugin: answered.join(", "), value: changed.into_iter().collect() },
        })
    }

    /// The files that bring events of this system to the program: of every plugin
    /// that serves it, or of one, whether or not it does. Each with its plugin.
    ///
    /// Errors: no such plugin, or one without the role.
    pub fn hook_files(&self, plugin: Option<&str>) -> Result<Vec<(String, HookFile)>, Error> {
        let entries = match plugin {
            None => self.0.candidates(Role::KernelHooks).entries,
            Some(id) => vec![self.with_hooks(id)?],
        };
        let mut files = Vec::new();
        for entry in entries {
            let (roots, subject) = (&self.0.system.roots, Subject::default());
            let (answer, _) = self.0.call(entry, Role::KernelHooks, subject, roots, |call| {
                let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
                match guest.call_hook_files(&mut call.store)? {
                    Ok(files) => files.into_iter().map(|file| call.take(file)).collect::<wasmtime::Result<_>>().map(Ok),
                    Err(error) => Ok(Err(error)),
                }
            })?;
            let given: Vec<HookFile> = match call_outcome(entry.id(), Role::KernelHooks.name(), subject, answer)? {
                CallOutcome::Value(given) => given,
                CallOutcome::Unsupported(_) => Vec::new(),
            };
            files.extend(given.into_iter().map(|file| (entry.id().to_owned(), file)));
        }
        Ok(files)
    }

    fn with_hooks(&self, id: &str) -> Result<&IndexedPlugin, Error> {
        let with_role = |entry: &&IndexedPlugin| entry.manifest.provides(Role::KernelHooks);
        match self.0.index().get(id) {
            Some(entry) if with_role(&entry) => Ok(entry),
            found => {
                let others = self.0.index().entries().iter().filter(with_role);
                Err(Error::NoHookFiles {
                    plugin: id.to_owned(),
                    installed: found.is_some(),
                    others: others.map(|entry| entry.id().to_owned()).collect(),
                })
            }
        }
    }
}
