//! Signs modules with `kmodsign` and the machine owner key that shim-signed
//! manages, where that is the system's way.

use modsmith_plugin::prelude::*;
use signing::{Keys, make_with_openssl};

struct ShimSigner;

const KEY: &str = "lib/shim-signed/mok/MOK.priv";
const CERTIFICATE: &str = "lib/shim-signed/mok/MOK.der";

impl Signer for ShimSigner {
    fn prepare(request: &KeyRequest, plan: &mut Plan) -> Result<Signing> {
        let signing = choose(&request.kernel())?;
        keys()?.make_if_missing(plan, |key, certificate, plan| {
            if (key, certificate) == (&Path::var(KEY), &Path::var(CERTIFICATE)) {
                make(plan)
            } else {
                make_with_openssl(key, certificate, plan)
            }
        })?;
        Ok(signing)
    }

    fn sign(request: &SignRequest, plan: &mut Plan) -> Result<()> {
        signing::sign_file(request, plan)
    }

    fn status(request: &KeyRequest) -> Result<EnrolmentStatus> {
        let kernel = request.kernel();
        choose(&kernel)?;
        Ok(signing::enrolment(&kernel, &keys()?.readable().certificate))
    }
}

fn keys() -> Result<Keys> {
    Keys::configured_or(Path::var(KEY), Path::var(CERTIFICATE))
}

/// The pair, by the system's own tool. It is made and not enrolled: that is for
/// the administrator to ask for.
fn make(plan: &mut Plan) -> Result<()> {
    if !has_program("update-secureboot-policy")? {
        return Err(unsupported(
            "there is no key pair in /var/lib/shim-signed/mok, and update-secureboot-policy, which makes it, is not installed",
        ));
    }
    plan.note("Makes a machine owner key in /var/lib/shim-signed/mok");
    plan.run(cmd!("update-secureboot-policy", "--new-key"))
}

/// The key and program for the kernel's modules. The pair need not be there yet.
fn choose(kernel: &Kernel) -> Result<Signing> {
    signing::with_pair(kernel, keys()?.readable(), || program(&kernel.release()))
}

fn program(release: &str) -> Result<Argument> {
    if let Some(configured) = signing::configured_program()? {
        return Ok(configured);
    }
    if has_program("kmodsign")? {
        return Ok("kmodsign".into());
    }
    match signing::among_headers([Path::usr(format!("src/linux-headers-{release}/scripts/sign-file"))]) {
        Ok(found) => Ok(found.into()),
        Err(places) => Err(signing::no_program(release, &places)),
    }
}

export!(ShimSigner: Signer);
