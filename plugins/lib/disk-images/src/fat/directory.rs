//! What directories hold.

use super::names::Name;
use crate::date::Date;

/// Bytes of a record.
pub const ENTRY: usize = 32;

/// Characters of a long name in one record.
pub const PIECE: usize = 13;

const DIRECTORY: u8 = 0x10;
const VOLUME: u8 = 0x08;
const LONG: u8 = 0x0f;

/// A date as records have it, in units of two seconds from 1980 on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stamp {
    date: u16,
    time: u16,
}

impl Stamp {
    pub fn of(date: Date) -> Self {
        match date.year.checked_sub(1980) {
            None => Self { date: 1 << 5 | 1, time: 0 },
            Some(year) => Self {
                date: year << 9 | u16::from(date.month) << 5 | u16::from(date.day),
                time: u16::from(date.hour) << 11 | u16::from(date.minute) << 5 | u16::from(date.second / 2),
            },
        }
    }
}

/// A file or directory by its short name.
pub struct Record {
    pub name: [u8; 11],
    pub directory: bool,
    /// Its first cluster; 0 without any.
    pub start: u32,
    /// Bytes of a file.
    pub size: u32,
}

impl Record {
    pub fn bytes(&self, stamp: Stamp) -> [u8; ENTRY] {
        let attributes = if self.directory { DIRECTORY } else { 0 };
        record(&self.name, attributes, self.start, self.size, stamp)
    }
}

/// The record of the volume's name.
pub fn label(text: &str, stamp: Stamp) -> [u8; ENTRY] {
    let mut label = [b' '; 11];
    for (place, byte) in label.iter_mut().zip(text.bytes()) {
        *place = if byte.is_ascii_alphanumeric() || b"-_".contains(&byte) { byte.to_ascii_uppercase() } else { b'_' };
    }
    record(&label, VOLUME, 0, 0, stamp)
}

fn record(name: &[u8; 11], attributes: u8, start: u32, size: u32, stamp: Stamp) -> [u8; ENTRY] {
    let mut bytes = [0; ENTRY];
    bytes[..11].copy_from_slice(name);
    bytes[11] = attributes;
    for (at, number) in [(14, stamp.time), (16, stamp.date), (18, stamp.date), (22, stamp.time), (24, stamp.date)] {
        bytes[at..at + 2].copy_from_slice(&number.to_le_bytes());
    }
    bytes[26..28].copy_from_slice(&(start as u16).to_le_bytes());
    bytes[28..].copy_from_slice(&size.to_le_bytes());
    bytes
}

/// The records of a long name, its last part first; none where the short name
/// says it all.
pub fn long_name(name: &Name) -> Vec<u8> {
    let sum = name.short.iter().fold(0u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte));
    let pieces: Vec<&[u16]> = name.long.chunks(PIECE).collect();
    let mut bytes = Vec::new();
    for (index, piece) in pieces.iter().enumerate().rev() {
        // A zero ends a name that does not fill its last part.
        let mut units = [0xffffu16; PIECE];
        units[..piece.len()].copy_from_slice(piece);
        if let Some(end) = units.get_mut(piece.len()) {
            *end = 0;
        }
        let last = if index + 1 == pieces.len() { 0x40 } else { 0 };
        let text: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        bytes.push(last | (index as u8 + 1));
        bytes.extend(&text[..10]);
        bytes.extend([LONG, 0, sum]);
        bytes.extend(&text[10..22]);
        bytes.extend([0, 0]);
        bytes.extend(&text[22..]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_begin_with_1980() {
        let stamp = Stamp::of(Date::of(951_782_399));
        assert_eq!((stamp.date, stamp.time), (20 << 9 | 2 << 5 | 28, 23 << 11 | 59 << 5 | 29));
        assert_eq!(Stamp::of(Date::of(0)).date, 0x21);
    }

    #[test]
    fn long_names_are_in_records_of_thirteen_characters_from_the_end() {
        let long = "repomd.xml and more".encode_utf16().collect();
        let bytes = long_name(&Name { short: *b"REPOMD~1XML", long });
        assert_eq!(bytes.len(), 2 * ENTRY);
        assert_eq!((bytes[0], bytes[ENTRY]), (0x42, 1));
        assert_eq!(bytes[11], LONG);
        // The sum of the short name's bytes.
        assert_eq!((bytes[13], bytes[ENTRY + 13]), (0x41, 0x41));
        assert_eq!(&bytes[ENTRY + 1..ENTRY + 5], b"r\0e\0");
        assert!(long_name(&Name { short: *b"README     ", long: Vec::new() }).is_empty());
    }
}
