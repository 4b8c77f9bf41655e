//! Signs modules with a program of the administrator's: `sign_tool`, called with
//! the kernel's release and the module file.

use modsmith_plugin::prelude::*;
use signing::{Half, enrolment};

struct SignTool;

impl Signer for SignTool {
    fn prepare(_: &KeyRequest, _: &mut Plan) -> Result<Signing> {
        // What it signs with is its own business.
        Ok(Signing { program: tool()?.into(), key: None, certificate: None, digest: None })
    }

    /// A module that cannot be signed is still good for a kernel that does not
    /// ask: the failure is a warning.
    fn sign(request: &SignRequest, plan: &mut Plan) -> Result<()> {
        plan.run_or_warn(cmd!(request.signing().program(), request.kernel().release(), request.file()))
    }

    fn status(request: &KeyRequest) -> Result<EnrolmentStatus> {
        let tool = tool()?;
        match setting("mok_certificate")? {
            Some(certificate) => Ok(enrolment(&request.kernel(), &Half::of(certificate))),
            None => Ok(EnrolmentStatus {
                accepted: None,
                advice: vec![format!(
                    "{tool} signs with a certificate of its own; name that with mok_certificate to be told of its enrolment."
                )],
            }),
        }
    }
}

fn tool() -> Result<String> {
    match setting("sign_tool")? {
        None => Err(unsupported("")),
        Some(path) if signing::is_program(&path) => Ok(path),
        Some(path) => Err(invalid(format!("sign_tool names {path}, which is not an executable file"))),
    }
}

export!(SignTool: Signer);
