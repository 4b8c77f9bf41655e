//! The file is an ELF file of the form that the loader asks for.

use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "elf",
    title: "the file is a kernel module",
    source: "kernel/module/main.c: elf_validity_cache_copy, elf_validity_check",
    gate: Gate::Stops,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    if case.module.damage().is_some() {
        return Err(Unknown::because("the file could not be unpacked"));
    }
    let no = |words: String, cause: &str| {
        Refusal {
            evidence: format!("the file has {} bytes", case.module.content().len()),
            words,
            errno: "ENOEXEC",
            cause: cause.into(),
            remedy: "Build it again.".into(),
        }
        .no()
    };
    let elf = match case.elf_or_fault() {
        Ok(elf) => elf,
        Err(fault) => return no(fault.words.clone(), "the file is no module, or damaged"),
    };
    if elf.sections_named(".modinfo").count() > 1 {
        return no("Only one .modinfo section must exist.".into(), "the file was put together from several modules");
    }
    Verdict::yes(format!("{} sections, {} symbols", elf.sections.len(), elf.symbols.len()))
}
