//! What happens when kernels come and go.

use std::path::PathBuf;
use std::sync::Arc;

use crate::answer::Answer;
use crate::bindings::exports::modsmith::plugin::kernel_hooks::{self, GuestIndices};
use crate::call::{CallOutcome, Subject};
use crate::error::Error;
use crate::facade::{Candidates, Plugins};
use crate::index::Entry;
use crate::manifest::Role;
use modsmith_facts::kernel::Kernel;
use modsmith_plan::Builder;

/// What happened to a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    KernelPreinst,
    KernelPostinst,
    KernelPrerm,
    PostTransaction,
    ModulesLoaded,
}

/// A file that brings these events to the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookFile {
    /// Absolute on the target, once `@SBINDIR@` and `@LIBDIR@` are filled in.
    pub path: PathBuf,
    pub contents: Vec<u8>,
    pub mode: u32,
}

/// The role `kernel-hooks`: what happens when kernels come and go.
#[derive(Clone, Copy)]
pub struct KernelHooks<'p>(pub &'p Plugins);

impl KernelHooks<'_> {
    /// Adds the steps that an event calls for beyond building and installing:
    /// those of every plugin that has something to do.
    pub fn event(&self, event: Event, kernel: &Arc<Kernel>, plan: &mut Builder) -> Result<Answer<()>, Error> {
        let event = match event {
            Event::KernelPreinst => kernel_hooks::Event::KernelPreinst,
            Event::KernelPostinst => kernel_hooks::Event::KernelPostinst,
            Event::KernelPrerm => kernel_hooks::Event::KernelPrerm,
            Event::PostTransaction => kernel_hooks::Event::PostTransaction,
            Event::ModulesLoaded => kernel_hooks::Event::ModulesLoaded,
        };
        let subject = Subject { kernel: Some(kernel), package: None };
        let Candidates { entries, others: mut reasons, missed } = self.0.candidates(Role::KernelHooks);
        if let Some(error) = missed {
            return Err(error);
        }
        let mut answered = Vec::new();
        for entry in entries {
            let call_outcome = self.0.steps_of(entry, Role::KernelHooks, subject, plan, |call, buffer| {
                let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
                let (kernel, plan) = (call.kernel(kernel)?, call.plan(buffer)?);
                guest.call_on_event(&mut call.store, event, kernel, plan)
            })?;
            match call_outcome {
                CallOutcome::Value(()) => answered.push(entry.id()),
                CallOutcome::Unsupported(why) => reasons.push((entry.id().to_owned(), why)),
            }
        }
        Ok(match answered.is_empty() {
            true => Answer::Unsupported(reasons),
            false => Answer::Given { plugin: answered.join(", "), value: () },
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
            let (given, _) =
                self.0.call(entry, Role::KernelHooks, Subject::default(), &self.0.system.roots, |call| {
                    let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
                    guest.call_hook_files(&mut call.store)
                })?;
            let file = |file: kernel_hooks::HookFile| HookFile {
                path: file.path.into(),
                contents: file.contents,
                mode: file.mode,
            };
            files.extend(given.into_iter().map(|given| (entry.id().to_owned(), file(given))));
        }
        Ok(files)
    }

    fn with_hooks(&self, id: &str) -> Result<&Entry, Error> {
        let with_role = |entry: &&Entry| entry.manifest.provides(Role::KernelHooks);
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
