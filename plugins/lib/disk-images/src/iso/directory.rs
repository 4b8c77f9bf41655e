//! Directories and path tables.

use super::names::Named;
use super::{SECTOR, both16, both32, rock_ridge};
use crate::Unfit;
use crate::date::Date;
use crate::tree::Node;

/// Bytes of a record before the name.
const HEAD: usize = 33;

/// Longest record: its length is an even number in one byte.
const RECORD: usize = 254;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// Plain names, with those of the system beside them.
    RockRidge,
    Joliet,
}

/// Where the contents of nodes are, and their sizes.
#[derive(Debug, Clone)]
pub struct Places {
    nodes: Vec<(u32, u32)>,
    /// Where what does not fit into records is.
    pub continuation: u32,
}

impl Places {
    /// Before anything has a place.
    pub fn nowhere(nodes: usize) -> Self {
        Self { nodes: vec![(0, 0); nodes], continuation: 0 }
    }

    pub fn set(&mut self, node: usize, sector: usize, size: usize) {
        self.nodes[node] = (sector as u32, size as u32);
    }

    pub fn sector(&self, node: usize) -> usize {
        self.nodes[node].0 as usize
    }
}

/// What a directory holds, in whole sectors.
pub struct Directory {
    pub node: usize,
    pub bytes: Vec<u8>,
}

/// All directories, each level after the one above.
pub struct Drawn {
    pub directories: Vec<Directory>,
    /// The data that does not fit into records.
    pub continuation: Vec<u8>,
}

/// Draws all directories.
///
/// # Errors
/// `Never`: a link whose text is too long.
pub fn render(nodes: &[Node<'_>], named: &Named, flavour: Flavour, places: &Places, date: u32) -> Result<Drawn, Unfit> {
    let mut drawn = Drawn { directories: Vec::new(), continuation: Vec::new() };
    for place in levels(nodes, named) {
        let mut bytes = Vec::new();
        let own = [(place, &[0u8] as &[u8]), (nodes[place].parent, &[1])];
        let children = named.children[place].iter().map(|child| (*child, named.identifiers[*child].as_slice()));
        for (index, (child, identifier)) in own.into_iter().chain(children).enumerate() {
            let fields = match flavour {
                Flavour::Joliet => Vec::new(),
                Flavour::RockRidge => {
                    let name = (index > 1).then_some(nodes[child].name);
                    let fields = rock_ridge::fields(&nodes[child], name, place == 0 && index == 0)?;
                    let room = RECORD - HEAD - identifier.len() - padding(identifier.len());
                    rock_ridge::fit(fields, room, &mut drawn.continuation, places.continuation)?
                }
            };
            let record = record(places, child, identifier, nodes[child].is_directory(), &fields, date);
            // None crosses the end of a sector.
            if bytes.len() % SECTOR + record.len() > SECTOR {
                bytes.resize(usize::next_multiple_of(bytes.len(), SECTOR), 0);
            }
            bytes.extend(record);
        }
        bytes.resize(usize::next_multiple_of(bytes.len(), SECTOR), 0);
        drawn.directories.push(Directory { node: place, bytes });
    }
    Ok(drawn)
}

/// Directories by their depth, then by that of their parents, then by name.
fn levels(nodes: &[Node<'_>], named: &Named) -> Vec<usize> {
    let mut order = vec![0];
    let mut next = 0;
    while let Some(place) = order.get(next).copied() {
        order.extend(named.children[place].iter().filter(|child| nodes[**child].is_directory()));
        next += 1;
    }
    order
}

/// The record of a file or directory.
pub fn record(places: &Places, node: usize, identifier: &[u8], directory: bool, fields: &[u8], date: u32) -> Vec<u8> {
    let (sector, size) = places.nodes[node];
    let Date { year, month, day, hour, minute, second } = Date::of(date);
    let length = (HEAD + identifier.len() + padding(identifier.len()) + fields.len()).next_multiple_of(2);
    let mut record = vec![length as u8, 0];
    record.extend(both32(sector));
    record.extend(both32(size));
    record.extend([(year - 1900) as u8, month, day, hour, minute, second, 0]);
    record.extend([if directory { 2 } else { 0 }, 0, 0]);
    record.extend(both16(1));
    record.push(identifier.len() as u8);
    record.extend(identifier);
    record.resize(record.len() + padding(identifier.len()), 0);
    record.extend(fields);
    record.resize(length, 0);
    record
}

/// Behind a name, so that what follows begins at an even place.
fn padding(name: usize) -> usize {
    usize::from(name.is_multiple_of(2))
}

/// All directories with their parents, for readers that look there first.
/// `number` writes sectors, as this table wants it.
pub fn path_table(nodes: &[Node<'_>], named: &Named, places: &Places, number: fn(u32) -> [u8; 4]) -> Vec<u8> {
    let order = levels(nodes, named);
    let mut table = Vec::new();
    let mut numbers = vec![0u32; nodes.len()];
    for (index, place) in order.into_iter().enumerate() {
        numbers[place] = index as u32 + 1;
        let identifier: &[u8] = if place == 0 { &[0] } else { &named.identifiers[place] };
        table.extend([identifier.len() as u8, 0]);
        table.extend(number(places.nodes[place].0));
        let parent = number(numbers[nodes[place].parent]);
        // The two bytes that are not always zero.
        let little = number(1)[0] == 1;
        table.extend(if little { &parent[..2] } else { &parent[2..] });
        table.extend(identifier);
        table.resize(table.len().next_multiple_of(2), 0);
    }
    table
}

#[cfg(test)]
mod tests {
    use modsmith_plugin::packaging::Files;

    use super::*;
    use crate::tree::nodes;

    #[test]
    fn path_tables_name_parents_by_their_number() {
        let mut files = Files::new();
        files.add("b/x/file", "", 0o644);
        files.add("a/y/file", "", 0o644);
        let nodes = nodes(&files);
        let named = Named::of(&nodes, Flavour::RockRidge).unwrap();
        let table = path_table(&nodes, &named, &Places::nowhere(nodes.len()), u32::to_be_bytes);
        let mut at = 0;
        let mut rows = Vec::new();
        while at < table.len() {
            let length = table[at] as usize;
            rows.push((table[at + 7], table[at + 8..][..length].to_vec()));
            at += 8 + length.next_multiple_of(2);
        }
        let expected: [(u8, &[u8]); 5] = [(1, &[0]), (1, b"A"), (1, b"B"), (2, b"Y"), (3, b"X")];
        assert_eq!(rows, expected.map(|(parent, name)| (parent, name.to_vec())));
    }
}
