//! The kernel can carry out all of the module's relocations, as far as their kinds go.

use object::elf::{EM_X86_64, SHF_ALLOC, SHT_REL, SHT_RELA};

use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "relocations",
    title: "all relocations are of kinds that the kernel knows",
    source: "arch/x86/kernel/module.c: apply_relocate_add",
    gate: Gate::Stops,
    check,
};

/// `R_X86_64_NONE`, `64`, `PC32`, `PLT32`, `32`, `32S` and `PC64`.
const KNOWN: [u32; 7] = [0, 1, 2, 4, 10, 11, 24];

/// The size of an entry with an addend, 64 bits wide.
const ENTRY: usize = 24;

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    let elf = case.elf()?;
    if elf.machine != EM_X86_64.0 || !elf.is_64 {
        return Err(Unknown::because(format!("the relocations of architecture {} are not known here", elf.machine)));
    }
    let no = |words: String, evidence: String| {
        Refusal {
            words,
            errno: "ENOEXEC",
            evidence,
            cause: "it was compiled or linked with options that the kernel's makefiles do not use".into(),
            remedy: "Build it with the compiler of the kernel and with the kernel's makefiles.".into(),
        }
        .no()
    };
    let mut count = 0;
    for section in &elf.sections {
        let is_applied = elf.sections.get(section.info as usize).is_some_and(|target| target.flags & SHF_ALLOC.0 != 0);
        if !is_applied {
            continue;
        }
        if section.kind == SHT_REL.0 {
            return no(format!("{}: REL relocation unsupported", case.name()), format!("section {}", section.name));
        }
        if section.kind != SHT_RELA.0 {
            continue;
        }
        for entry in elf.data(section).chunks_exact(ENTRY) {
            count += 1;
            let kind = elf.u32_at(entry, 8).unwrap_or_default();
            if !KNOWN.contains(&kind) {
                let words = format!("{}: Unknown rela relocation: {kind}", case.name());
                return no(words, format!("section {}", section.name));
            }
        }
    }
    Verdict::yes(super::text::count(count, "relocation"))
}
