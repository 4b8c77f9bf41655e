//! Signs modules with the kernel's own `sign-file` and a machine owner key.
//!
//! Without a configured pair, `mok.key` and `mok.pub` in the module tree are
//! used, and made when both are missing.

mod program;

use modsmith_plugin::prelude::*;
use signing::{Keys, make_with_openssl};

struct MokSigner;

impl Signer for MokSigner {
    fn prepare(request: &KeyRequest, plan: &mut Plan) -> Result<Signing> {
        let signing = choose(&request.kernel())?;
        Keys::of_tree()?.make_if_missing(plan, make_with_openssl)?;
        Ok(signing)
    }

    fn sign(request: &SignRequest, plan: &mut Plan) -> Result<()> {
        signing::sign_file(request, plan)
    }

    fn status(request: &KeyRequest) -> Result<EnrolmentStatus> {
        let kernel = request.kernel();
        choose(&kernel)?;
        Ok(signing::enrolment(&kernel, &Keys::of_tree()?.readable().certificate))
    }
}

/// The key and program for the kernel's modules. The pair need not be there yet.
fn choose(kernel: &Kernel) -> Result<Signing> {
    signing::with_pair(kernel, Keys::of_tree()?.readable(), || program::find(&kernel.release()))
}

export!(MokSigner: Signer);
