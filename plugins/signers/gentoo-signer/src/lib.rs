//! Signs modules with the key that Portage signs with: `MODULES_SIGN_KEY` and
//! `MODULES_SIGN_CERT` of the environment, then of make.conf, then the kernel's
//! own CONFIG_MODULE_SIG_KEY. Without any of these another signer is asked.

mod make_conf;

use modsmith_plugin::prelude::*;
use signing::{Half, Keys};

struct GentooSigner;

impl Signer for GentooSigner {
    fn prepare(request: &KeyRequest, _: &mut Plan) -> Result<Signing> {
        choose(&request.kernel()).map(|(signing, _)| signing)
    }

    fn sign(request: &SignRequest, plan: &mut Plan) -> Result<()> {
        signing::sign_file(request, plan)
    }

    fn status(request: &KeyRequest) -> Result<EnrolmentStatus> {
        let kernel = request.kernel();
        Ok(signing::enrolment(&kernel, &choose(&kernel)?.1))
    }
}

/// What the kernel's modules are signed with, and the certificate.
fn choose(kernel: &Kernel) -> Result<(Signing, Half)> {
    signing::unless_sign_tool()?;
    if setting("mok_signing_key")?.is_some() {
        return Err(unsupported(""));
    }
    let (key, certificate) = keys(kernel)?.ok_or_else(|| unsupported(""))?;
    let keys = Keys { key, certificate: certificate.clone() };
    Ok((signing::with_pair(kernel, keys, || program(&kernel.release()))?, certificate))
}

fn program(release: &str) -> Result<Argument> {
    if let Some(configured) = signing::configured_program()? {
        return Ok(configured);
    }
    match signing::among_headers([Path::usr(format!("src/linux-{release}/scripts/sign-file"))]) {
        Ok(found) => Ok(found.into()),
        Err(places) => Err(signing::no_program(release, &places)),
    }
}

/// Key and certificate; a key without a certificate holds it in the same file.
fn keys(kernel: &Kernel) -> Result<Option<(Half, Half)>> {
    let named = |name: &str, variable: &str| match setting(name)? {
        Some(value) => Ok(Some(value)),
        None => make_conf::value(variable),
    };
    if let Some(key) = named("modules_sign_key", "MODULES_SIGN_KEY")? {
        let certificate = named("modules_sign_cert", "MODULES_SIGN_CERT")?.unwrap_or_else(|| key.clone());
        return Ok(Some((half(key), half(certificate))));
    }
    let Some(own) = kernel.config("MODULE_SIG_KEY") else { return Ok(None) };
    // A binary kernel was signed with a key that is not here: only a kernel that
    // was built here has made the certificate beside it.
    let made = Path::headers(format!("{}.x509", own.trim_end_matches(".pem")));
    if !own.starts_with('/') && !own.starts_with("pkcs11:") && !made.exists()? {
        return Ok(None);
    }
    Ok(Some((half(own.clone()), half(own))))
}

/// Relative paths are below the kernel's build directory, as in its Makefile.
fn half(text: String) -> Half {
    if text.starts_with('/') || text.starts_with("pkcs11:") { Half::of(text) } else { Half::At(Path::headers(text)) }
}

export!(GentooSigner: Signer);
