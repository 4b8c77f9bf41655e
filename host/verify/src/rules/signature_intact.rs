//! A module whose signer the kernel knows is as it was when it was signed.

use modsmith_facts::kernel::signature;

use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::rule::{Case, Gate, Rule};
use crate::signer::{Fit, certificate_of, fit, signed_data};

pub(super) const RULE: Rule = Rule {
    id: "signature-intact",
    title: "a module that one of the kernel's own keys signed is as it was then",
    source: "crypto/asymmetric_keys: verification of module signatures, public_key.c",
    gate: Gate::Stops,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    let Ok(Some(signature)) = signature(case.module.content()) else {
        return Verdict::yes("the file has no signature that the kernel reads");
    };
    if !case.image.is_configured("MODULE_SIG")? {
        return Verdict::yes("the kernel reads no signatures (CONFIG_MODULE_SIG)");
    }
    let certificates = case.image.certificates.get()?;
    let signed = signed_data(signature.message)
        .ok_or_else(|| Unknown::because("the signature cannot be read as a CMS message"))?;
    let signer = signed.signer_infos.0.iter().next();
    let Some(signer) = signer.filter(|signer| signer.signed_attrs.is_none()) else {
        return Err(Unknown::because("the signature has no signer that is read here"));
    };
    let Some(certificate) = certificate_of(signer, certificates) else {
        return Verdict::yes(
            "the signer's key is not one of the kernel's own: the kernel compares nothing, unless the key is enrolled",
        );
    };
    let subject = &certificate.tbs_certificate.subject;
    match fit(&signature, signer, &certificate) {
        Fit::Fits => {
            Verdict::yes(format!("the signature of {subject}, whose certificate the kernel has, fits the file"))
        }
        Fit::NotComputed => Err(Unknown::because(format!("the key or the hash of {subject} is not computed here"))),
        Fit::Altered => Refusal {
            words: "Key was rejected by service".into(),
            errno: "EKEYREJECTED",
            evidence: format!("the signature of {subject}, whose certificate the kernel has, does not fit the file"),
            cause: "the file was changed after it was signed, for example stripped".into(),
            remedy: "Build it again, or install the package again that it comes from; strip before signing.".into(),
        }
        .no(),
    }
}
