//! The module has no common symbols.

use object::elf::SHN_COMMON;

use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "common-symbols",
    title: "the module has no common symbols",
    source: "kernel/module/main.c: simplify_symbols",
    gate: Gate::Stops,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    let is_common = |symbol: &&modsmith_facts::kernel::Symbol| {
        symbol.section == SHN_COMMON.0 && !symbol.name.starts_with("__gnu_lto")
    };
    let Some(symbol) = case.elf()?.symbols.iter().find(is_common) else { return Verdict::yes("it has none") };
    Refusal {
        words: format!("{}: please compile with -fno-common", case.name()),
        errno: "ENOEXEC",
        evidence: format!("{} is a common symbol", symbol.name),
        cause: "it was compiled without -fno-common, which the kernel's makefiles add".into(),
        remedy: "Build it with the kernel's makefiles.".into(),
    }
    .no()
}
