//! Signs modules without any program: the host, which alone reads the key, makes the
//! signature.

use modsmith_plugin::prelude::*;
use signing::{BUILT_IN, Half, Keys, make_with_openssl};

struct Pkcs7Signer;

/// The digests that the host can sign with.
const DIGESTS: [&str; 3] = ["sha256", "sha384", "sha512"];

impl Signer for Pkcs7Signer {
    fn prepare(request: &KeyRequest, plan: &mut Plan) -> Result<Signing> {
        let Choice { digest, key, certificate } = choose(&request.kernel())?;
        Keys::of_tree()?.make_if_missing(plan, make_with_openssl)?;
        readable(&certificate)?;
        let (key, certificate) = (Some(key.into()), Some(certificate.into()));
        Ok(Signing { program: BUILT_IN.into(), key, certificate, digest })
    }

    /// A module that cannot be signed is still good for a kernel that does not
    /// ask: the failure is a warning.
    fn sign(request: &SignRequest, plan: &mut Plan) -> Result<()> {
        let kernel = request.kernel();
        let Choice { key, certificate, .. } = choose(&kernel)?;
        plan.append_cms_or_warn(request.file(), key, certificate, &signing::digest(&kernel)?)
    }

    fn status(request: &KeyRequest) -> Result<EnrolmentStatus> {
        let kernel = request.kernel();
        let Choice { certificate, .. } = choose(&kernel)?;
        Ok(signing::enrolment(&kernel, &Half::At(certificate)))
    }
}

struct Choice {
    /// As [`Signing`] has it.
    digest: Option<String>,
    key: Path,
    certificate: Path,
}

fn choose(kernel: &Kernel) -> Result<Choice> {
    signing::unless_sign_tool()?;
    if setting("sign_file")?.is_some_and(|word| word != BUILT_IN) {
        return Err(unsupported(""));
    }
    let digest = signing::digest(kernel).ok();
    if let Some(other) = digest.as_ref().filter(|digest| !DIGESTS.contains(&digest.as_str())) {
        return Err(unsupported(format!(
            "only {} and {} can be signed without a program, not {other}",
            DIGESTS[..2].join(", "),
            DIGESTS[2]
        )));
    }
    match Keys::of_tree()? {
        Keys { key: Half::At(key), certificate: Half::At(certificate) } => Ok(Choice { digest, key, certificate }),
        Keys { key: Half::Text(text), .. } | Keys { certificate: Half::Text(text), .. } => Err(unsupported(format!(
            "without a program, {text} cannot be used: a key has to be a file, named by its absolute path"
        ))),
    }
}

/// The host reads the certificate only where the plugin may.
fn readable(certificate: &Path) -> Result<()> {
    match certificate.kind() {
        Err(error) if error.kind == ErrorKind::Denied => Err(unsupported(format!(
            "without a program, the certificate {} cannot be read: it has to be a .der, .crt, .x509 or .pub \
             file in /etc/dkms or /etc/keys, its key a .key or .priv file there",
            certificate.absolute()?
        ))),
        answer => answer.map(drop),
    }
}

export!(Pkcs7Signer: Signer);
