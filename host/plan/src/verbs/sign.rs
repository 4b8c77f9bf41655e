//! Signing a file with a key that only the host reads.

use std::io;

use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use crate::command::OnFailure;
use crate::failure::Failure;
use crate::files::Files;
use crate::runner::Runner;
use crate::undo::{self, Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Bytes, Verb, Word};
use crate::view::StepView;
use crate::watch::Source;
use modsmith_facts::Location;

/// RSASSA-PKCS1-v1_5 (RFC 8017) with one of these digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    RsaPkcs1Sha256,
    RsaPkcs1Sha384,
    RsaPkcs1Sha512,
}

impl SignatureAlgorithm {
    pub fn name(self) -> &'static str {
        match self {
            Self::RsaPkcs1Sha256 => "rsa-pkcs1-sha256",
            Self::RsaPkcs1Sha384 => "rsa-pkcs1-sha384",
            Self::RsaPkcs1Sha512 => "rsa-pkcs1-sha512",
        }
    }
}

/// A signature to be appended to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Signed as it is when the step runs.
    pub file: Location,
    /// A private key in PEM form, unencrypted.
    pub key: Location,
    pub algorithm: SignatureAlgorithm,
    /// `RSAPublicKey` (DER, RFC 8017 A.1.1): the key must be its other half.
    pub public_key: Bytes,
    /// Between the file's contents and the signature.
    pub before: Bytes,
    /// Behind the signature.
    pub after: Bytes,
    pub failure: OnFailure,
}

impl Verb for Signature {
    fn name(&self) -> &'static str {
        "append-signature"
    }

    fn words(&self) -> Vec<Word<'_>> {
        let around = format!("{}+{} bytes around it", self.before.0.len(), self.after.0.len());
        vec![(&self.file).into(), (&self.key).into(), self.algorithm.name().into(), around.into()]
    }

    fn view(&self, files: &Files) -> StepView {
        StepView {
            path: Some(files.shown(&self.file)),
            text: Some(format!("{} with {}", self.algorithm.name(), files.shown(&self.key))),
            failure: Some(self.failure),
            ..StepView::default()
        }
    }

    fn doing(&self, files: &Files) -> Option<String> {
        Some(format!("signing {}", files.shown(&self.file)))
    }

    fn uses(&self) -> Vec<Use<'_>> {
        vec![Use::Replaces(&self.file), Use::Reads(&self.key, Source::Key), Use::Reads(&self.file, Source::Contents)]
    }

    fn content(&self) -> usize {
        self.public_key.0.len() + self.before.0.len() + self.after.0.len()
    }

    fn on_failure(&self) -> OnFailure {
        self.failure
    }

    fn prepare(&self, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
        undo::for_replacing(&self.file, files, stash)
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        append(self, files)
    }
}

/// Appends to a file: what comes before the signature, the signature of the
/// file's contents, and what comes behind it.
fn append(signature: &Signature, files: &Files) -> Result<(), Failure> {
    let path = files.path(&signature.key);
    let bad = |why: &str| Failure::Key(format!("the key {} cannot be used: {why}", path.display()));
    let pem = files.read_key(&signature.key).map_err(|e| bad(&e.to_string()))?;
    let key = key_pair(&pem).map_err(|why| bad(&why))?;
    if key.public().as_ref() != signature.public_key.0 {
        return Err(bad("it does not match the certificate; use the key and the certificate of one pair"));
    }
    let (mut contents, mode) = files.read(&signature.file)?;
    let mut value = vec![0; key.public().modulus_len()];
    key.sign(encoding(signature.algorithm), &SystemRandom::new(), &contents, &mut value)
        .map_err(|_| bad("signing failed"))?;
    contents.extend_from_slice(&signature.before.0);
    contents.extend_from_slice(&value);
    contents.extend_from_slice(&signature.after.0);
    Ok(files.write(&signature.file, &contents, mode)?)
}

fn key_pair(pem: &[u8]) -> Result<KeyPair, String> {
    let form = "it must be an RSA key in PEM form, PKCS#8 or PKCS#1, without a passphrase";
    let parsed = match PrivateKeyDer::from_pem_slice(pem) {
        Ok(PrivateKeyDer::Pkcs8(key)) => KeyPair::from_pkcs8(key.secret_pkcs8_der()),
        Ok(PrivateKeyDer::Pkcs1(key)) => KeyPair::from_der(key.secret_pkcs1_der()),
        _ => return Err(form.to_owned()),
    };
    parsed.map_err(|why| format!("{form}, of 2048 to 4096 bits ({why})"))
}

fn encoding(algorithm: SignatureAlgorithm) -> &'static dyn RsaEncoding {
    match algorithm {
        SignatureAlgorithm::RsaPkcs1Sha256 => &RSA_PKCS1_SHA256,
        SignatureAlgorithm::RsaPkcs1Sha384 => &RSA_PKCS1_SHA384,
        SignatureAlgorithm::RsaPkcs1Sha512 => &RSA_PKCS1_SHA512,
    }
}
