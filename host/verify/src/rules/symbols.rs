//! The kernel, or a module of it, exports every symbol that the module uses.

use super::text::{count, some_of};
use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::links::Exporter;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "symbols",
    title: "all symbols are exported by the kernel or its modules",
    source: "kernel/module/main.c: simplify_symbols, resolve_symbol",
    gate: Gate::Stops,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    let links = case.links()?;
    let missing: Vec<&str> = links
        .iter()
        .filter(|link| matches!(link.exporter, Exporter::Nobody { is_weak: false }))
        .map(|link| link.symbol.as_str())
        .collect();
    if let Some(first) = missing.first() {
        return Refusal {
            words: format!("{}: Unknown symbol {first} (err -2)", case.name()),
            errno: "ENOENT",
            evidence: format!(
                "neither {} nor the kernel's modules export {}",
                case.image.exports.source(),
                some_of(missing.iter().copied())
            ),
            cause: "the module that exports it is not installed for this kernel, or the kernel has it no more".into(),
            remedy: format!(
                "Install the module that exports {first} for kernel {} first, or get a version of {} for this kernel.",
                case.image.release,
                case.name()
            ),
        }
        .no();
    }
    let unknown = links.iter().find_map(|link| match &link.exporter {
        Exporter::Unknown(why) => Some((link, why)),
        _ => None,
    });
    match unknown {
        Some((link, Unknown(why))) => Err(Unknown::because(format!("who exports {}: {why}", link.symbol))),
        None => Verdict::yes(format!("{}, all exported", count(links.len(), "symbol"))),
    }
}
