//! Names as a flavour can hold them: plain ones for all readers, and Joliet's.

use std::collections::HashSet;

use super::directory::Flavour;
use super::has;
use crate::Unfit;
use crate::tree::Node;

/// Longest plain name without the version: level 2.
const PLAIN: usize = 30;

/// Longest of Joliet's, in units of two bytes: more than its specification
/// has, as all readers take it.
const JOLIET: usize = 103;

/// The identifiers of all nodes, and the order of what directories hold.
#[derive(Debug)]
pub struct Named {
    /// In bytes, with the version of a file. Empty for what the flavour lacks.
    pub identifiers: Vec<Vec<u8>>,
    /// What each node holds, sorted by identifier.
    pub children: Vec<Vec<usize>>,
}

impl Named {
    pub fn of(nodes: &[Node<'_>], flavour: Flavour) -> Result<Self, Unfit> {
        let mut identifiers = vec![Vec::new(); nodes.len()];
        let mut children = vec![Vec::new(); nodes.len()];
        for (place, node) in nodes.iter().enumerate() {
            let mut taken = HashSet::new();
            let mut sorted = Vec::new();
            for child in node.children.iter().filter(|child| has(flavour, &nodes[**child])) {
                let key = free_name(&nodes[*child], flavour, &mut taken)?;
                identifiers[*child] = identifier(&key, &nodes[*child], flavour);
                sorted.push((key, *child));
            }
            sorted.sort();
            children[place] = sorted.into_iter().map(|(_, child)| child).collect();
        }
        Ok(Self { identifiers, children })
    }
}

/// Name and suffix, the way names are compared.
type Key = (String, String);

/// A name that no other of the directory has.
fn free_name(node: &Node<'_>, flavour: Flavour, taken: &mut HashSet<Key>) -> Result<Key, Unfit> {
    for number in 0..10_000 {
        let key = match flavour {
            Flavour::RockRidge => plain(node.name, node.is_directory(), number),
            Flavour::Joliet => (joliet(node.name, number), String::new()),
        };
        if taken.insert(key.clone()) {
            return Ok(key);
        }
    }
    Err(Unfit::Never(format!("too many names in a directory are like {}", node.name)))
}

/// Letters in upper case, digits and underscores.
fn plain(name: &str, directory: bool, number: u32) -> Key {
    let convert = |text: &str| -> String {
        let convert = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        text.chars().map(convert).collect()
    };
    let (base, suffix) = match name.rsplit_once('.') {
        Some((base, suffix)) if !directory && !base.is_empty() => (convert(base), convert(suffix)),
        _ => (convert(name), String::new()),
    };
    let suffix: String = suffix.chars().take(8).collect();
    let room = PLAIN - suffix.len() - 1;
    (shortened(&base, room, number), suffix)
}

fn joliet(name: &str, number: u32) -> String {
    let convert = |c: char| if c.is_control() || "*/:;?\\".contains(c) || c as u32 > 0xffff { '_' } else { c };
    let name: String = name.chars().map(convert).collect();
    shortened(&name, JOLIET, number)
}

/// At most so many characters; the last ones of a name that is taken are a number.
fn shortened(name: &str, room: usize, number: u32) -> String {
    let end = if number == 0 { String::new() } else { number.to_string() };
    let kept: String = name.chars().take(room - end.len()).collect();
    kept + &end
}

fn identifier((base, suffix): &Key, node: &Node<'_>, flavour: Flavour) -> Vec<u8> {
    let name = match (flavour, node.is_directory()) {
        (_, true) => base.clone(),
        (Flavour::RockRidge, false) => format!("{base}.{suffix};1"),
        (Flavour::Joliet, false) => format!("{base};1"),
    };
    match flavour {
        Flavour::RockRidge => name.into_bytes(),
        Flavour::Joliet => name.encode_utf16().flat_map(u16::to_be_bytes).collect(),
    }
}

#[cfg(test)]
mod tests {
    use modsmith_plugin::packaging::Files;

    use super::*;
    use crate::tree::nodes;

    fn plain_names(names: &[&str]) -> Vec<String> {
        let mut files = Files::new();
        names.iter().for_each(|name| files.add(*name, "", 0o644));
        let nodes = nodes(&files);
        let named = Named::of(&nodes, Flavour::RockRidge).unwrap();
        let text = |child: &usize| String::from_utf8(named.identifiers[*child].clone()).unwrap();
        named.children[0].iter().map(text).collect()
    }

    #[test]
    fn plain_names_are_sorted_by_name_then_suffix() {
        assert_eq!(plain_names(&["a-b.c", "a.c", "a", "a.b"]), ["A.;1", "A.B;1", "A.C;1", "A_B.C;1"]);
        assert_eq!(plain_names(&[".config", "dkms.conf", "é"]), ["DKMS.CONF;1", "_.;1", "_CONFIG.;1"]);
    }

    #[test]
    fn names_that_become_alike_are_numbered() {
        assert_eq!(plain_names(&["a+b", "a-b", "a_b"]), ["A_B.;1", "A_B1.;1", "A_B2.;1"]);
        let long = ["x".repeat(40) + "1.ko", "x".repeat(40) + "2.ko"];
        let names = plain_names(&[&long[0], &long[1]]);
        assert_eq!(names, [format!("{}1.KO;1", "X".repeat(26)), format!("{}.KO;1", "X".repeat(27))]);
    }

    #[test]
    fn names_of_joliet_keep_what_it_allows() {
        assert_eq!(joliet("Kmod-x_1.0~rc:1.rpm", 0), "Kmod-x_1.0~rc_1.rpm");
        assert_eq!(joliet(&"n".repeat(200), 12).len(), JOLIET);
    }
}
