//! A signature has no signed attributes.

use modsmith_facts::kernel::signature;

use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::rule::{Case, Gate, Rule};
use crate::signer::signed_data;

pub(super) const RULE: Rule = Rule {
    id: "signature-attributes",
    title: "a signature has no attributes",
    source: "crypto/asymmetric_keys: verification of module signatures",
    gate: Gate::Stops,
    check,
};

/// `sha256WithRSAEncryption` and its relatives, and ECDSA: for other algorithms,
/// newer kernels take attributes.
const CLASSIC: [&str; 2] = ["1.2.840.113549.1.1.", "1.2.840.10045."];

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    let Ok(Some(signature)) = signature(case.module.content()) else {
        return Verdict::yes("the file has no signature that the kernel reads");
    };
    if !case.image.is_configured("MODULE_SIG")? {
        return Verdict::yes("the kernel reads no signatures (CONFIG_MODULE_SIG)");
    }
    let signed = signed_data(signature.message)
        .ok_or_else(|| Unknown::because("the signature cannot be read as a CMS message"))?;
    let with_attributes = signed.signer_infos.0.iter().find(|signer| signer.signed_attrs.is_some());
    let Some(signer) = with_attributes else { return Verdict::yes("the signature has no signed attributes") };
    let algorithm = signer.signature_algorithm.oid.to_string();
    if !CLASSIC.iter().any(|classic| algorithm.starts_with(classic)) {
        return Err(Unknown::because(format!("whether the kernel takes attributes with algorithm {algorithm}")));
    }
    Refusal {
        words: "Invalid module sig (has authattrs)".into(),
        errno: "EKEYREJECTED",
        evidence: "the signature has signed attributes, such as a signing time".into(),
        cause: "the program that signed the module was not told to leave out attributes".into(),
        remedy: "Sign it with the kernel's sign-file, or tell the signing program to leave out signed attributes."
            .into(),
    }
    .no()
}
