//! Names that are not UTF-8, as the interface has them in texts: a byte that does not belong to
//! UTF-8 is the character U+EF00 plus the byte.

use std::borrow::Cow;

/// The first of the private-use characters that stand for bytes: the byte is added to it.
const FIRST: u32 = 0xEF00;

/// The byte that a character stands for. ASCII bytes never need one.
fn byte(character: char) -> Option<u8> {
    let byte = u8::try_from(u32::from(character).checked_sub(FIRST)?).ok()?;
    (!byte.is_ascii()).then_some(byte)
}

/// The bytes of a name, a path or a link's text: for a file that contains the name.
pub fn to_bytes(text: &str) -> Cow<'_, [u8]> {
    if !text.contains(|character| byte(character).is_some()) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match byte(character) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

/// The text of a name that a file contains.
pub fn from_bytes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let escaped = |byte: &u8| char::from_u32(FIRST + u32::from(*byte)).unwrap_or(char::REPLACEMENT_CHARACTER);
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match byte(character) {
                Some(_) => text.extend(character.encode_utf8(&mut [0; 4]).as_bytes().iter().map(escaped)),
                None => text.push(character),
            }
        }
        text.extend(chunk.invalid().iter().map(escaped));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_comes_back() {
        let names: [&[u8]; 4] = [b"plain", "Übung".as_bytes(), b"caf\xe9.c", "\u{EFE9}".as_bytes()];
        for name in names {
            assert_eq!(*to_bytes(&from_bytes(name)), *name);
        }
        assert_eq!(from_bytes(b"caf\xe9.c"), "caf\u{EFE9}.c");
        assert_eq!(from_bytes("Übung".as_bytes()), "Übung");
    }
}
