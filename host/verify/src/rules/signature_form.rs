//! A signature at the end of the file has the form that the kernel reads.

use modsmith_facts::kernel::{SignatureFault, signature};

use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "signature-form",
    title: "a signature has the right form",
    source: "kernel/module_signature.c: mod_check_sig",
    gate: Gate::Stops,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    match signature(case.module.content()) {
        Ok(None) => return Verdict::yes("the file is not signed"),
        Ok(Some(signature)) => {
            return Verdict::yes(format!("the file ends with a signature of {} bytes", signature.message.len()));
        }
        Err(SignatureFault::OtherKind(kind)) => {
            return Verdict::yes(format!("the signature is of kind {kind}: the file counts as not signed"));
        }
        Err(SignatureFault::Malformed) => {}
    }
    if !case.image.is_configured("MODULE_SIG")? {
        return Verdict::yes("the kernel reads no signatures (CONFIG_MODULE_SIG)");
    }
    Refusal {
        words: "Bad message".into(),
        errno: "EBADMSG",
        evidence:
            "the description of the signature has bytes that are not zero, or lengths that are larger than the file"
                .into(),
        cause: "the file was changed or cut after it was signed".into(),
        remedy: "Build it again, so that it is signed again.".into(),
    }
    .no()
}
