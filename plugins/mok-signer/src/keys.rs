//! The key pair.

use modsmith_plugin::prelude::*;

/// One half of a pair.
pub enum Half {
    /// In a place that can be looked into.
    At(Path),
    /// As the administrator wrote it: a `pkcs11:` URI, or a path elsewhere.
    Text(String),
}

pub struct Keys {
    pub key: Half,
    pub certificate: Half,
}

impl Keys {
    /// The configured halves; `mok.key` and `mok.pub` in the module tree for
    /// those that are not.
    pub fn from_settings() -> Self {
        let half = |name: &str, default: &str| match setting(name) {
            None => Half::At(Path::tree(default)),
            Some(text) => Path::of_absolute(&text).map_or(Half::Text(text), Half::At),
        };
        Self { key: half("mok_signing_key", "mok.key"), certificate: half("mok_certificate", "mok.pub") }
    }

    /// Adds the steps that make the pair where both halves are missing. One half
    /// alone is an error: making a new pair would destroy a key that may be
    /// enrolled.
    pub fn make_if_missing(&self, plan: &mut Plan) -> Result<()> {
        let (Half::At(key), Half::At(certificate)) = (&self.key, &self.certificate) else {
            return Ok(());
        };
        match (may_exist(key)?, may_exist(certificate)?) {
            (true, true) => Ok(()),
            (false, false) => make(key, certificate, plan),
            (true, false) => Err(half_missing(key, certificate)),
            (false, true) => Err(half_missing(certificate, key)),
        }
    }
}

impl Half {
    pub fn argument(&self) -> Argument {
        match self {
            Half::At(path) => path.into(),
            Half::Text(text) => text.into(),
        }
    }
}

/// Whether a half is there. In a place that the plugin may not look into, it is
/// taken to be: the administrator named it.
fn may_exist(half: &Path) -> Result<bool> {
    match half.exists() {
        Err(Error::Denied(_)) => Ok(true),
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

/// A path for a reader, who does not know the names of roots.
fn shown(path: &Path) -> String {
    match path.root.as_str() {
        "tree" => format!("{} in the module tree", path.relative),
        _ => format!("/{path}"),
    }
}

/// A self-signed RSA-2048 pair without a passphrase, valid for 100 years and for
/// code only. It is made under other names and renamed when complete. The files
/// are steps of their own before openssl fills them: so the key is private from
/// the start, and undoing the plan knows of both.
fn make(key: &Path, certificate: &Path, plan: &mut Plan) -> Result<()> {
    if !has_program("openssl") {
        return Err(unsupported(format!(
            "there is no key pair ({}, {}), and openssl, which would make one, is not installed",
            shown(key),
            shown(certificate)
        )));
    }
    let (new_key, new_certificate) = (beside(key), beside(certificate));
    plan.note(format!("Makes a module signing key, {}, and its certificate, {}", shown(key), shown(certificate)));
    plan.write_file(&new_key, b"", 0o600)?;
    plan.write_file(&new_certificate, b"", 0o644)?;
    let request = cmd!("openssl", "req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "36500");
    let subject = ["-subj", "/CN=DKMS module signing key", "-addext", "extendedKeyUsage=codeSigning"];
    let out = request.args(subject).arg("-keyout").arg(&new_key).args(["-outform", "DER", "-out"]);
    plan.run(out.arg(&new_certificate))?;
    plan.rename(&new_key, key)?;
    plan.rename(&new_certificate, certificate)
}

fn beside(path: &Path) -> Path {
    Path::new(path.root.clone(), format!("{}.new", path.relative))
}
