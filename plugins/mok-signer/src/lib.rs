//! Signs modules with the kernel's own `sign-file` and a machine owner key.
//!
//! Without a configured pair, `mok.key` and `mok.pub` in the module tree are
//! used, and made when both are missing.

mod enrolment;
mod keys;
mod program;

use keys::Keys;
use modsmith_plugin::prelude::*;

struct MokSigner;

impl Signer for MokSigner {
    fn prepare(kernel: &Kernel, plan: &mut Plan) -> Result<Signing> {
        let signing = choose(kernel)?;
        Keys::from_settings().make_if_missing(plan)?;
        Ok(signing)
    }

    /// A module that cannot be signed is still good for a kernel that does not
    /// ask: the failure is a warning.
    fn sign(kernel: &Kernel, file: Path, plan: &mut Plan) -> Result<()> {
        let signing = choose(kernel)?;
        plan.run_or_warn(cmd!(signing.program, signing.digest, signing.key, signing.certificate, file))
    }

    fn enrolment(kernel: &Kernel) -> Result<EnrolmentStatus> {
        let Keys { certificate, .. } = Keys::from_settings();
        Ok(enrolment::status(kernel, &certificate))
    }
}

/// What the kernel's modules are signed with, whether or not the pair is there
/// yet.
fn choose(kernel: &Kernel) -> Result<Signing> {
    let release = kernel.release();
    let digest = kernel.config("MODULE_SIG_HASH").ok_or_else(|| {
        unsupported(format!(
            "the configuration of kernel {release} has no CONFIG_MODULE_SIG_HASH: it checks no signatures"
        ))
    })?;
    let program = program::find(&release)?;
    let Keys { key, certificate } = Keys::from_settings();
    Ok(Signing { program, key: key.argument(), certificate: certificate.argument(), digest })
}

export!(MokSigner: Signer);
