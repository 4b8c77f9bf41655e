//! The index files that libkmod looks names up in: `modules.dep.bin`,
//! `modules.alias.bin`, `modules.symbols.bin`.
//!
//! The format, all numbers big endian: magic, version, then nodes of a prefix
//! tree, each behind its children. A node has what its keys share, the places of
//! its children by their next byte, and the values of the key that ends there.
//! The upper bits of a place tell which of these a node has.

const MAGIC: u32 = 0xB007_F457;
/// 2.1.
const VERSION: u32 = 0x0002_0001;

const HAS_PREFIX: u32 = 0x8000_0000;
const HAS_VALUES: u32 = 0x4000_0000;
const HAS_CHILDREN: u32 = 0x2000_0000;

/// A value of a key. Values of one key are in the order of their priorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub key: String,
    pub priority: u32,
    pub value: String,
}

/// The index file of these entries.
pub fn write(mut entries: Vec<Entry>) -> Vec<u8> {
    entries.sort_by(|a, b| a.key.cmp(&b.key).then(a.priority.cmp(&b.priority)));
    let mut file = Vec::new();
    for number in [MAGIC, VERSION, 0] {
        put(&mut file, number);
    }
    let root = node(&mut file, &entries, 0, 0);
    file[8..12].copy_from_slice(&root.to_be_bytes());
    file
}

/// Writes the node of keys that agree up to `end`, of which what is before
/// `begin` is known from the nodes above. Returns its place.
fn node(file: &mut Vec<u8>, entries: &[Entry], begin: usize, end: usize) -> u32 {
    let here = entries.partition_point(|entry| entry.key.len() == end);
    let (values, mut rest) = entries.split_at(here);
    let mut children = Vec::new();
    while let Some(first) = rest.first() {
        let byte = first.key.as_bytes()[end];
        let (below, others) = rest.split_at(rest.partition_point(|entry| entry.key.as_bytes()[end] == byte));
        children.push((byte, node(file, below, end + 1, shared(below, end + 1))));
        rest = others;
    }

    let mut place = u32::try_from(file.len()).expect("an index is smaller than 4 GiB");
    if begin < end {
        place |= HAS_PREFIX;
        string(file, &entries[0].key[begin..end]);
    }
    if let (Some((first, _)), Some((last, _))) = (children.first(), children.last()) {
        place |= HAS_CHILDREN;
        file.extend([*first, *last]);
        for byte in *first..=*last {
            put(file, children.iter().find(|(of, _)| *of == byte).map_or(0, |(_, place)| *place));
        }
    }
    if !values.is_empty() {
        place |= HAS_VALUES;
        put(file, values.len() as u32);
        for value in values {
            put(file, value.priority);
            string(file, &value.value);
        }
    }
    place
}

/// How far all keys agree, which do up to `from`. They are sorted.
fn shared(entries: &[Entry], from: usize) -> usize {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return from };
    let agree = first.key.bytes().zip(last.key.bytes()).skip(from).take_while(|(a, b)| a == b).count();
    from + agree
}

fn put(file: &mut Vec<u8>, number: u32) {
    file.extend(number.to_be_bytes());
}

fn string(file: &mut Vec<u8>, text: &str) {
    file.extend(text.bytes());
    file.push(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, priority: u32, value: &str) -> Entry {
        Entry { key: key.into(), priority, value: value.into() }
    }

    /// By the format's description, without looking at how it was written.
    fn look_up(file: &[u8], key: &str) -> Vec<(u32, String)> {
        let number = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
        let text = |at: usize| {
            let end = at + file[at..].iter().position(|byte| *byte == 0).unwrap();
            (String::from_utf8(file[at..end].to_vec()).unwrap(), end + 1)
        };
        let (mut node, mut rest) = (number(8), key.as_bytes());
        loop {
            let mut at = (node & 0x0FFF_FFFF) as usize;
            if node & HAS_PREFIX != 0 {
                let (prefix, next) = text(at);
                let Some(after) = rest.strip_prefix(prefix.as_bytes()) else { return Vec::new() };
                (rest, at) = (after, next);
            }
            let mut children = (1, 0, 0);
            if node & HAS_CHILDREN != 0 {
                children = (file[at], file[at + 1], at + 2);
                at += 2 + 4 * (usize::from(children.1 - children.0) + 1);
            }
            let Some((byte, after)) = rest.split_first() else {
                let count = if node & HAS_VALUES == 0 { 0 } else { number(at) };
                let mut at = at + 4;
                let values = (0..count).map(|_| {
                    let (value, next) = text(at + 4);
                    (number(std::mem::replace(&mut at, next)), value)
                });
                return values.collect();
            };
            if !(children.0..=children.1).contains(byte) {
                return Vec::new();
            }
            node = number(children.2 + 4 * usize::from(byte - children.0));
            if node == 0 {
                return Vec::new();
            }
            rest = after;
        }
    }

    #[test]
    fn what_was_put_in_is_found_in_the_order_of_priorities_and_nothing_else() {
        let file = write(vec![
            entry("pci:v8086*", 7, "late"),
            entry("pci:v8086*", 3, "early"),
            entry("pci:v10DE*", 1, "nvidia"),
            entry("pci", 2, "short"),
            entry("usb", 4, "other"),
        ]);
        assert_eq!(look_up(&file, "pci:v8086*"), [(3, "early".into()), (7, "late".into())]);
        assert_eq!(look_up(&file, "pci:v10DE*"), [(1, "nvidia".into())]);
        assert_eq!(look_up(&file, "pci"), [(2, "short".into())]);
        for absent in ["", "p", "pci:", "pci:v8086", "usbx", "x"] {
            assert_eq!(look_up(&file, absent), [], "{absent}");
        }
    }

    #[test]
    fn a_small_index_is_depmods_byte_for_byte() {
        // Of one module `x` without dependencies, and of none: kmod 30.
        let one = write(vec![entry("x", 0, "updates/x.ko:")]);
        assert_eq!(one[..12], [0xB0, 0x07, 0xF4, 0x57, 0, 2, 0, 1, 0x20, 0, 0, 34]);
        assert_eq!(one[12..34], *b"\0\0\0\x01\0\0\0\0updates/x.ko:\0");
        assert_eq!(one[34..], *b"xx\x40\0\0\x0c");
        assert_eq!(write(Vec::new()), [0xB0, 0x07, 0xF4, 0x57, 0, 2, 0, 1, 0, 0, 0, 12]);
    }
}
