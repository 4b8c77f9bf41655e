//! Names that the kernel and the distribution give to machines and headers.

use std::path::PathBuf;
use std::sync::Arc;

use crate::bindings::exports::modsmith::plugin::kernel_layout::GuestIndices;
use crate::bindings::modsmith::plugin::types;
use crate::call::Subject;
use crate::error::Error;
use crate::facade::Plugins;
use crate::manifest::Role;
use modsmith_facts::kernel::Kernel;

/// Asks the next plugin.
fn no_rule() -> types::Error {
    types::Error::Unsupported("it has no rule for this".into())
}

/// The role `kernel-layout`: names of machines and headers.
#[derive(Clone, Copy)]
pub struct KernelLayout<'p>(pub &'p Plugins);

impl KernelLayout<'_> {
    /// The kernel's own name for a machine (`x86_64` → `x86`).
    pub fn kernel_arch(&self, machine: &str) -> Result<Option<String>, Error> {
        let answer = self.0.ask(Role::KernelLayout, Subject::default(), |call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let arch = guest.call_kernel_arch(&mut call.store, machine)?;
            Ok(if arch.is_empty() { Err(no_rule()) } else { Ok(arch) })
        })?;
        Ok(answer.value())
    }

    /// Build directories to try after the kernel's own link, absolute on the
    /// target, best first.
    pub fn header_dirs(&self, kernel: &Arc<Kernel>) -> Result<Vec<PathBuf>, Error> {
        let subject = Subject { kernel: Some(kernel), package: None };
        let answer = self.0.ask(Role::KernelLayout, subject, |call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let kernel = call.kernel(kernel)?;
            let dirs = guest.call_header_dirs(&mut call.store, kernel)?;
            Ok(if dirs.is_empty() { Err(no_rule()) } else { Ok(dirs) })
        })?;
        let dirs = answer.value().unwrap_or_default();
        Ok(dirs.into_iter().map(PathBuf::from).filter(|dir| dir.is_absolute()).collect())
    }

    /// The package to install when headers are missing.
    pub fn header_package(&self, kernel: &Arc<Kernel>) -> Result<Option<String>, Error> {
        let subject = Subject { kernel: Some(kernel), package: None };
        let answer = self.0.ask(Role::KernelLayout, subject, |call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let kernel = call.kernel(kernel)?;
            Ok(guest.call_header_package(&mut call.store, kernel)?.ok_or_else(no_rule))
        })?;
        Ok(answer.value())
    }

    /// The compiler that the kernel's headers name for its modules.
    pub fn compiler(&self, kernel: &Arc<Kernel>) -> Result<Option<String>, Error> {
        let subject = Subject { kernel: Some(kernel), package: None };
        let answer = self.0.ask(Role::KernelLayout, subject, |call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let kernel = call.kernel(kernel)?;
            Ok(guest.call_compiler(&mut call.store, kernel)?.ok_or_else(no_rule))
        })?;
        Ok(answer.value())
    }
}
