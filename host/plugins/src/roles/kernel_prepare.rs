//! Preparing the source tree of an old kernel before a build.

use std::sync::Arc;

use crate::bindings::exports::modsmith::plugin::kernel_prepare::GuestIndices;
use crate::error::Error;
use crate::facade::Plugins;
use crate::facade::answer::Answer;
use crate::facade::call::Subject;
use crate::imports::PrepareRequest;
use crate::manifest::Role;
use modsmith_facts::kernel::Kernel;
use modsmith_plan::Builder;

/// The role `kernel-prepare`: the source trees of old kernels.
#[derive(Clone, Copy)]
pub struct KernelPrepare<'p>(pub &'p Plugins);

impl KernelPrepare<'_> {
    /// Adds the steps that bring the tree at `headers` into the kernel's state,
    /// with these contents of a configuration file if one was asked for.
    pub fn prepare(
        &self,
        kernel: &Arc<Kernel>,
        config: Option<&[u8]>,
        plan: &mut Builder,
    ) -> Result<Answer<()>, Error> {
        let subject = Subject { kernel: Some(kernel), package: None };
        self.0.ask_steps(Role::KernelPrepare, subject, plan, |call, buffer| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let request = PrepareRequest { kernel: kernel.clone(), config: config.map(<[u8]>::to_vec) };
            let (request, plan) = (call.lend(request)?, call.plan(buffer)?);
            guest.call_prepare(&mut call.store, request, plan)
        })
    }

    /// Adds the steps that take the tree back to where it was.
    pub fn clean(&self, kernel: &Arc<Kernel>, plan: &mut Builder) -> Result<Answer<()>, Error> {
        let subject = Subject { kernel: Some(kernel), package: None };
        self.0.ask_steps(Role::KernelPrepare, subject, plan, |call, buffer| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let request = PrepareRequest { kernel: kernel.clone(), config: None };
            let (request, plan) = (call.lend(request)?, call.plan(buffer)?);
            guest.call_clean(&mut call.store, request, plan)
        })
    }
}
