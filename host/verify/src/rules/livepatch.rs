//! A module that patches the running kernel is for a kernel that can be patched.

use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "livepatch",
    title: "the kernel takes live patches, if this is one",
    source: "kernel/module/main.c: check_modinfo_livepatch",
    gate: Gate::Stops,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    case.elf()?;
    if case.info.first("livepatch").is_none() {
        return Verdict::yes("the module is no live patch");
    }
    if case.image.is_configured("LIVEPATCH")? {
        return Verdict::yes("the kernel takes live patches (CONFIG_LIVEPATCH)");
    }
    Refusal {
        words: format!("{}: module is marked as livepatch module, but livepatch support is disabled", case.name()),
        errno: "ENOEXEC",
        evidence: format!("{} has no CONFIG_LIVEPATCH", case.image.config.source()),
        cause: "the kernel was built without support for live patches".into(),
        remedy: "Use a kernel with CONFIG_LIVEPATCH.".into(),
    }
    .no()
}
