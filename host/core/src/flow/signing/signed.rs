//! Whether modules are signed.

use crate::flow::Invocation;
use crate::flow::verify::files;
use crate::tree::{PackageId, Target};
use modsmith_facts::kernel::{read_module, signature};

/// Whether all modules of a build have a signature, as they are installed or lie in the
/// tree; `None` where there is none that can be read. Whether a kernel trusts it,
/// [`verify`](crate::flow::verify) says.
pub fn signed(run: &Invocation<'_>, id: &PackageId, target: &Target) -> Option<bool> {
    let modules: Option<Vec<Vec<u8>>> = files(run, id, target).iter().map(|(_, file)| read_module(file).ok()).collect();
    let modules = modules.filter(|modules| !modules.is_empty())?;
    Some(modules.iter().all(|module| matches!(signature(module), Ok(Some(_)))))
}
