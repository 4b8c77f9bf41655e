//! Paths as text that leads back to the same path, whatever bytes its names have.
//!
//! A name is mostly UTF-8, and its text is the name. Every other byte is one character: U+EF00
//! plus the byte, which is in a range for private use. So that no two names have one text, the
//! bytes of those characters themselves are written in the same way.

use std::borrow::Cow;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The number that a byte is added to.
const FIRST: u32 = 0xEF00;

/// The byte that a character stands for. ASCII bytes never need one.
fn byte(character: char) -> Option<u8> {
    let byte = u8::try_from(u32::from(character).checked_sub(FIRST)?).ok()?;
    (!byte.is_ascii()).then_some(byte)
}

/// A path as text.
pub fn path_text(path: &Path) -> Cow<'_, str> {
    let bytes = path.as_os_str().as_bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(|character| byte(character).is_some()) => Cow::Borrowed(text),
        _ => Cow::Owned(escaped(bytes)),
    }
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let escape = |byte: &u8| char::from_u32(FIRST + u32::from(*byte)).unwrap_or(char::REPLACEMENT_CHARACTER);
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match byte(character) {
                Some(_) => text.extend(character.encode_utf8(&mut [0; 4]).as_bytes().iter().map(escape)),
                None => text.push(character),
            }
        }
        text.extend(chunk.invalid().iter().map(escape));
    }
    text
}

/// The path that a text stands for.
pub fn text_path(text: &str) -> PathBuf {
    if !text.contains(|character| byte(character).is_some()) {
        return PathBuf::from(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match byte(character) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(bytes: &[u8]) -> PathBuf {
        PathBuf::from(OsString::from_vec(bytes.to_vec()))
    }

    #[test]
    fn a_name_of_utf8_is_its_own_text() {
        for name in ["", "a/b", "Übung", "\u{E000}"] {
            assert!(matches!(path_text(Path::new(name)), Cow::Borrowed(text) if text == name), "{name}");
            assert_eq!(text_path(name), Path::new(name));
        }
    }

    #[test]
    fn other_bytes_are_characters_for_private_use() {
        assert_eq!(path_text(&path(b"caf\xe9.c")), "caf\u{EFE9}.c");
        assert_eq!(path_text(Path::new("\u{EFE9}")), "\u{EFEE}\u{EFBF}\u{EFA9}");
    }

    #[test]
    fn no_text_adds_a_separator_a_dot_or_an_end() {
        for code in 0xEF00..0xEF80_u32 {
            let text = char::from_u32(code).unwrap().to_string();
            assert_eq!(text_path(&text), Path::new(&text));
        }
    }

    proptest! {
        #[test]
        fn every_path_comes_back(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0xEE), Just(0xBE), Just(0xBF)], 0..24)) {
            prop_assert_eq!(text_path(&path_text(&path(&bytes))), path(&bytes));
        }
    }
}
