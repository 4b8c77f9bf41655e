//! Headers: numbered fields, each with values of one type.

use std::collections::BTreeMap;

/// What headers begin with; four bytes of zeros follow.
const MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0];

/// Bytes of a field's entry in the index.
const ENTRY: usize = 16;

/// Most fields of a header that is read, and most bytes of their values: rpm's own
/// limits.
const MOST_FIELDS: usize = 65_535;
const LARGEST: usize = 256 << 20;

/// The values of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Int16(Vec<u16>),
    Int32(Vec<u32>),
    Text(String),
    /// Bytes that are no text.
    Bytes(Vec<u8>),
    Texts(Vec<String>),
    /// A text with translations, of which there is only one here.
    Translated(String),
}

impl Value {
    /// Its type, the multiple of bytes that it begins at, and how many there are.
    fn form(&self) -> (u32, usize, u32) {
        match self {
            Self::Int16(values) => (3, 2, values.len() as u32),
            Self::Int32(values) => (4, 4, values.len() as u32),
            Self::Text(_) => (6, 1, 1),
            Self::Bytes(bytes) => (7, 1, bytes.len() as u32),
            Self::Texts(texts) => (8, 1, texts.len() as u32),
            Self::Translated(_) => (9, 1, 1),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let text = |text: &String| [text.as_bytes(), &[0]].concat();
        match self {
            Self::Int16(values) => values.iter().flat_map(|value| value.to_be_bytes()).collect(),
            Self::Int32(values) => values.iter().flat_map(|value| value.to_be_bytes()).collect(),
            Self::Text(value) | Self::Translated(value) => text(value),
            Self::Bytes(bytes) => bytes.clone(),
            Self::Texts(texts) => texts.iter().flat_map(text).collect(),
        }
    }
}

/// Fields by their numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header(BTreeMap<u32, Value>);

impl Header {
    pub fn set(&mut self, tag: u32, value: Value) {
        self.0.insert(tag, value);
    }

    pub fn text(&mut self, tag: u32, text: impl Into<String>) {
        // A zero byte would end it, wherever it stands.
        self.set(tag, Value::Text(text.into().replace('\0', "")));
    }

    pub fn number(&mut self, tag: u32, number: u32) {
        self.set(tag, Value::Int32(vec![number]));
    }

    /// The header with a first field `region`, which says that all others belong
    /// together, so that their digest can be computed.
    pub fn bytes(&self, region: u32) -> Vec<u8> {
        let count = self.0.len() as u32 + 1;
        let mut index = Vec::new();
        let mut store = Vec::new();
        for (tag, value) in &self.0 {
            let (kind, align, number) = value.form();
            store.resize(store.len().next_multiple_of(align), 0);
            index.extend(entry(*tag, kind, store.len() as u32, number));
            store.extend(value.bytes());
        }
        let trailer = store.len() as u32;
        store.extend(entry(region, 7, (count * ENTRY as u32).wrapping_neg(), ENTRY as u32));
        let mut bytes = MAGIC.to_vec();
        bytes.extend(count.to_be_bytes());
        bytes.extend((store.len() as u32).to_be_bytes());
        bytes.extend(entry(region, 7, trailer, ENTRY as u32));
        bytes.extend(index);
        bytes.extend(store);
        bytes
    }

    /// Reads the header that bytes begin with, and says how many it has. `None` for a
    /// damaged one.
    pub fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let word = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
        if bytes.get(..4) != Some(&MAGIC[..4]) {
            return None;
        }
        let (count, size) = (word(8)? as usize, word(12)? as usize);
        if count > MOST_FIELDS || size > LARGEST {
            return None;
        }
        let store = MAGIC.len() + 8 + count * ENTRY;
        let contents = bytes.get(store..store + size)?;
        let mut fields = BTreeMap::new();
        for at in (0..count).map(|number| MAGIC.len() + 8 + number * ENTRY) {
            let [tag, kind, offset, number] = [word(at)?, word(at + 4)?, word(at + 8)?, word(at + 12)?];
            // Those of a region begin before the store.
            let Some(from) = contents.get(offset as usize..) else { continue };
            if let Some(value) = value(kind, from, number as usize) {
                fields.insert(tag, value);
            }
        }
        Some((Self(fields), store + size))
    }

