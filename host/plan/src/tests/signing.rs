//! Module signatures, checked by openssl.

use super::*;
use crate::cms::Digest;

fn openssl(scratch: &Scratch, line: &str) {
    let out = std::process::Command::new("openssl").args(line.split(' ')).current_dir(scratch.path("tree")).output();
    let out = out.expect("openssl is not installed, and this test needs it: apt-get install openssl");
    assert!(out.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&out.stderr));
}

/// A key in the tree, and its certificate with the suffix `.pub`.
pub(super) fn pair(scratch: &Scratch, name: &str, generate: &str) {
    openssl(scratch, &format!("{generate} -out {name}"));
    openssl(scratch, &format!("req -x509 -new -key {name} -subj /CN={name} -days 1 -outform DER -out {name}.pub"));
}

pub(super) const RSA: &str = "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048";

pub(super) fn append(key: &str, certificate: &str, digest: Digest, failure: OnFailure) -> Action {
    let (key, certificate) = (tree(key), tree(certificate));
    verbs::AppendCms { file: modules("x.ko"), key, certificate, digest, failure }.into()
}

/// The message that was appended to `module`.
fn appended(scratch: &Scratch) -> Vec<u8> {
    let signed = fs::read(scratch.path("modules/x.ko")).unwrap();
    let rest = signed.strip_suffix(b"~Module signature appended~\n").expect("the magic line is last");
    let (rest, length) = rest.split_at(rest.len() - 4);
    let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
    let (rest, information) = rest.split_at(rest.len() - 8);
    assert_eq!(information, [0, 0, 2, 0, 0, 0, 0, 0]);
    let (module, message) = rest.split_at(rest.len() - length);
    assert_eq!(module, b"module");
    message.to_vec()
}

#[test]
fn openssl_verifies_each_kind_of_key_with_each_digest() {
    let scratch = Scratch::new();
    fs::write(scratch.path("tree/content"), "module").unwrap();
    let kinds = [
        (RSA, "rsa"),
        ("genrsa -traditional", "pkcs1"),
        ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096", "rsa4096"),
        ("ecparam -name prime256v1 -genkey -noout", "p256"),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384", "p384"),
    ];
    for (generate, name) in kinds {
        pair(&scratch, name, generate);
        openssl(&scratch, &format!("x509 -inform DER -in {name}.pub -out {name}.pem"));
        for digest in [Digest::Sha256, Digest::Sha384, Digest::Sha512] {
            fs::write(scratch.path("modules/x.ko"), "module").unwrap();
            let mut plan = scratch.builder();
            plan.push(append(name, &format!("{name}.pub"), digest, OnFailure::Abort), "");
            scratch.run(plan).unwrap();
            fs::write(scratch.path("tree/message"), appended(&scratch)).unwrap();
            openssl(
                &scratch,
                &format!(
                    "cms -verify -binary -inform DER -in message -content content -certfile {name}.pem \
                     -CAfile {name}.pem -purpose any -out /dev/null"
                ),
            );
        }
    }
}

#[test]
fn a_signature_is_undone_with_its_plan() {
    let scratch = Scratch::new();
    pair(&scratch, "k", RSA);
    fs::write(scratch.path("modules/x.ko"), "module").unwrap();
    let mut plan = scratch.builder();
    plan.push(append("k", "k.pub", Digest::Sha256, OnFailure::Abort), "");
    plan.push(verbs::Expect { files: vec![modules("missing")] }, "");
    scratch.run(plan).unwrap_err();
    assert_eq!(fs::read(scratch.path("modules/x.ko")).unwrap(), b"module");
}

#[test]
fn a_key_of_another_certificate_signs_nothing() {
    let scratch = Scratch::new();
    pair(&scratch, "k", RSA);
    pair(&scratch, "other", RSA);
    fs::write(scratch.path("modules/x.ko"), "module").unwrap();
    let mut plan = scratch.builder();
    plan.push(append("other", "k.pub", Digest::Sha256, OnFailure::Warn), "");
    scratch.run(plan).unwrap();
    assert_eq!(fs::read(scratch.path("modules/x.ko")).unwrap(), b"module");
    let mut plan = scratch.builder();
    plan.push(append("other", "k.pub", Digest::Sha256, OnFailure::Abort), "");
    let error = scratch.run(plan).unwrap_err();
    assert!(error.to_string().contains("does not match the certificate"), "{error}");
}

#[test]
fn a_key_or_certificate_that_is_none_is_named() {
    let scratch = Scratch::new();
    pair(&scratch, "k", RSA);
    fs::write(scratch.path("tree/text"), "text").unwrap();
    pair(&scratch, "p521", "ecparam -name secp521r1 -genkey -noout");
    fs::write(scratch.path("modules/x.ko"), "module").unwrap();
    for (key, certificate, named) in [
        ("text", "k.pub", "tree/text cannot be used: it must be an RSA or ECDSA key"),
        ("k", "text", "tree/text cannot be used: it is not an X.509 certificate"),
        ("p521", "p521.pub", "it is no ECDSA key on the curve P-256 or P-384"),
    ] {
        let mut plan = scratch.builder();
        plan.push(append(key, certificate, Digest::Sha256, OnFailure::Abort), "");
        let error = scratch.run(plan).unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    }
}
