//! The index of a kernel's modules, as depmod(8) makes it: of the index that
//! the kernel's own modules have, and of modules that are added to them.
//!
//! A system extension's files hide the base's, so its index has to hold all modules.
//!
//! Source: depmod(8), and kmod's `tools/depmod.c` and `libkmod/libkmod-index.h`.

mod elf;
mod index;

use std::collections::{BTreeMap, BTreeSet};

pub use crate::elf::{Module, read};
use crate::index::Entry;

/// Where kernels have their own modules, below the module directory; what others
/// install is beside it.
pub const OWN: &str = "kernel/";

/// depmod's text files, by their names without `modules.`.
pub type Texts = BTreeMap<&'static str, String>;

/// Those that are read, and whether there has to be one.
pub const TEXTS: [(&str, bool); 6] =
    [("dep", true), ("alias", true), ("symbols", true), ("softdep", false), ("devname", false), ("weakdep", false)];

const HEADS: [(&str, &str); 5] = [
    ("alias", "# Aliases extracted from modules themselves.\n"),
    ("symbols", "# Aliases for symbols, used by symbol_request().\n"),
    ("softdep", "# Soft dependencies extracted from modules themselves.\n"),
    ("weakdep", "# Weak dependencies extracted from modules themselves.\n"),
    ("devname", "# Device nodes to trigger on-demand module loading.\n"),
];

/// A module file, by its path below the module directory.
#[derive(Debug, Clone)]
pub struct Added {
    pub path: String,
    pub module: Module,
}

/// A module of the index.
struct Line {
    path: String,
    /// Names of all modules that it needs, each before those that it needs itself.
    needs: Vec<String>,
}

/// The material of an index.
pub struct Merge {
    texts: Texts,
    /// By name.
    lines: BTreeMap<String, Line>,
    /// Names in the index's order.
    order: Vec<String>,
    /// Paths outside of the kernel's own modules, which were left out.
    pub foreign: Vec<String>,
}

/// The name by which the kernel knows a module file.
pub fn name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    let name = file.find(".ko").map_or(file, |end| &file[..end]);
    name.replace('-', "_")
}

impl Merge {
    /// The index of the kernel's own modules.
    pub fn new(texts: Texts) -> Self {
        let (mut lines, mut order, mut foreign) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (path, needs) in texts["dep"].lines().filter_map(|line| line.split_once(':')) {
            if path.starts_with(OWN) {
                let needs = needs.split_whitespace().map(name).collect();
                order.push(name(path));
                lines.insert(name(path), Line { path: path.to_owned(), needs });
            } else {
                foreign.push(path.to_owned());
            }
        }
        Self { texts, lines, order, foreign }
    }

    /// Whether it has no module.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether it has a module of this name.
    pub fn has(&self, name: &str) -> bool {
        self.lines.contains_key(name)
    }

    /// The files of an index with these modules too, in place of those of their
    /// names: names without `modules.`, and contents. `rank` is the place of a
    /// path in the kernel's modules.order.
    pub fn finish(mut self, added: &[Added], rank: &BTreeMap<&str, usize>) -> Vec<(String, Vec<u8>)> {
        let names: BTreeSet<String> = added.iter().map(|added| name(&added.path)).collect();
        self.order.retain(|name| !names.contains(name));
        let kept: BTreeSet<String> = self.order.iter().cloned().collect();
        for added in added {
            self.lines.insert(name(&added.path), Line { path: added.path.clone(), needs: Vec::new() });
            self.order.push(name(&added.path));
        }
        self.order.sort_by_key(|name| rank.get(self.lines[name].path.as_str()).copied().unwrap_or(usize::MAX));
        self.resolve(added, &kept);

        let mut texts = self.kept_texts(&kept);
        for added in added {
            describe(added, &mut texts);
        }
        let (dep, dep_bin) = self.dependencies();
        let mut files = vec![("dep".to_owned(), dep.into_bytes()), ("dep.bin".to_owned(), dep_bin)];
        let places: BTreeMap<&str, u32> =
            self.order.iter().zip(0..).map(|(name, place)| (name.as_str(), place)).collect();
        for (kind, text) in texts {
            if matches!(kind, "alias" | "symbols") {
                files.push((format!("{kind}.bin"), index::write(aliases(&text, &places))));
            }
            files.push((kind.to_owned(), text.into_bytes()));
        }
        files
    }

