//! Volume descriptors.

use super::directory::Flavour;
use super::{SECTOR, both16, both32};
use crate::Volume;
use crate::date::Date;

/// A volume's descriptor: how many sectors it has, how many bytes of each path
/// table, at which sectors these are, and the root's record.
pub fn volume(
    flavour: Flavour,
    volume: &Volume,
    sectors: usize,
    table: usize,
    tables: [usize; 2],
    root: &[u8],
) -> Vec<u8> {
    let mut bytes = vec![0; SECTOR];
    let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
    let kind = if flavour == Flavour::Joliet { 2 } else { 1 };
    put(0, &[kind]);
    put(1, b"CD001\x01");
    let text = |text: &str, length: usize| match flavour {
        Flavour::RockRidge => plain(text, length),
        Flavour::Joliet => wide(text, length),
    };
    put(8, &text("LINUX", 32));
    put(40, &text(&volume.label, 32));
    put(80, &both32(sectors as u32));
    if flavour == Flavour::Joliet {
        put(88, b"%/E");
    }
    put(120, &both16(1));
    put(124, &both16(1));
    put(128, &both16(SECTOR as u16));
    put(132, &both32(table as u32));
    put(140, &(tables[0] as u32).to_le_bytes());
    put(148, &(tables[1] as u32).to_be_bytes());
    put(156, root);
    // Of the set, the publisher, the preparer, the application; three files.
    for at in [190, 318, 446, 574] {
        put(at, &text("", 128));
    }
    for at in [702, 739, 776] {
        put(at, &text("", 37));
    }
    // Made and modified; it never expires and is good from the start.
    put(813, &date(volume.date));
    put(830, &date(volume.date));
    for at in [847, 864] {
        put(at, b"0000000000000000\0");
    }
    put(881, &[1]);
    bytes
}

/// The descriptor that ends the list.
pub fn terminator() -> Vec<u8> {
    b"\xffCD001\x01".to_vec()
}

fn plain(text: &str, length: usize) -> Vec<u8> {
    let plain = |c: char| if c.is_ascii_graphic() { c as u8 } else { b'_' };
    let mut bytes: Vec<u8> = text.chars().map(plain).take(length).collect();
    bytes.resize(length, b' ');
    bytes
}

/// Two bytes for each character; a field of odd length ends with a zero.
fn wide(text: &str, length: usize) -> Vec<u8> {
    let units = text.encode_utf16().chain(std::iter::repeat(u16::from(b' '))).take(length / 2);
    let mut bytes: Vec<u8> = units.flat_map(u16::to_be_bytes).collect();
    bytes.resize(length, 0);
    bytes
}

fn date(seconds: u32) -> Vec<u8> {
    let Date { year, month, day, hour, minute, second } = Date::of(seconds);
    let mut bytes = format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}00").into_bytes();
    bytes.push(0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_filled_up_as_each_flavour_wants_it() {
        assert_eq!(plain("a b", 5), b"a_b  ");
        assert_eq!(wide("a", 5), [0, b'a', 0, b' ', 0]);
        assert_eq!(date(951_782_400), b"2000022900000000\0");
    }
}
