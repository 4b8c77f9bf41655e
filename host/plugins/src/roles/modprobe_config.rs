//! Edits of module-loading configuration.

use std::sync::Arc;

use crate::answer::Answer;
use crate::bindings::exports::modsmith::plugin::modprobe_config::GuestIndices;
use crate::call::Subject;
use crate::error::Error;
use crate::facade::Plugins;
use crate::imports::PackageFacts;
use crate::manifest::Role;
use modsmith_facts::kernel::Kernel;
use modsmith_plan::Builder;

impl Plugins {
    /// Adds the steps that enter the package into the module-loading configuration.
    pub fn modprobe_config_add(
        &self,
        package: &Arc<PackageFacts>,
        kernel: &Arc<Kernel>,
        plan: &mut Builder,
    ) -> Result<Answer<()>, Error> {
        let subject = Subject { kernel: Some(kernel), package: Some(package) };
        self.ask_steps(Role::ModprobeConfig, subject, plan, |call, buffer| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let (package, kernel, plan) = (call.package(package)?, call.kernel(kernel)?, call.plan(buffer)?);
            guest.call_add(&mut call.store, package, kernel, plan)
        })
    }

    /// Adds the steps that take the package out of it again.
    pub fn modprobe_config_remove(
        &self,
        package: &Arc<PackageFacts>,
        kernel: &Arc<Kernel>,
        plan: &mut Builder,
    ) -> Result<Answer<()>, Error> {
        let subject = Subject { kernel: Some(kernel), package: Some(package) };
        self.ask_steps(Role::ModprobeConfig, subject, plan, |call, buffer| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let (package, kernel, plan) = (call.package(package)?, call.kernel(kernel)?, call.plan(buffer)?);
            guest.call_remove(&mut call.store, package, kernel, plan)
        })
    }
}
