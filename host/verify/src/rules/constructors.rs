//! The module has one kind of constructors at most.

use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "constructors",
    title: "the module has one kind of constructors at most",
    source: "kernel/module/main.c: find_module_sections",
    gate: Gate::Stops,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    let elf = case.elf()?;
    if elf.section(".ctors").is_none() || elf.section(".init_array").is_none() {
        return Verdict::yes("it has");
    }
    if !case.image.is_configured("CONSTRUCTORS")? {
        return Verdict::yes("the kernel runs no constructors (CONFIG_CONSTRUCTORS)");
    }
    Refusal {
        words: format!("{}: has both .ctors and .init_array.", case.name()),
        errno: "EINVAL",
        evidence: "both sections are there".into(),
        cause: "it was linked from objects of different compilers".into(),
        remedy: "Build all of it with one compiler.".into(),
    }
    .no()
}
