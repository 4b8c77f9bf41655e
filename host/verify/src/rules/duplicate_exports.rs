//! The module exports no symbol that is exported already when it is loaded.

use std::collections::BTreeSet;

use super::text::some_of;
use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::links::Exporter;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "duplicate-exports",
    title: "no exported symbol is exported by another one",
    source: "kernel/module/main.c: verify_exported_symbols",
    gate: Gate::Stops,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    let exports = case.exports()?;
    if exports.is_empty() {
        return Verdict::yes("the module exports nothing");
    }
    let no = |symbol: &str, owner: &str| {
        Refusal {
            words: format!("{}: exports duplicate symbol {symbol} (owned by {owner})", case.name()),
            errno: "ENOEXEC",
            evidence: format!("{symbol} is exported by {owner}"),
            cause: "the kernel, or a module that this one needs, has the same code already".into(),
            remedy: format!(
                "Get a version of {} for kernel {}, or install a complete set of modules of one source.",
                case.name(),
                case.image.release
            ),
        }
        .no()
    };
    let of_kernel = case.image.exports.get()?;
    let names: BTreeSet<&str> = exports.keys().map(String::as_str).collect();
    if let Some(symbol) = names.iter().find(|symbol| of_kernel.contains_key(**symbol)) {
        return no(symbol, "kernel");
    }
    let direct: BTreeSet<String> = case
        .links()?
        .iter()
        .filter_map(|link| match &link.exporter {
            Exporter::Module(provider) => Some(provider.module.clone()),
            _ => None,
        })
        .collect();
    let loaded_before = case.neighbours.needed_by(&direct);
    let mut elsewhere = Vec::new();
    for symbol in &names {
        match case.neighbours.provider(symbol)? {
            Some(other) if other.module == case.module.name => {}
            Some(other) if loaded_before.contains(&other.module) => return no(symbol, &other.module),
            Some(other) => elsewhere.push(other.module),
            None => {}
        }
    }
    elsewhere.sort();
    elsewhere.dedup();
    match elsewhere.is_empty() {
        true => Verdict::yes(super::text::count(names.len(), "symbol")),
        false => Verdict::yes(format!(
            "loaded at the same time as {}, one of them would be refused",
            some_of(elsewhere.iter().map(String::as_str))
        )),
    }
}
