//! A module of another licence than the kernel's uses no symbols that are kept for
//! modules of that licence, neither itself nor through another module.

use super::text::some_of;
use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::links::Exporter;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "licence",
    title: "the module's licence allows the symbols that it uses",
    source: "kernel/module/main.c: find_symbol, inherit_taint",
    gate: Gate::Stops,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    let licence = case.info.first("license").unwrap_or("unspecified");
    let mut is_proprietary = case.is_proprietary();
    let (mut uses_gpl_only, mut hidden, mut heir) = (false, Vec::new(), None);
    // The loader's order matters: what it has seen decides what it sees next.
    for link in case.links()? {
        let Some(export) = link.exporter.export() else { continue };
        if export.gpl_only && is_proprietary {
            hidden.push(link.symbol.as_str());
            continue;
        }
        uses_gpl_only |= export.gpl_only;
        if let Exporter::Module(provider) = &link.exporter
            && provider.is_proprietary
        {
            if uses_gpl_only {
                heir.get_or_insert((link.symbol.as_str(), provider.module.as_str()));
            }
            is_proprietary = true;
        }
    }
    if let Some((symbol, module)) = heir {
        return Refusal {
            words: format!(
                "{}: module using GPL-only symbols uses symbols {symbol} from proprietary module {module}.",
                case.name()
            ),
            errno: "ENOENT",
            evidence: format!("{module} is of another licence than the kernel"),
            cause: "a module that uses symbols kept for GPL modules cannot use those of a proprietary module".into(),
            remedy: format!("Get a version of {} that does not use {module}.", case.name()),
        }
        .no();
    }
    let Some(first) = hidden.first() else { return Verdict::yes(format!("licence `{licence}`")) };
    Refusal {
        words: format!("{}: Unknown symbol {first} (err -2)", case.name()),
        errno: "ENOENT",
        evidence: format!("the licence is `{licence}`; only GPL modules can use {}", some_of(hidden.iter().copied())),
        cause: "the kernel hides these symbols from modules of other licences".into(),
        remedy: format!("Get a version of {} that does not use these symbols.", case.name()),
    }
    .no()
}
