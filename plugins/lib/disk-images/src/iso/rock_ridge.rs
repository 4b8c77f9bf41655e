//! What Rock Ridge adds to records: names, modes, links.

use modsmith_plugin::packaging::Entry;

use super::{SECTOR, both32};
use crate::Unfit;
use crate::tree::Node;

/// Bytes of a name or a link's text in one field.
const PIECE: usize = 200;

/// Bytes of the field that names the continuation.
const CONTINUED: usize = 28;

/// The fields of a record; `name` where it has one, `first` for the root's own,
/// which tells that there are fields at all.
pub fn fields(node: &Node<'_>, name: Option<&str>, first: bool) -> Result<Vec<Vec<u8>>, Unfit> {
    let mut fields = Vec::new();
    if first {
        fields.push(field(b"SP", &[0xbe, 0xef, 0]));
    }
    let (mode, links) = match node.entry {
        Entry::Directory => (0o40_755, 2),
        Entry::File { mode, .. } => (0o100_000 | mode, 1),
        Entry::Link(_) => (0o120_777, 1),
    };
    fields.push(field(b"PX", &[mode, links, 0, 0].map(both32).concat()));
    if let Some(name) = name {
        let pieces: Vec<&[u8]> = name.as_bytes().chunks(PIECE).collect();
        for (index, piece) in pieces.iter().enumerate() {
            let continues = u8::from(index + 1 < pieces.len());
            fields.push(field(b"NM", &[&[continues], *piece].concat()));
        }
    }
    if let Entry::Link(target) = node.entry {
        fields.extend(link(target)?);
    }
    if first {
        let id = b"RRIP_1991A";
        fields.push(field(b"ER", &[&[id.len() as u8, 0, 0, 1], id.as_slice()].concat()));
    }
    Ok(fields)
}

/// The fields with a link's text.
fn link(target: &str) -> Result<Vec<Vec<u8>>, Unfit> {
    let mut components: Vec<Vec<u8>> = Vec::new();
    if target.starts_with('/') {
        components.push(vec![8, 0]);
    }
    for part in target.split('/').filter(|part| !part.is_empty()) {
        components.push(match part {
            "." => vec![2, 0],
            ".." => vec![4, 0],
            part if part.len() > PIECE => {
                return Err(Unfit::Never(format!("the link to {target} has too long a name in it")));
            }
            part => [&[0, part.len() as u8], part.as_bytes()].concat(),
        });
    }
    // As many components in each field as it holds.
    let mut bodies: Vec<Vec<u8>> = vec![Vec::new()];
    for component in components {
        match bodies.last_mut() {
            Some(body) if body.len() + component.len() <= RECORD_BODY => body.extend(component),
            _ => bodies.push(component),
        }
    }
    let last = bodies.len() - 1;
    let body = |(index, body): (usize, Vec<u8>)| field(b"SL", &[&[u8::from(index < last)], body.as_slice()].concat());
    Ok(bodies.into_iter().enumerate().map(body).collect())
}

/// Bytes of components in one field.
const RECORD_BODY: usize = 240;

fn field(signature: &[u8; 2], body: &[u8]) -> Vec<u8> {
    let mut field = signature.to_vec();
    field.extend([body.len() as u8 + 4, 1]);
    field.extend(body);
    field
}

/// Puts as many fields as fit into a record's room, and the others behind what
/// is in the continuation, which begins at a sector.
///
/// # Errors
/// `Never`: more than a sector of them.
pub fn fit(fields: Vec<Vec<u8>>, room: usize, continuation: &mut Vec<u8>, start: u32) -> Result<Vec<u8>, Unfit> {
    let all = fields.concat();
    if all.len() <= room {
        return Ok(all);
    }
    let mut here = Vec::new();
    let mut fields = fields.into_iter().peekable();
    while let Some(field) = fields.next_if(|field| here.len() + field.len() + CONTINUED <= room) {
        here.extend(field);
    }
    let rest: Vec<u8> = fields.flatten().collect();
    if rest.len() > SECTOR {
        return Err(Unfit::Never("a link has too long a text".into()));
    }
    if continuation.len() % SECTOR + rest.len() > SECTOR {
        continuation.resize(continuation.len().next_multiple_of(SECTOR), 0);
    }
    let sector = start + (continuation.len() / SECTOR) as u32;
    let place = [sector, (continuation.len() % SECTOR) as u32, rest.len() as u32];
    here.extend(field(b"CE", &place.map(both32).concat()));
    continuation.extend(rest);
    Ok(here)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node<'f>(entry: &'f Entry) -> Node<'f> {
        Node { name: "x", entry, parent: 0, children: Vec::new() }
    }

    #[test]
    fn links_are_told_by_their_components() {
        let entry = Entry::Link("/usr/../x".into());
        let fields = fields(&node(&entry), Some("x"), false).unwrap();
        assert_eq!(fields.last().unwrap(), b"SL\x11\x01\x00\x08\x00\x00\x03usr\x04\x00\x00\x01x");
        assert!(link(&"y".repeat(201)).is_err());
        assert_eq!(link(&["z".repeat(150).as_str(); 3].join("/")).unwrap().len(), 3);
    }

    #[test]
    fn what_does_not_fit_is_continued_within_one_sector() {
        let entry = Entry::File { contents: Vec::new(), mode: 0o644 };
        let mut continuation = vec![1; SECTOR - 10];
        let long = "n".repeat(250);
        let fields = fields(&node(&entry), Some(&long), false).unwrap();
        let here = fit(fields, 190, &mut continuation, 100).unwrap();
        assert!(here.len() <= 190);
        let ce = &here[here.len() - CONTINUED..];
        assert_eq!((&ce[..2], ce[4], ce[12]), (b"CE".as_slice(), 101, 0));
        assert_eq!(&continuation[SECTOR..SECTOR + 2], b"NM");
    }
}
