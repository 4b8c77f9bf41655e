//! The versions of the symbols that the module uses are those of the exporters.

use std::collections::HashMap;

use super::text::{count, rebuild, some_of};
use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::links::{Exporter, Link};
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "symbol-versions",
    title: "all symbols have the versions that the module was built with",
    source: "kernel/module/version.c: check_version",
    gate: Gate::Stops,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    let links = case.links()?;
    if case.image.is_configured("MODVERSIONS") == Ok(false) {
        return Verdict::yes("the kernel compares no versions (CONFIG_MODVERSIONS)");
    }
    // Of two tables, the extended one counts, for kernels that know it.
    let knows_extended = case.image.is_at_least(6, 14)?;
    let extended = case.versions.extended.as_ref().filter(|_| knows_extended);
    let versioned: Vec<(&Link<'_>, u32)> =
        links.iter().filter_map(|link| Some((link, link.exporter.export()?.crc?))).collect();
    let Some(table) = extended.or(case.versions.basic.as_ref()) else { return without_table(case, &versioned) };
    let table: HashMap<&str, u32> = table.iter().rev().map(|(name, crc)| (name.as_str(), *crc)).collect();
    let (mut differing, mut missing) = (Vec::new(), Vec::new());
    for (link, expected) in &versioned {
        match table.get(link.symbol.as_str()) {
            Some(crc) if crc == expected => {}
            Some(crc) => differing.push((*link, *crc, *expected)),
            None => missing.push(link.symbol.as_str()),
        }
    }
    if let Some((link, crc, expected)) = differing.first() {
        return refusal(case, link, *crc, *expected, differing.iter().map(|(link, ..)| link.symbol.as_str()));
    }
    if let Some(Link { symbol, exporter: Exporter::Unknown(Unknown(why)) }) =
        links.iter().find(|link| matches!(link.exporter, Exporter::Unknown(_)))
    {
        return Err(Unknown::because(format!("the version of {symbol}: {why}")));
    }
    if !missing.is_empty() && extended.is_none() {
        return Err(Unknown::because(format!(
            "the module has no versions of {}: some kernels load it with a warning, others refuse it",
            some_of(missing)
        )));
    }
    Verdict::yes(format!("{} with versions, all equal", count(versioned.len(), "symbol")))
}

fn refusal<'n>(
    case: &Case<'_>,
    link: &Link<'_>,
    crc: u32,
    expected: u32,
    all: impl Iterator<Item = &'n str>,
) -> Result<Verdict, Unknown> {
    let (exporter, cause, remedy) = match &link.exporter {
        Exporter::Module(provider) => (
            format!("module {}", provider.module),
            format!("{} was built again after this module, or is of another version", provider.module),
            format!("Build {} again, after {} is installed.", case.name(), provider.module),
        ),
        _ => (
            case.image.exports.source().to_owned(),
            "it was built with the headers of another kernel or of another build of this one".to_owned(),
            rebuild(&case.image.release),
        ),
    };
    Refusal {
        words: format!("{}: disagrees about version of symbol {}", case.name(), link.symbol),
        errno: "EINVAL",
        evidence: format!("{crc:#010x}; {exporter} has {expected:#010x}; versions differ of {}", some_of(all)),
        cause,
        remedy,
    }
    .no()
}

/// A module that has no table at all.
fn without_table(case: &Case<'_>, versioned: &[(&Link<'_>, u32)]) -> Result<Verdict, Unknown> {
    let Some((link, _)) = versioned.first() else { return Verdict::yes("no symbol that it uses has a version") };
    if case.image.is_configured("MODULE_FORCE_LOAD")? {
        return Verdict::yes("the module has none, and the kernel loads it all the same (CONFIG_MODULE_FORCE_LOAD)");
    }
    Refusal {
        words: format!("{}: Unknown symbol {} (err -22)", case.name(), link.symbol),
        errno: "EINVAL",
        evidence: "the module has no versions of symbols".into(),
        cause: "it was built with a configuration without CONFIG_MODVERSIONS".into(),
        remedy: rebuild(&case.image.release),
    }
    .no()
}
