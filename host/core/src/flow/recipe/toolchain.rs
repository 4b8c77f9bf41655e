//! The toolchain that a kernel's modules are built with.

use std::sync::Arc;

use crate::build::{Toolchain, toolchain};
use crate::error::Result;
use crate::flow::Invocation;
use modsmith_facts::kernel::Kernel;
use modsmith_plugins::KernelLayout;

/// The compiler that the kernel's configuration names; without one, plugins find it in the headers.
pub(crate) fn toolchain_of(run: &Invocation<'_>, kernel: &Arc<Kernel>) -> Result<Toolchain> {
    toolchain(kernel, &run.env.system.root, || Ok(KernelLayout(&run.env.plugins).compiler(kernel)?))
}
