//! The module's type information belongs to the kernel's.

use crate::answer::Verdict;
use crate::fact::Unknown;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "btf",
    title: "type information belongs to the kernel's",
    source: "kernel/bpf/btf.c: btf_module_notify",
    gate: Gate::Stops,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    let elf = case.elf()?;
    if elf.sections_named(".BTF").next().is_none_or(|section| section.size == 0) {
        return Verdict::yes("the module has no type information");
    }
    if !case.image.is_configured("DEBUG_INFO_BTF_MODULES")? {
        return Verdict::yes("the kernel reads none of modules (CONFIG_DEBUG_INFO_BTF_MODULES)");
    }
    if case.image.is_configured("MODULE_ALLOW_BTF_MISMATCH")? {
        return Verdict::yes("the kernel only warns of what does not belong (CONFIG_MODULE_ALLOW_BTF_MISMATCH)");
    }
    Err(Unknown::because("the types are not compared with those of the kernel"))
}
