//! A kernel that is configured to take signed modules only takes none without a signature.

use modsmith_facts::kernel::{Signature, SignatureFault, signature};

use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::rule::{Case, Gate, Rule};
use crate::signer::{certificate_of, hash_name, signed_data};

pub(super) const RULE: Rule = Rule {
    id: "signature-required",
    title: "a kernel that is configured to require signatures knows the signer",
    source: "kernel/module/signing.c: module_sig_check",
    // A key can be enrolled after the installation.
    gate: Gate::Tells,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    if !case.image.is_configured("MODULE_SIG")? {
        return Verdict::yes("the kernel reads no signatures (CONFIG_MODULE_SIG)");
    }
    if !case.image.is_configured("MODULE_SIG_FORCE")? {
        return Verdict::yes(
            "the configuration requires no signatures; Secure Boot, lockdown and the command line can",
        );
    }
    match signature(case.module.content()) {
        Ok(Some(signature)) => signed(case, &signature),
        Ok(None) => refused("unsigned module", "the file is not signed"),
        Err(SignatureFault::OtherKind(_)) => {
            refused("module with unsupported crypto", "the signature is of a kind that kernels do not read")
        }
        Err(SignatureFault::Malformed) => Err(Unknown::because("the signature has no form that can be read")),
    }
}

fn signed(case: &Case<'_>, signature: &Signature<'_>) -> Result<Verdict, Unknown> {
    let signed = signed_data(signature.message)
        .ok_or_else(|| Unknown::because("the signature cannot be read as a CMS message"))?;
    let signer = signed.signer_infos.0.iter().next();
    let signer = signer.ok_or_else(|| Unknown::because("the signature names no signer"))?;
    if hash_name(signer).is_none() {
        return refused("module with unsupported crypto", "the signature's hash is none that kernels know");
    }
    if let Some(certificate) = certificate_of(signer, case.image.certificates.get()?) {
        return Verdict::yes(format!("the kernel has the certificate of {}", certificate.tbs_certificate.subject));
    }
    let enrolled = case.image.enrolled.get().map_err(|Unknown(why)| {
        Unknown::because(format!(
            "the signer's key is not one of the kernel's own; whether it is enrolled is not known: {why}"
        ))
    })?;
    match certificate_of(signer, enrolled) {
        Some(certificate) => {
            Verdict::yes(format!("the certificate of {} is enrolled", certificate.tbs_certificate.subject))
        }
        None => Err(Unknown::because(
            "the signer's key is neither one of the kernel's own nor one that is known to be trusted; \
             `modsmith keys` lists the keys",
        )),
    }
}

fn refused(what: &str, evidence: &str) -> Result<Verdict, Unknown> {
    Refusal {
        words: format!("Loading of {what} is rejected"),
        errno: "EKEYREJECTED",
        evidence: format!("{evidence}; the kernel requires signatures (CONFIG_MODULE_SIG_FORCE)"),
        cause: "the module was not signed with a key that the kernel can use".into(),
        remedy: "Name a key that the kernel knows in framework.conf, and build the module again.".into(),
    }
    .no()
}