    /// The texts of a field; none where it is not there.
    pub fn texts(&self, tag: u32) -> Vec<&str> {
        match self.0.get(&tag) {
            Some(Value::Text(text) | Value::Translated(text)) => vec![text],
            Some(Value::Texts(texts)) => texts.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The first text of a field; empty where it is not there.
    pub fn first_text(&self, tag: u32) -> &str {
        self.texts(tag).first().copied().unwrap_or_default()
    }

    /// The numbers of a field; none where it is not there.
    pub fn numbers(&self, tag: u32) -> Vec<u32> {
        match self.0.get(&tag) {
            Some(Value::Int32(values)) => values.clone(),
            Some(Value::Int16(values)) => values.iter().map(|value| u32::from(*value)).collect(),
            _ => Vec::new(),
        }
    }
}

fn entry(tag: u32, kind: u32, offset: u32, count: u32) -> Vec<u8> {
    [tag, kind, offset, count].iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// Values of types that are used here; `None` for others, and beyond the end.
fn value(kind: u32, from: &[u8], count: usize) -> Option<Value> {
    match kind {
        3 => {
            Some(Value::Int16(numbers(from, count, 2)?.map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]])).collect()))
        }
        4 => {
            let number = |bytes: &[u8]| u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            Some(Value::Int32(numbers(from, count, 4)?.map(number).collect()))
        }
        6 => Some(Value::Text(texts(from, 1)?.remove(0))),
        7 => Some(Value::Bytes(from.get(..count)?.to_vec())),
        8 => Some(Value::Texts(texts(from, count)?)),
        // The first is the one without translation.
        9 if count > 0 => Some(Value::Translated(texts(from, 1)?.remove(0))),
        _ => None,
    }
}

fn numbers(from: &[u8], count: usize, size: usize) -> Option<impl Iterator<Item = &[u8]>> {
    Some(from.get(..count.checked_mul(size)?)?.chunks_exact(size))
}

fn texts(mut from: &[u8], count: usize) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    for _ in 0..count {
        let end = from.iter().position(|byte| *byte == 0)?;
        texts.push(String::from_utf8_lossy(&from[..end]).into_owned());
        from = &from[end + 1..];
    }
    Some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tags;

    fn header() -> Header {
        let mut header = Header::default();
        header.text(tags::NAME, "demo");
        header.set(tags::FILE_MODES, Value::Int16(vec![0o100_644, 0o40_755]));
        header.number(tags::SIZE, 70_000);
        header.set(tags::BASE_NAMES, Value::Texts(vec!["a".into(), "bc".into()]));
        header.set(tags::SUMMARY, Value::Translated("A demo".into()));
        header.set(tags::SIG_SHA1, Value::Bytes(vec![1, 2, 3]));
        header
    }

    #[test]
    fn what_was_written_is_read() {
        let mut bytes = header().bytes(tags::HEADER_IMMUTABLE);
        let length = bytes.len();
        bytes.extend(b"behind it");
        let (read, size) = Header::parse(&bytes).unwrap();
        assert_eq!(size, length);
        assert_eq!(read.first_text(tags::NAME), "demo");
        assert_eq!(read.texts(tags::BASE_NAMES), ["a", "bc"]);
        assert_eq!(read.first_text(tags::SUMMARY), "A demo");
        assert_eq!(read.numbers(tags::FILE_MODES), [0o100_644, 0o40_755]);
        assert_eq!(read.numbers(tags::SIZE), [70_000]);
        assert_eq!((read.first_text(tags::URL), read.numbers(tags::EPOCH)), ("", vec![]));
    }

    #[test]
    fn damaged_headers_are_errors_and_never_more() {
        let bytes = header().bytes(tags::HEADER_IMMUTABLE);
        for end in 0..bytes.len() {
            assert!(Header::parse(&bytes[..end]).is_none(), "cut at {end}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0xff;
            let _ = Header::parse(&changed);
        }
    }
}
