//! Signs modules without any program.
//!
//! With an RSA key everything in a module's signature but the signature value is
//! known before the module is: so the plugin makes the PKCS#7 message around it,
//! and the host, which alone reads the key, puts the value in.

mod message;

use message::Certificate;
use modsmith_plugin::prelude::*;
use signing::{BUILT_IN, Half, Keys, make_with_openssl};

struct Pkcs7Signer;

impl Signer for Pkcs7Signer {
    fn prepare(kernel: &Kernel, plan: &mut Plan) -> Result<Signing> {
        let Choice { digest, key, certificate, .. } = choose(kernel)?;
        Keys::of_tree().make_if_missing(plan, make_with_openssl)?;
        // What is there must be of use; a new pair is.
        read(&certificate)?;
        let (key, certificate) = (Some(key.into()), Some(certificate.into()));
        Ok(Signing { program: BUILT_IN.into(), key, certificate, digest })
    }

    /// A module that cannot be signed is still good for a kernel that does not
    /// ask: the failure is a warning.
    fn sign(kernel: &Kernel, file: Path, plan: &mut Plan) -> Result<()> {
        let Choice { key, certificate, .. } = choose(kernel)?;
        let digest = signing::digest(kernel)?;
        let algorithm = algorithm(&digest)?;
        let Some(certificate) = read(&certificate)? else {
            // In a dry run, the pair is yet to be made.
            plan.note(format!("Signs {} with the new key", file.absolute()?));
            return Ok(());
        };
        let (before, after) = certificate.around_signature(&digest).map_err(other)?;
        let public_key = certificate.public_key().to_vec();
        plan.append_signature_or_warn(Signature { file, key, algorithm, public_key, before, after })
    }

    fn enrolment(kernel: &Kernel) -> Result<EnrolmentStatus> {
        let Choice { certificate, .. } = choose(kernel)?;
        Ok(signing::enrolment(kernel, &Half::At(certificate)))
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
    if setting("sign_file").is_some_and(|word| word != BUILT_IN) {
        return Err(unsupported(""));
    }
    let digest = signing::digest(kernel).ok();
    digest.as_deref().map(algorithm).transpose()?;
    match Keys::of_tree() {
        Keys { key: Half::At(key), certificate: Half::At(certificate) } => Ok(Choice { digest, key, certificate }),
        Keys { key: Half::Text(text), .. } | Keys { certificate: Half::Text(text), .. } => Err(unsupported(format!(
            "without a program, {text} cannot be used: a key has to be a file, named by its absolute path"
        ))),
    }
}

fn algorithm(digest: &str) -> Result<SignatureAlgorithm> {
    match digest {
        "sha256" => Ok(SignatureAlgorithm::RsaPkcs1Sha256),
        "sha384" => Ok(SignatureAlgorithm::RsaPkcs1Sha384),
        "sha512" => Ok(SignatureAlgorithm::RsaPkcs1Sha512),
        other => {
            Err(unsupported(format!("only sha256, sha384 and sha512 can be signed without a program, not {other}")))
        }
    }
}

/// The certificate, if it is there.
fn read(at: &Path) -> Result<Option<Certificate>> {
    let shown = at.absolute()?;
    let contents = match at.read() {
        Err(Error::Denied(_)) => {
            return Err(unsupported(format!(
                "without a program, the certificate {shown} cannot be read: it has to be a .der, .crt, .x509 or .pub \
                 file in /etc/dkms or /etc/keys, its key a .key or .priv file there"
            )));
        }
        contents => contents?,
    };
    let certificate = contents.map(|bytes| Certificate::read(&bytes));
    certificate
        .transpose()
        .map_err(|why| unsupported(format!("without a program, the certificate {shown} cannot be used: {why}")))
}

export!(Pkcs7Signer: Signer);
