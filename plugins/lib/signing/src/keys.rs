//! The key pair.

use modsmith_plugin::prelude::*;

/// One half of a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Half {
    /// In a place that has a location.
    At(Path),
    /// As the administrator wrote it: a `pkcs11:` URI, or a path elsewhere.
    Text(String),
}

/// A private key and its certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    pub key: Half,
    pub certificate: Half,
}

/// The certificate of a token, once it was fetched.
const OF_TOKEN: &str = "mok-token.der";

impl Keys {
    /// The halves that `mok_signing_key` and `mok_certificate` name; these for
    /// those that are not set.
    pub fn configured_or(key: Path, certificate: Path) -> Result<Self> {
        let half = |name: &str, default| -> Result<Half> { Ok(setting(name)?.map_or(Half::At(default), Half::of)) };
        Ok(Self { key: half("mok_signing_key", key)?, certificate: half("mok_certificate", certificate)? })
    }

    /// `mok.key` and `mok.pub` in the module tree, unless others are configured.
    pub fn of_tree() -> Result<Self> {
        Self::configured_or(Path::tree("mok.key"), Path::tree("mok.pub"))
    }

    /// With a certificate that signing programs can read: one on a token is taken
    /// from a file in the module tree, where [`Keys::make_if_missing`] puts it.
    pub fn readable(&self) -> Self {
        let certificate =
            if self.certificate.is_token() { Half::At(Path::tree(OF_TOKEN)) } else { self.certificate.clone() };
        Self { key: self.key.clone(), certificate }
    }

    /// Adds the steps for what is missing: the pair, by `make`, where both halves
    /// are; the certificate of a token. One half alone is an error: making a new
    /// pair would destroy a key that may be enrolled.
    pub fn make_if_missing(
        &self,
        plan: &mut Plan,
        make: impl FnOnce(&Path, &Path, &mut Plan) -> Result<()>,
    ) -> Result<()> {
        match (&self.key, &self.certificate) {
            (Half::At(key), Half::At(certificate)) => match (may_exist(key)?, may_exist(certificate)?) {
                (true, true) => Ok(()),
                (false, false) => make(key, certificate, plan),
                (true, false) => Err(half_missing(key, certificate)),
                (false, true) => Err(half_missing(certificate, key)),
            },
            (_, Half::Text(uri)) if self.certificate.is_token() => fetch(uri, plan),
            (Half::Text(key), Half::At(certificate)) if !may_exist(certificate)? => Err(invalid(format!(
                "There is no certificate {} for the key {key}. Put it there in DER form, or name it with \
                 mok_certificate; that can be a pkcs11: URI too.",
                shown(certificate)
            ))),
            _ => Ok(()),
        }
    }
}

impl Half {
    /// What an administrator wrote.
    pub fn of(text: String) -> Self {
        Path::of_absolute(&text).map_or(Half::Text(text), Half::At)
    }

    pub fn argument(&self) -> Argument {
        match self {
            Half::At(path) => path.into(),
            Half::Text(text) => text.into(),
        }
    }

    /// For a reader.
    pub fn shown(&self) -> String {
        match self {
            Half::At(path) => shown(path),
            Half::Text(text) => text.clone(),
        }
    }

    /// Whether it is on a PKCS#11 token.
    pub fn is_token(&self) -> bool {
        matches!(self, Half::Text(text) if text.starts_with("pkcs11:"))
    }
}

/// Whether a half is there. In a place that the plugin may not look into, it is
/// taken to be: the administrator named it.
fn may_exist(half: &Path) -> Result<bool> {
    match half.exists() {
        Err(error) if error.kind == ErrorKind::Denied => Ok(true),
        answer => answer,
    }
}

fn half_missing(there: &Path, missing: &Path) -> Error {
    let (there, missing) = (shown(there), shown(missing));
    invalid(format!(
        "The module signing key pair is incomplete: there is {there}, but no {missing}. \
         Restore {missing}, or remove {there} to have a new pair made, which has to be enrolled again."
    ))
}

fn shown(path: &Path) -> String {
    path.absolute().unwrap_or_else(|_| path.to_string())
}

/// A self-signed RSA-2048 pair without a passphrase, valid for 100 years and for
/// code only. It is made in the module tree, where only root writes, and put into
/// its place when complete: names beside a configured key would be predictable in
/// a directory that others may write. The files are steps of their own before
/// openssl fills them: so the key is private from the start, and undoing the plan
/// knows of both.
pub fn make_with_openssl(key: &Path, certificate: &Path, plan: &mut Plan) -> Result<()> {
    if !has_program("openssl")? {
        return Err(unsupported(format!(
            "there is no key pair ({}, {}), and openssl, which would make one, is not installed",
            shown(key),
            shown(certificate)
        )));
    }
    let (new_key, new_certificate) = (Path::tree("mok.key.new"), Path::tree("mok.pub.new"));
    plan.note(format!("Makes a module signing key, {}, and its certificate, {}", shown(key), shown(certificate)));
    plan.write_file(&new_key, b"", 0o600)?;
    plan.write_file(&new_certificate, b"", 0o644)?;
    let request = cmd!("openssl", "req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "36500");
    let subject = ["-subj", "/CN=DKMS module signing key", "-addext", "extendedKeyUsage=codeSigning"];
    let out = request.args(subject).arg("-keyout").arg(&new_key).args(["-outform", "DER", "-out"]);
    plan.run(out.arg(&new_certificate))?;
    move_file(&new_key, key, plan)?;
    move_file(&new_certificate, certificate, plan)
}

/// A rename stays within one root.
fn move_file(from: &Path, to: &Path, plan: &mut Plan) -> Result<()> {
    if from.root == to.root {
        return plan.rename(from, to);
    }
    plan.copy(from, to)?;
    plan.remove(from)
}

/// The certificate of a token as a file, unless there is one already.
fn fetch(uri: &str, plan: &mut Plan) -> Result<()> {
    let file = Path::tree(OF_TOKEN);
    if file.exists()? {
        return Ok(());
    }
    if !has_program("p11tool")? {
        return Err(invalid(format!(
            "The certificate is on a token, and p11tool, which would fetch it, is not installed. Install it (gnutls), \
             or put the certificate into {} in DER form.",
            shown(&file)
        )));
    }
    let new = Path::tree("mok-token.der.new");
    plan.note(format!("Fetches the certificate of the signing key from its token, into {}", shown(&file)));
    plan.write_file(&new, b"", 0o644)?;
    plan.run(cmd!("p11tool", "--batch", "--export", "--outder", "--outfile", &new, uri))?;
    plan.rename(&new, &file)
}
