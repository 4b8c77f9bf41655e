//! Regenerating the initial RAM file system image.

use std::sync::Arc;

use crate::error::Error;
use crate::kernel::Kernel;
use crate::plan::Builder;
use crate::plugin::bindings::exports::modsmith::plugin::initrd::{self, GuestIndices};
use crate::plugin::call::Subject;
use crate::plugin::facade::{Answer, Plugins};
use crate::plugin::manifest::Role;

/// What changed for the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    Installed,
    Removed,
}

impl Plugins {
    /// Adds the steps that regenerate the kernel's image.
    pub fn refresh_initrd(
        &self,
        kernel: &Arc<Kernel>,
        occasion: Occasion,
        plan: &mut Builder,
    ) -> Result<Answer<()>, Error> {
        let occasion = match occasion {
            Occasion::Installed => initrd::Occasion::Installed,
            Occasion::Removed => initrd::Occasion::Removed,
        };
        let subject = Subject { kernel: Some(kernel), package: None };
        self.ask_steps(Role::Initrd, subject, plan, |call, draft| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let (kernel, plan) = (call.kernel(kernel)?, call.plan(draft)?);
            guest.call_refresh(&mut call.store, kernel, occasion, plan)
        })
    }
}