    /// Finds out which modules the added ones need, by symbols, and what follows
    /// for those that need them.
    fn resolve(&mut self, added: &[Added], kept: &BTreeSet<String>) {
        let mut owner: BTreeMap<String, String> = BTreeMap::new();
        for line in self.texts["symbols"].lines() {
            if let Some((symbol, module)) = alias(line)
                && kept.contains(module)
            {
                owner.insert(symbol.trim_start_matches("symbol:").to_owned(), module.to_owned());
            }
        }
        for added in added {
            let symbols = added.module.exports.iter();
            owner.extend(symbols.map(|symbol| (symbol.clone(), name(&added.path))));
        }
        let mut direct: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for added in added {
            let own = name(&added.path);
            let mut needs: Vec<String> = Vec::new();
            for owner in added.module.needs.iter().filter_map(|symbol| owner.get(symbol)) {
                if *owner != own && !needs.contains(owner) {
                    needs.push(owner.clone());
                }
            }
            direct.insert(own, needs);
        }
        // Of a kernel's own module, the line says it, unless one in it was replaced.
        for (name, line) in &self.lines {
            if !direct.contains_key(name) && line.needs.iter().any(|needed| direct.contains_key(needed)) {
                let known = line.needs.iter().filter(|needed| self.lines.contains_key(*needed));
                direct.insert(name.clone(), known.cloned().collect());
            }
        }
        let places: BTreeMap<&String, usize> = self.order.iter().zip(0..).collect();
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in direct.keys() {
            let mut needs = self.all(name, &direct);
            if !kept.contains(name) {
                // As depmod has them, where either order will do.
                needs.sort_by_key(|needed| std::cmp::Reverse(places.get(needed)));
            }
            all.insert(name.clone(), needs);
        }
        let sorted: Vec<(String, Vec<String>)> =
            all.iter().map(|(name, needs)| (name.clone(), self.sorted(needs, &all))).collect();
        for (name, needs) in sorted {
            if let Some(line) = self.lines.get_mut(&name) {
                line.needs = needs;
            }
        }
    }

    /// All modules that one needs, as they are come upon.
    fn all(&self, name: &str, direct: &BTreeMap<String, Vec<String>>) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut open: Vec<&str> = vec![name];
        while let Some(next) = open.pop() {
            let line = self.lines.get(next).map(|line| &line.needs);
            for needed in direct.get(next).or(line).into_iter().flatten() {
                if needed != name && !found.contains(needed) {
                    found.push(needed.clone());
                    open.push(needed);
                }
            }
        }
        found
    }

    /// Each before those that it needs itself.
    fn sorted(&self, names: &[String], all: &BTreeMap<String, Vec<String>>) -> Vec<String> {
        let needs = |name: &String| all.get(name).or_else(|| self.lines.get(name).map(|line| &line.needs));
        let mut rest = names.to_vec();
        let mut sorted = Vec::new();
        while !rest.is_empty() {
            let needed = |name: &String| {
                rest.iter().any(|other| other != name && needs(other).is_some_and(|needs| needs.contains(name)))
            };
            // Modules that need each other come as they are.
            let next = rest.iter().position(|name| !needed(name)).unwrap_or(0);
            sorted.push(rest.remove(next));
        }
        sorted
    }

    fn dependencies(&self) -> (String, Vec<u8>) {
        let mut text = String::new();
        let mut entries = Vec::new();
        for (name, place) in self.order.iter().zip(0..) {
            let line = &self.lines[name];
            let mut value = format!("{}:", line.path);
            for needed in line.needs.iter().filter_map(|needed| self.lines.get(needed)) {
                value.push(' ');
                value.push_str(&needed.path);
            }
            text.push_str(&value);
            text.push('\n');
            entries.push(Entry { key: name.clone(), priority: place, value });
        }
        (text, index::write(entries))
    }

    /// The other texts, with the lines of modules that are still meant.
    fn kept_texts(&self, kept: &BTreeSet<String>) -> Texts {
        let mut texts = Texts::new();
        for (kind, head) in HEADS {
            let Some(text) = self.texts.get(kind) else {
                if kind == "softdep" {
                    texts.insert(kind, head.to_owned());
                }
                continue;
            };
            let stays = |line: &&str| {
                let mut words = line.split_whitespace();
                let module = match kind {
                    _ if line.starts_with('#') => return true,
                    "devname" => words.next(),
                    "softdep" | "weakdep" => words.nth(1),
                    _ => words.next_back(),
                };
                module.is_some_and(|module| kept.contains(&name(module)))
            };
            texts.insert(kind, text.lines().filter(stays).map(|line| format!("{line}\n")).collect());
        }
        texts
    }
}

