//! Edits of module-loading configuration.

use std::sync::Arc;

use crate::bindings::exports::modsmith::plugin::modprobe_config::GuestIndices;
use crate::error::Error;
use crate::facade::Plugins;
use crate::facade::answer::Answer;
use crate::facade::call::Subject;
use crate::imports::{ConfigRequest, PackageFacts};
use crate::manifest::Role;
use modsmith_facts::kernel::Kernel;
use modsmith_plan::Builder;

/// The role `modprobe-config`: entries in modprobe's configuration.
#[derive(Clone, Copy)]
pub struct ModprobeConfig<'p>(pub &'p Plugins);

impl ModprobeConfig<'_> {
    /// Adds the steps that enter the package into the module-loading configuration.
    pub fn add(
        &self,
        package: &Arc<PackageFacts>,
        kernel: &Arc<Kernel>,
        plan: &mut Builder,
    ) -> Result<Answer<()>, Error> {
        let subject = Subject { kernel: Some(kernel), package: Some(package) };
        self.0.ask_steps(Role::ModprobeConfig, subject, plan, |call, buffer| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let request = ConfigRequest { kernel: kernel.clone(), package: package.clone() };
            let (request, plan) = (call.lend(request)?, call.plan(buffer)?);
            guest.call_add(&mut call.store, request, plan)
        })
    }

    /// Adds the steps that take the package out of it again.
    pub fn remove(
        &self,
        package: &Arc<PackageFacts>,
        kernel: &Arc<Kernel>,
        plan: &mut Builder,
    ) -> Result<Answer<()>, Error> {
        let subject = Subject { kernel: Some(kernel), package: Some(package) };
        self.0.ask_steps(Role::ModprobeConfig, subject, plan, |call, buffer| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let request = ConfigRequest { kernel: kernel.clone(), package: package.clone() };
            let (request, plan) = (call.lend(request)?, call.plan(buffer)?);
            guest.call_remove(&mut call.store, request, plan)
        })
    }
}
