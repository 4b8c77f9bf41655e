//! What happens when kernels come and go.

use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::kernel::Kernel;
use crate::plan::Builder;
use crate::plugin::bindings::exports::modsmith::plugin::kernel_hooks::{self, GuestIndices};
use crate::plugin::call::Subject;
use crate::plugin::facade::{Answer, Plugins};
use crate::plugin::manifest::Role;

/// What happened to a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    KernelPreinst,
    KernelPostinst,
    KernelPrerm,
    HeadersPostinst,
    PostTransaction,
}

/// A file that brings these events to the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookFile {
    /// Absolute on the target.
    pub path: PathBuf,
    pub contents: Vec<u8>,
    pub mode: u32,
}

impl Plugins {
    /// Adds the steps that an event calls for beyond building and installing.
    pub fn kernel_event(&self, event: Event, kernel: &Arc<Kernel>, plan: &mut Builder) -> Result<Answer<()>, Error> {
        let event = match event {
            Event::KernelPreinst => kernel_hooks::Event::KernelPreinst,
            Event::KernelPostinst => kernel_hooks::Event::KernelPostinst,
            Event::KernelPrerm => kernel_hooks::Event::KernelPrerm,
            Event::HeadersPostinst => kernel_hooks::Event::HeadersPostinst,
            Event::PostTransaction => kernel_hooks::Event::PostTransaction,
        };
        let subject = Subject { kernel: Some(kernel), package: None };
        self.ask_steps(Role::KernelHooks, subject, plan, |call, draft| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let (kernel, plan) = (call.kernel(kernel)?, call.plan(draft)?);
            guest.call_on_event(&mut call.store, event, kernel, plan)
        })
    }

    /// The files that a package of this program ships for the system.
    pub fn hook_files(&self) -> Result<Vec<HookFile>, Error> {
        let answer = self.ask(Role::KernelHooks, Subject::default(), |call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            guest.call_hook_files(&mut call.store).map(Ok)
        })?;
        let files = answer.value().unwrap_or_default();
        Ok(files
            .into_iter()
            .map(|file| HookFile { path: file.path.into(), contents: file.contents, mode: file.mode })
            .collect())
    }
}