/// Adds what a module says about itself.
fn describe(added: &Added, texts: &mut Texts) {
    let (name, module) = (name(&added.path), &added.module);
    let mut add = |kind: &'static str, line: String| {
        let head = HEADS.iter().find(|(of, _)| *of == kind).map_or("", |(_, head)| head);
        let text = texts.entry(kind).or_insert_with(|| head.to_owned());
        if text.is_empty() {
            text.push_str(head);
        }
        text.push_str(&line);
        text.push('\n');
    };
    module.aliases.iter().for_each(|alias| add("alias", format!("alias {alias} {name}")));
    module.exports.iter().for_each(|symbol| add("symbols", format!("alias symbol:{symbol} {name}")));
    module.softdeps.iter().for_each(|softdep| add("softdep", format!("softdep {name} {softdep}")));
    module.weakdeps.iter().for_each(|weakdep| add("weakdep", format!("weakdep {name} {weakdep}")));
    if let Some(node) = device_node(&module.aliases) {
        add("devname", format!("{name} {node}"));
    }
}

/// The device node that a module is loaded for: `loop-control c10:237`.
fn device_node(aliases: &[String]) -> Option<String> {
    let name = aliases.iter().find_map(|alias| alias.strip_prefix("devname:"))?;
    let number = aliases.iter().find_map(|alias| {
        let (kind, numbers) = [('c', "char-major-"), ('b', "block-major-")]
            .iter()
            .find_map(|(kind, prefix)| Some((kind, alias.strip_prefix(prefix)?)))?;
        let (major, minor) = numbers.split_once('-')?;
        Some(format!("{kind}{}:{}", major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
    })?;
    Some(format!("{name} {number}"))
}

/// A line `alias PATTERN MODULE`.
fn alias(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("alias ")?.rsplit_once(' ')
}

fn aliases(text: &str, places: &BTreeMap<&str, u32>) -> Vec<Entry> {
    let entry = |line| {
        let (pattern, module) = alias(line)?;
        Some(Entry { key: normalised(pattern)?, priority: *places.get(module)?, value: module.to_owned() })
    };
    text.lines().filter_map(entry).collect()
}

/// As modprobe asks for it: with `_` for `-`, except in a set `[a-z]`. `None` for
/// a pattern whose brackets do not match, or that is not ASCII.
fn normalised(pattern: &str) -> Option<String> {
    let mut inside = false;
    let characters = pattern.chars().map(|character| {
        match (character, inside) {
            ('[', false) => inside = true,
            (']', true) => inside = false,
            (']', false) => return None,
            ('-', false) => return Some('_'),
            _ => {}
        }
        character.is_ascii().then_some(character)
    });
    let normalised = characters.collect::<Option<String>>()?;
    (!inside).then_some(normalised)
}

#[cfg(test)]
mod tests;
