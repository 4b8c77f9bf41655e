//! The module's own description has the size that the kernel gives `struct module`.

use object::elf::{SHF_ALLOC, SHT_NOBITS};

use super::text::rebuild;
use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "this-module",
    title: "struct module has the kernel's size",
    source: "kernel/module/main.c: elf_validity_cache_index_mod",
    gate: Gate::Stops,
    check,
};

const SECTION: &str = ".gnu.linkonce.this_module";

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    let elf = case.elf()?;
    let no = |words: String, evidence: String, cause: &str, remedy: String| {
        Refusal { words, errno: "ENOEXEC", evidence, cause: cause.into(), remedy }.no()
    };
    let name = case.name();
    let found: Vec<_> = elf.sections_named(SECTION).collect();
    // Before Linux 6.4, the kernel takes the first one as it is.
    let is_compared = case.image.is_at_least(6, 4);
    if found.is_empty() {
        let words = match is_compared {
            Ok(false) => format!("{name}: No module found in object"),
            _ => format!("module {name}: Exactly one {SECTION} section must exist."),
        };
        return no(words, "there is none".into(), "the file is an object, not a module", "Build it again.".into());
    }
    let is_compared = is_compared?;
    let [section] = found[..] else {
        if !is_compared {
            return Verdict::yes("the kernel takes the first of several sections");
        }
        let words = format!("module {name}: Exactly one {SECTION} section must exist.");
        let remedy = "Build it again.".to_owned();
        return no(
            words,
            format!("there are {}", found.len()),
            "the file was put together from several modules",
            remedy,
        );
    };
    if is_compared && section.kind == SHT_NOBITS.0 {
        let words = format!("module {name}: {SECTION} section must have a size set");
        return no(words, "the section is empty".into(), "the file is damaged", "Build it again.".into());
    }
    if is_compared && section.flags & SHF_ALLOC.0 == 0 {
        let words = format!("module {name}: {SECTION} must occupy memory during process execution");
        return no(words, "the section is not loaded".into(), "the file is damaged", "Build it again.".into());
    }
    let expected = *case.image.struct_size.get()?;
    let evidence = format!("{:#x} bytes; {} has {expected:#x}", section.size, case.image.struct_size.source());
    if section.size == expected {
        return Verdict::yes(evidence);
    }
    if !is_compared {
        return Err(Unknown::because(format!(
            "{evidence}: kernel {} does not compare the sizes, and would load a module that overwrites its memory",
            case.image.release
        )));
    }
    let words =
        format!("module {name}: {SECTION} section size must match the kernel's built struct module size at run time");
    no(
        words,
        evidence,
        "it was built with another configuration or other headers than the kernel",
        rebuild(&case.image.release),
    )
}
