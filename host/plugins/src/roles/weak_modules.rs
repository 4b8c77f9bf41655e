//! Links that offer a module to other kernels with the same symbol versions.

use std::sync::Arc;

use crate::bindings::exports::modsmith::plugin::weak_modules::GuestIndices;
use crate::error::Error;
use crate::facade::Plugins;
use crate::facade::answer::Answer;
use crate::facade::call::Subject;
use crate::imports::{LinkRequest, PackageFacts, RemovedKernelRequest};
use crate::manifest::Role;
use modsmith_facts::kernel::Kernel;
use modsmith_plan::Builder;

/// The role `weak-modules`: offering modules to other kernels.
#[derive(Clone, Copy)]
pub struct WeakModules<'p>(pub &'p Plugins);

impl WeakModules<'_> {
    /// Adds the steps that offer the package's modules to compatible kernels. Returns the
    /// releases of the kernels whose module directories change.
    pub fn link(
        &self,
        package: &Arc<PackageFacts>,
        kernel: &Arc<Kernel>,
        plan: &mut Builder,
    ) -> Result<Answer<Vec<String>>, Error> {
        let subject = Subject { kernel: Some(kernel), package: Some(package) };
        self.0.ask_steps(Role::WeakModules, subject, plan, |call, buffer| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let request = LinkRequest { kernel: kernel.clone(), package: package.clone() };
            let (request, plan) = (call.lend(request)?, call.plan(buffer)?);
            guest.call_link(&mut call.store, request, plan)
        })
    }

    /// Adds the steps that take these links away. Returns as [`WeakModules::link`] does.
    pub fn unlink(
        &self,
        package: &Arc<PackageFacts>,
        kernel: &Arc<Kernel>,
        plan: &mut Builder,
    ) -> Result<Answer<Vec<String>>, Error> {
        let subject = Subject { kernel: Some(kernel), package: Some(package) };
        self.0.ask_steps(Role::WeakModules, subject, plan, |call, buffer| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let request = LinkRequest { kernel: kernel.clone(), package: package.clone() };
            let (request, plan) = (call.lend(request)?, call.plan(buffer)?);
            guest.call_unlink(&mut call.store, request, plan)
        })
    }

    /// Adds the steps that take away what offers modules of a kernel that is removed.
    /// Returns as [`WeakModules::link`] does.
    pub fn kernel_removed(&self, kernel: &Arc<Kernel>, plan: &mut Builder) -> Result<Answer<Vec<String>>, Error> {
        let subject = Subject { kernel: Some(kernel), package: None };
        self.0.ask_steps(Role::WeakModules, subject, plan, |call, buffer| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let (request, plan) = (call.lend(RemovedKernelRequest { kernel: kernel.clone() })?, call.plan(buffer)?);
            guest.call_kernel_removed(&mut call.store, request, plan)
        })
    }
}
