//! Names that the kernel and the distribution give to machines and headers.

use std::path::PathBuf;
use std::sync::Arc;

use wasmtime::component::Resource;

use crate::bindings::exports::modsmith::plugin::kernel_layout::{Guest, GuestIndices};
use crate::bindings::modsmith::plugin::types;
use crate::error::Error;
use crate::facade::Plugins;
use crate::facade::answer::Answer;
use crate::facade::call::{Call, Subject};
use crate::imports::{HeadersRequest, MachineRequest};
use crate::manifest::Role;
use modsmith_facts::kernel::Kernel;

/// The role `kernel-layout`: names of machines and headers.
#[derive(Clone, Copy)]
pub struct KernelLayout<'p>(pub &'p Plugins);

impl KernelLayout<'_> {
    /// The kernel's own name for a machine (`x86_64` → `x86`).
    pub fn kernel_arch(&self, machine: &str) -> Result<Option<String>, Error> {
        let answer = self.0.ask(Role::KernelLayout, Subject::default(), |call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let request = call.lend(MachineRequest { machine: machine.to_owned() })?;
            guest.call_kernel_arch(&mut call.store, request)
        })?;
        Ok(answer.value())
    }

    /// Build directories to try after the kernel's own link, absolute on the
    /// target, best first.
    pub fn header_directories(&self, kernel: &Arc<Kernel>) -> Result<Vec<PathBuf>, Error> {
        let answer =
            self.ask(kernel, |guest, call, request| guest.call_header_directories(&mut call.store, request))?;
        let directories = answer.value().unwrap_or_default();
        Ok(directories.into_iter().map(PathBuf::from).filter(|directory| directory.is_absolute()).collect())
    }

    /// The package to install when headers are missing.
    pub fn header_package(&self, kernel: &Arc<Kernel>) -> Result<Option<String>, Error> {
        let answer = self.ask(kernel, |guest, call, request| guest.call_header_package(&mut call.store, request))?;
        Ok(answer.value())
    }

    /// The compiler that the kernel's headers name for its modules.
    pub fn compiler(&self, kernel: &Arc<Kernel>) -> Result<Option<String>, Error> {
        let answer = self.ask(kernel, |guest, call, request| guest.call_compiler(&mut call.store, request))?;
        Ok(answer.value())
    }

    fn ask<T>(
        &self,
        kernel: &Arc<Kernel>,
        question: impl Fn(
            &Guest,
            &mut Call,
            Resource<HeadersRequest>,
        ) -> wasmtime::Result<std::result::Result<T, types::Error>>,
    ) -> Result<Answer<T>, Error> {
        let subject = Subject { kernel: Some(kernel), package: None };
        self.0.ask(Role::KernelLayout, subject, |call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let request = call.lend(HeadersRequest { kernel: kernel.clone() })?;
            question(&guest, call, request)
        })
    }
}
