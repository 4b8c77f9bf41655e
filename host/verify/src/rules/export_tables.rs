//! The tables of exports have the form that the kernel reads.

use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "export-tables",
    title: "exported symbols have flags and versions",
    source: "kernel/module/main.c: check_export_symbol_sections, check_export_symbol_versions",
    gate: Gate::Stops,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    let elf = case.elf()?;
    let has = |name: &str| elf.section(name).is_some_and(|section| section.size > 0);
    if !has("__ksymtab") && !has("__ksymtab_gpl") {
        return Verdict::yes("the module exports nothing");
    }
    if *case.image.has_flag_table.get()? && has("__ksymtab") && !has("__kflagstab") {
        return Refusal {
            words: format!("{}: no flags for exported symbols", case.name()),
            errno: "ENOEXEC",
            evidence: format!("there is no section __kflagstab; {} has one", case.image.has_flag_table.source()),
            cause: "it was built with headers of a kernel before Linux 7.1".into(),
            remedy: super::text::rebuild(&case.image.release),
        }
        .no();
    }
    let lacks_versions = (has("__ksymtab") && !has("__kcrctab")) || (has("__ksymtab_gpl") && !has("__kcrctab_gpl"));
    if !lacks_versions || !case.image.is_configured("MODVERSIONS")? {
        return Verdict::yes("the tables are complete");
    }
    if case.image.is_configured("MODULE_FORCE_LOAD")? {
        return Verdict::yes("versions are missing, and the kernel loads it all the same (CONFIG_MODULE_FORCE_LOAD)");
    }
    Refusal {
        words: "Invalid module format".into(),
        errno: "ENOEXEC",
        evidence: "the module exports symbols without versions".into(),
        cause: "no versions for exported symbols: it was built with a configuration without CONFIG_MODVERSIONS".into(),
        remedy: super::text::rebuild(&case.image.release),
    }
    .no()
}
