//! Short names beside long ones.

use std::collections::HashSet;

use super::directory::PIECE;
use crate::Unfit;
use crate::tree::Node;
use modsmith_plugin::packaging::Entry;

/// The names of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Eight characters and three, filled up with blanks.
    pub short: [u8; 11],
    /// Units of two bytes; none where the short name says it all.
    pub long: Vec<u16>,
}

/// The names of all that a directory holds.
#[derive(Debug)]
pub struct Names {
    pub children: Vec<Name>,
}

impl Names {
    /// # Errors
    /// `Never` for a link, for a name that FAT cannot hold, and for two names
    /// that are the same to it.
    pub fn of(node: &Node<'_>, nodes: &[Node<'_>]) -> Result<Self, Unfit> {
        let (mut long, mut short) = (HashSet::new(), HashSet::new());
        let mut children = Vec::new();
        for child in node.children.iter().map(|child| &nodes[*child]) {
            let name = child.name;
            if matches!(child.entry, Entry::Link(_)) {
                return Err(Unfit::Never(format!("{name} is a link, which FAT cannot hold")));
            }
            if !is_possible(name) || !long.insert(name.to_lowercase()) {
                return Err(Unfit::Never(format!("FAT cannot hold a file of the name {name} there")));
            }
            let none = || Unfit::Never(format!("too many names in a directory are like {name}"));
            let free = (0..=99_999).map(|number| shortened(name, number)).find(|name| short.insert(*name));
            let free = free.ok_or_else(none)?;
            let long = if spelled(&free) == name { Vec::new() } else { name.encode_utf16().collect() };
            children.push(Name { short: free, long });
        }
        Ok(Self { children })
    }

    /// How many records they take.
    pub fn records(&self) -> usize {
        self.children.iter().map(|name| 1 + name.long.len().div_ceil(PIECE)).sum()
    }
}

/// Whether a long name can be this. Blanks and dots at the end would be lost.
fn is_possible(name: &str) -> bool {
    let bad = |c: char| c.is_control() || "\"*/:<>?\\|".contains(c);
    !name.is_empty() && name.encode_utf16().count() <= 255 && !name.contains(bad) && !name.ends_with([' ', '.'])
}

/// The short name, or with a number one of those that stand for it. It is 0
/// only for a name that short names can hold but for the case of its letters.
fn shortened(name: &str, number: u32) -> [u8; 11] {
    let convert = |text: &str| -> Vec<u8> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "$%'-_@~`!(){}^#&".contains(c);
        let convert = |c: char| if plain(c) { c.to_ascii_uppercase() as u8 } else { b'_' };
        text.chars().filter(|c| !matches!(c, ' ' | '.')).map(convert).collect()
    };
    let trimmed = name.trim_start_matches('.');
    let (base, suffix) = trimmed.rsplit_once('.').unwrap_or((trimmed, ""));
    let (mut base, mut suffix) = (convert(base), convert(suffix));
    let held = spelled(&join(&base, &suffix)) == name.to_ascii_uppercase();
    let number = if held { number } else { number + 1 };
    suffix.truncate(3);
    if number > 0 {
        let end = format!("~{number}");
        base.truncate(8 - end.len());
        base.extend(end.bytes());
    }
    join(&base, &suffix)
}

fn join(base: &[u8], suffix: &[u8]) -> [u8; 11] {
    let mut name = [b' '; 11];
    name[..8].iter_mut().zip(base).for_each(|(place, byte)| *place = *byte);
    name[8..].iter_mut().zip(suffix).for_each(|(place, byte)| *place = *byte);
    name
}

/// As people write it.
fn spelled(short: &[u8; 11]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    match text(&short[8..]) {
        suffix if suffix.is_empty() => text(&short[..8]),
        suffix => format!("{}.{suffix}", text(&short[..8])),
    }
}

#[cfg(test)]
mod tests {
    use modsmith_plugin::packaging::Files;

    use super::*;
    use crate::tree::nodes;

    fn names(paths: &[&str]) -> Result<Vec<(String, String)>, Unfit> {
        let mut files = Files::new();
        paths.iter().for_each(|path| files.add(*path, "", 0o644));
        let nodes = nodes(&files);
        let names = Names::of(&nodes[0], &nodes)?;
        let text = |name: &Name| (spelled(&name.short), String::from_utf16(&name.long).unwrap());
        Ok(names.children.iter().map(text).collect())
    }

    #[test]
    fn short_names_are_kept_and_long_ones_numbered() {
        let pairs = |paths: &[&str]| names(paths).unwrap();
        let owned = |(short, long): (&str, &str)| (short.to_owned(), long.to_owned());
        assert_eq!(pairs(&["README"]), [("README", "")].map(owned));
        assert_eq!(pairs(&["modules.cgz"]), [("MODULES.CGZ", "modules.cgz")].map(owned));
        let alike = ["modules.alias", "modules.aliases", ".config", "a b.c"];
        let expected = [
            ("CONFIG~1", ".config"),
            ("AB~1.C", "a b.c"),
            ("MODULE~1.ALI", "modules.alias"),
            ("MODULE~2.ALI", "modules.aliases"),
        ];
        assert_eq!(pairs(&alike), expected.map(owned));
    }

    #[test]
    fn names_that_fat_cannot_hold_or_tell_apart_are_refused() {
        for bad in [&["a?b"] as &[&str], &["a:b"], &["dot."], &["README", "readme"], &["tab\t"]] {
            assert!(matches!(names(bad), Err(Unfit::Never(why)) if why.contains("FAT cannot hold")), "{bad:?}");
        }
    }
}
