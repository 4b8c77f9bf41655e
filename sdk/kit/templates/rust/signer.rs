//! Signs modules with the program `sign-module`, which has a key of its own.

use modsmith_plugin::prelude::*;

const PROGRAM: &str = "sign-module";

struct Plugin;

impl Signer for Plugin {
    fn prepare(_: &KeyRequest, _: &mut Plan) -> Result<Signing> {
        if !has_program(PROGRAM)? {
            return Err(unsupported(format!("{PROGRAM} is not installed")));
        }
        Ok(Signing { program: PROGRAM.into(), key: None, certificate: None, digest: None })
    }

    fn sign(request: &SignRequest, plan: &mut Plan) -> Result<()> {
        plan.run(cmd!(PROGRAM, request.kernel().release(), request.file()))?;
        Ok(())
    }

    /// Whether a kernel accepts the key; what the administrator has to do for that.
    fn status(_: &KeyRequest) -> Result<EnrolmentStatus> {
        Ok(EnrolmentStatus { accepted: None, advice: vec![format!("{PROGRAM} --list shows its keys.")] })
    }
}

export!(Plugin: Signer);
