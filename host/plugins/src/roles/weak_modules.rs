//! Links that offer a module to other kernels with the same symbol versions.

use std::sync::Arc;

use crate::answer::Answer;
use crate::bindings::exports::modsmith::plugin::weak_modules::GuestIndices;
use crate::call::Subject;
use crate::error::Error;
use crate::facade::Plugins;
use crate::imports::PackageFacts;
use crate::manifest::Role;
use modsmith_facts::kernel::Kernel;
use modsmith_plan::Builder;

/// The role `weak-modules`: offering modules to other kernels.
#[derive(Clone, Copy)]
pub struct WeakModules<'p>(pub &'p Plugins);

impl WeakModules<'_> {
    /// Adds the steps that offer the package's modules to compatible kernels.
    pub fn link(
        &self,
        package: &Arc<PackageFacts>,
        kernel: &Arc<Kernel>,
        plan: &mut Builder,
    ) -> Result<Answer<()>, Error> {
        let subject = Subject { kernel: Some(kernel), package: Some(package) };
        self.0.ask_steps(Role::WeakModules, subject, plan, |call, buffer| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let (package, kernel, plan) = (call.package(package)?, call.kernel(kernel)?, call.plan(buffer)?);
            guest.call_link(&mut call.store, package, kernel, plan)
        })
    }

    /// Adds the steps that take these links away.
    pub fn unlink(
        &self,
        package: &Arc<PackageFacts>,
        kernel: &Arc<Kernel>,
        plan: &mut Builder,
    ) -> Result<Answer<()>, Error> {
        let subject = Subject { kernel: Some(kernel), package: Some(package) };
        self.0.ask_steps(Role::WeakModules, subject, plan, |call, buffer| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let (package, kernel, plan) = (call.package(package)?, call.kernel(kernel)?, call.plan(buffer)?);
            guest.call_unlink(&mut call.store, package, kernel, plan)
        })
    }
}
