//! The version of `module_layout` is the kernel's: modules and kernel have the same
//! idea of the structures that they share.

use super::text::rebuild;
use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "module-layout",
    title: "module_layout has the kernel's version",
    source: "kernel/module/version.c: check_modstruct_version",
    gate: Gate::Stops,
    check,
};

const SYMBOL: &str = "module_layout";

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    case.elf()?;
    if case.image.is_configured("MODVERSIONS") == Ok(false) {
        return Verdict::yes("the kernel compares no versions (CONFIG_MODVERSIONS)");
    }
    let exports = case.image.exports.get()?;
    let Some(expected) = exports.get(SYMBOL).and_then(|export| export.crc) else {
        return Verdict::yes(format!("{} has no version of {SYMBOL}", case.image.exports.source()));
    };
    let table = case.versions.extended.as_ref().or(case.versions.basic.as_ref());
    let Some(table) = table else { return Err(Unknown::because("the module has no versions of symbols")) };
    let Some((_, crc)) = table.iter().find(|(name, _)| name == SYMBOL) else {
        return Err(Unknown::because(
            "the module has no version of module_layout: kernels differ in what they do then",
        ));
    };
    let evidence = format!("{crc:#010x}; {} has {expected:#010x}", case.image.exports.source());
    if *crc == expected {
        return Verdict::yes(evidence);
    }
    Refusal {
        words: format!("{}: disagrees about version of symbol {SYMBOL}", case.name()),
        errno: "ENOEXEC",
        evidence,
        cause: "it was built with the headers of another kernel or of another build of this one".into(),
        remedy: rebuild(&case.image.release),
    }
    .no()
}
