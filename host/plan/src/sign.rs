//! Signing a file with a key that only the host reads.

use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use super::files::Files;
use super::perform::Failure;
use super::step::{Signature, SignatureAlgorithm};

/// Appends to a file: what comes before the signature, the signature of the
/// file's contents, and what comes behind it.
pub fn append(signature: &Signature, files: &Files) -> Result<(), Failure> {
    let path = files.path(&signature.key);
    let bad = |why: &str| Failure::Key(format!("the key {} cannot be used: {why}", path.display()));
    let pem = files.read_key(&signature.key).map_err(|e| bad(&e.to_string()))?;
    let key = key_pair(&pem).map_err(|why| bad(&why))?;
    if key.public().as_ref() != signature.public_key.0 {
        return Err(bad("it does not belong to the certificate; use the pair that was made together"));
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
