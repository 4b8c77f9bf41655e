//! No section can be both written and executed.

use object::elf::{SHF_EXECINSTR, SHF_WRITE};

use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "writable-code",
    title: "no section is both writable and executable",
    source: "kernel/module/strict_rwx.c: module_enforce_rwx_sections",
    gate: Gate::Stops,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    let flags = SHF_WRITE.0 | SHF_EXECINSTR.0;
    let both = |section: &&modsmith_facts::kernel::Section| section.flags & flags == flags;
    let elf = case.elf()?;
    let Some((index, section)) = elf.sections.iter().enumerate().find(|(_, section)| both(section)) else {
        return Verdict::yes("no section is");
    };
    if !case.image.is_configured("STRICT_MODULE_RWX")? {
        return Verdict::yes(format!("{} is, and the kernel allows it (CONFIG_STRICT_MODULE_RWX)", section.name));
    }
    Refusal {
        words: format!("{}: section {} (index {index}) has invalid WRITE|EXEC flags", case.name(), section.name),
        errno: "ENOEXEC",
        evidence: format!("the flags of {} are {:#x}", section.name, section.flags),
        cause: "the module's source or its linker script puts code into a writable section".into(),
        remedy: "Get a version of the module that does not.".into(),
    }
    .no()
}
