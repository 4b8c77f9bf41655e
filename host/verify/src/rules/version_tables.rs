//! The two halves of the extended table of versions belong together.

use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "version-tables",
    title: "the tables of symbol versions are complete",
    source: "kernel/module/main.c: elf_validity_cache_index_versions",
    gate: Gate::Stops,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    case.elf()?;
    if !case.versions.is_broken {
        return Verdict::yes("no half of a table is missing");
    }
    // Older kernels do not read the extended table.
    if !case.image.is_at_least(6, 14)? {
        return Verdict::yes("the kernel does not read the extended table");
    }
    Refusal {
        // The kernel writes nothing to its log.
        words: "Invalid module format".into(),
        errno: "ENOEXEC",
        evidence: "__version_ext_crcs and __version_ext_names do not have the same number of entries".into(),
        cause: "a section was removed from the file".into(),
        remedy: "Build it again, and strip nothing but debugging symbols from it.".into(),
    }
    .no()
}
