//! The common code of signer plugins: the kernel's digest, the key pair, the program that signs,
//! and whether the running kernel would accept the signature.

mod enrolment;
mod keys;
mod program;

pub use enrolment::enrolment;
pub use keys::{Half, Keys, make_with_openssl};
pub use program::{BUILT_IN, among_headers, configured_program, is_program, no_program};

use modsmith_plugin::prelude::*;

/// The program, key pair and digest for a kernel's modules. If a kernel's configuration names no
/// digest, its modules are not signed, and it may have no headers with a program; the pair is still
/// the one that the system's modules are signed with.
pub fn with_pair(kernel: &Kernel, keys: Keys, program: impl FnOnce() -> Result<Argument>) -> Result<Signing> {
    unless_sign_tool()?;
    let digest = digest(kernel).ok();
    let program = match (program(), &digest) {
        // Not concerned.
        (Err(error), _) if error.kind == ErrorKind::Unsupported && error.message.is_empty() => return Err(error),
        (Err(_), None) => "sign-file".into(),
        (found, _) => found?,
    };
    let (key, certificate) = (Some(keys.key.argument()), Some(keys.certificate.argument()));
    Ok(Signing { program, key, certificate, digest })
}

/// The digest that the kernel's configuration names. `unsupported` for a kernel
/// that checks no signatures, or whose configuration is not known.
pub fn digest(kernel: &Kernel) -> Result<String> {
    kernel.config("MODULE_SIG_HASH").ok_or_else(|| {
        let release = kernel.release();
        // Every kernel that loads modules has it.
        unsupported(match kernel.config("MODULES") {
            None => format!("the configuration of kernel {release} is not known: its headers are not installed"),
            Some(_) => {
                format!("the configuration of kernel {release} has no CONFIG_MODULE_SIG_HASH: it checks no signatures")
            }
        })
    })
}

/// Leaves the modules to the program that `sign_tool` names, if it does.
pub fn unless_sign_tool() -> Result<()> {
    match setting("sign_tool")? {
        Some(_) => Err(unsupported("")),
        None => Ok(()),
    }
}

/// Signs a file with `sign-file`, or a program that takes the same arguments. A
/// module that cannot be signed is still good for a kernel that does not ask: the
/// failure is a warning.
pub fn sign_file(request: &SignRequest, plan: &mut Plan) -> Result<()> {
    let signing = request.signing();
    let words = [Some(digest(&request.kernel())?.into()), signing.key(), signing.certificate()];
    plan.run_or_warn(cmd!(signing.program()).args(words.into_iter().flatten()).arg(request.file()))
}
