//! The module is made for the kernel's architecture.

use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "architecture",
    title: "the module is made for the kernel's architecture",
    source: "kernel/module/main.c: elf_check_arch",
    gate: Gate::Stops,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    let machine = case.elf()?.machine;
    let expected = *case.image.machine.get()?;
    if machine == expected {
        return Verdict::yes(format!("architecture {machine}, as {} has", case.image.machine.source()));
    }
    Refusal {
        words: format!("Invalid architecture in ELF header: {machine}"),
        errno: "ENOEXEC",
        evidence: format!("the module is for architecture {machine}, {} for {expected}", case.image.machine.source()),
        cause: "it was built with a compiler for another architecture".into(),
        remedy: "Build it with the compiler of the kernel's architecture.".into(),
    }
    .no()
}
