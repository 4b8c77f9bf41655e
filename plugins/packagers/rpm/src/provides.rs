//! Capabilities by which package managers find the package for a device.

use std::collections::{BTreeMap, BTreeSet};

use modsmith_plugin::packaging::ModInfo;

/// `modalias(PATTERN) = VERSION` for the devices of all modules, each once, in
/// order; without version where the module has none that rpm understands.
pub fn modaliases<'m>(modules: impl IntoIterator<Item = &'m ModInfo>) -> Vec<String> {
    let mut aliases: BTreeMap<Option<String>, BTreeSet<String>> = BTreeMap::new();
    for module in modules {
        let version = module.first("version").filter(|version| is_version(version)).map(str::to_owned);
        aliases.entry(version).or_default().extend(module.all("alias").map(printable));
    }
    let mut lines = Vec::new();
    for (version, aliases) in aliases {
        for alias in merged(&aliases) {
            lines.push(match &version {
                Some(version) => format!("modalias({alias}) = {version}"),
                None => format!("modalias({alias})"),
            });
        }
    }
    lines.sort();
    lines
}

/// Rpm splits at blanks and commas: any character matches in their place.
fn printable(alias: &str) -> String {
    alias.chars().map(|c| if c.is_ascii_graphic() && !",()".contains(c) { c } else { '?' }).collect()
}

/// Whether it is a version, or version and release, to rpm.
fn is_version(version: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+~^-".contains(c);
    let parts = version.split('-').collect::<Vec<_>>();
    version.chars().all(plain) && parts.len() <= 2 && parts.iter().all(|part| !part.is_empty())
}

/// Patterns that differ in one character only become one, with a set of
/// characters in that place.
fn merged(aliases: &BTreeSet<String>) -> Vec<String> {
    // A pattern without its character at some place → the patterns it is of.
    let mut alike: BTreeMap<(String, usize), BTreeSet<&str>> = BTreeMap::new();
    let holes = |alias: &str| -> Vec<(String, usize)> {
        let mergeable = |(at, c): (usize, char)| c.is_ascii_alphanumeric().then(|| (without(alias, at), at));
        // A set within a set is none.
        if alias.contains('[') { Vec::new() } else { alias.char_indices().filter_map(mergeable).collect() }
    };
    for alias in aliases {
        for hole in holes(alias) {
            alike.entry(hole).or_default().insert(alias);
        }
    }
    let mut left: BTreeSet<&str> = aliases.iter().map(String::as_str).collect();
    let mut merged = Vec::new();
    for alias in aliases {
        if !left.contains(alias.as_str()) {
            continue;
        }
        let group = |hole: &(String, usize)| -> Vec<&str> {
            alike.get(hole).into_iter().flatten().copied().filter(|other| left.contains(other)).collect()
        };
        // The place that most others differ in; of several the first.
        let best = holes(alias).into_iter().rev().max_by_key(|hole| group(hole).len());
        match best.map(|hole| (group(&hole), hole.1)) {
            Some((group, at)) if group.len() > 1 => {
                let set: String = group.iter().map(|alias| &alias[at..=at]).collect();
                merged.push(format!("{}[{set}]{}", &alias[..at], &alias[at + 1..]));
                left.retain(|alias| !group.contains(alias));
            }
            _ => {
                merged.push(alias.clone());
                left.remove(alias.as_str());
            }
        }
    }
    merged
}

/// A text without the ASCII character at a place.
fn without(text: &str, at: usize) -> String {
    format!("{}{}", &text[..at], &text[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(aliases: &[&str], version: Option<&str>) -> ModInfo {
        let aliases = aliases.iter().map(|alias| format!("alias={alias}\0"));
        let version = version.map(|version| format!("version={version}\0"));
        ModInfo::parse(aliases.chain(version).collect::<String>().as_bytes())
    }

    #[test]
    fn patterns_that_differ_in_one_place_become_one() {
        let aliases = ["pci:v1d10*", "pci:v1d11*", "pci:v1d12*", "pci:v1d22*", "usb:v2"];
        let lines = modaliases([&module(&aliases, Some("1.0"))]);
        assert_eq!(lines, ["modalias(pci:v1d1[012]*) = 1.0", "modalias(pci:v1d22*) = 1.0", "modalias(usb:v2) = 1.0"]);
    }

    #[test]
    fn the_same_modules_for_other_kernels_add_nothing() {
        let one = module(&["usb:v1*"], Some("1.0"));
        assert_eq!(modaliases([&one, &one.clone()]), ["modalias(usb:v1*) = 1.0"]);
    }

    #[test]
    fn what_rpm_would_split_or_not_understand_is_left_out() {
        let lines = modaliases([&module(&["dmi:pnX Y,Z", "of:N(a)"], Some("1.0 beta"))]);
        assert_eq!(lines, ["modalias(dmi:pnX?Y?Z)", "modalias(of:N?a?)"]);
        assert_eq!(modaliases([&module(&["usb:v1"], Some("1-2-3"))]), ["modalias(usb:v1)"]);
        assert_eq!(modaliases([&module(&["usb:v1"], Some("1-2"))]), ["modalias(usb:v1) = 1-2"]);
    }

    #[test]
    fn sets_are_not_put_into_sets() {
        let lines = modaliases([&module(&["usb:v1d[12]*", "usb:v2d[12]*"], None)]);
        assert_eq!(lines, ["modalias(usb:v1d[12]*)", "modalias(usb:v2d[12]*)"]);
    }
}
