//! The versions of the symbols that a module file needs.
//!
//! Source: the kernel's `include/linux/module.h` (`struct modversion_info`) and
//! `scripts/mod/modpost.c`. The ELF section `__versions` has entries of 64
//! bytes: the version in a machine word, then the name, padded with zeros.
//! Newer kernels may have the sections `__version_ext_crcs`, 32 bits each, and
//! `__version_ext_names`, each ended by a zero, instead.

use std::io;
use std::path::Path;

use object::Object;

use super::elf::{Elf, section_of, text_at};

/// Size of `struct modversion_info` on every machine.
const ENTRY: usize = 64;

/// The most symbols with a version that are read: the largest modules need some thousand.
const MOST: usize = 1 << 17;

/// Names and versions, as in the file. Empty for a module without versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SymbolVersions(pub Vec<(String, u32)>);

impl SymbolVersions {
    /// Reads a module file, compressed or not.
    pub fn read(path: &Path) -> io::Result<Self> {
        Self::parse(&super::read_module(path)?)
    }

    /// Reads an uncompressed module.
    pub fn parse(elf: &[u8]) -> io::Result<Self> {
        let broken = |e: object::Error| io::Error::new(io::ErrorKind::InvalidData, format!("not a kernel module: {e}"));
        let file = object::File::parse(elf).map_err(broken)?;
        let little = file.is_little_endian();
        let section = |name: &str| section_of(elf, name).map(|found| found.map(|(_, data)| data)).map_err(broken);
        if let (Some(names), Some(crcs)) = (section("__version_ext_names")?, section("__version_ext_crcs")?) {
            let names = names.split(|byte| *byte == 0).map(text);
            return Ok(Self(names.zip(crcs.chunks_exact(4).map(|crc| word(crc, little))).take(MOST).collect()));
        }
        let word_size = if file.is_64() { 8 } else { 4 };
        let entries = section("__versions")?.unwrap_or_default().chunks_exact(ENTRY);
        let entry = |entry: &[u8]| {
            let (crc, name) = entry.split_at(word_size);
            let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
            (text(name), word(crc, little))
        };
        Ok(Self(entries.map(entry).take(MOST).collect()))
    }
}

/// The tables of versions that a module has, each as the loader reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionTables {
    /// `__versions`.
    pub basic: Option<Vec<(String, u32)>>,
    /// `__version_ext_names` with `__version_ext_crcs`: where there are some, the
    /// loader reads no others.
    pub extended: Option<Vec<(String, u32)>>,
    /// Whether there is one half of the extended table only, or fewer names than
    /// versions.
    pub is_broken: bool,
}

impl VersionTables {
    /// The tables of a module.
    pub fn of(elf: &Elf<'_>) -> Self {
        let little = elf.endian == object::Endianness::Little;
        let word_size = if elf.is_64 { 8 } else { 4 };
        let entry = |entry: &[u8]| {
            let (crc, name) = entry.split_at(word_size);
            (text(name.split(|byte| *byte == 0).next().unwrap_or_default()), word(crc, little))
        };
        let basic = elf.section_data("__versions").map(|data| data.chunks_exact(ENTRY).map(entry).take(MOST).collect());
        let (extended, is_broken) =
            match (elf.section_data("__version_ext_names"), elf.section_data("__version_ext_crcs")) {
                (None, None) => (None, false),
                (Some(names), Some(crcs)) => {
                    let count = crcs.len() / 4;
                    // Each name has its NUL.
                    let is_short = names.iter().filter(|byte| **byte == 0).take(count).count() < count;
                    let names = names.split(|byte| *byte == 0).map(text);
                    let versions = crcs.chunks_exact(4).map(|crc| word(crc, little));
                    (Some(names.zip(versions).take(MOST).collect()), is_short)
                }
                _ => (None, true),
            };
        Self { basic, extended, is_broken }
    }
}

fn text(name: &[u8]) -> String {
    text_at(name, 0)
}

/// The low 32 bits of a machine word.
fn word(bytes: &[u8], little: bool) -> u32 {
    let fold = |value: u32, byte: &u8| value << 8 | u32::from(*byte);
    if little { bytes[..4].iter().rev().fold(0, fold) } else { bytes[bytes.len() - 4..].iter().fold(0, fold) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::elf::tests::elf_of;

    #[test]
    fn versions_are_the_low_half_of_a_word_of_either_order() {
        assert_eq!(word(&[0x3f, 0x32, 0x60, 0x90, 0, 0, 0, 0], true), 0x9060_323f);
        assert_eq!(word(&[0, 0, 0, 0, 0x90, 0x60, 0x32, 0x3f], false), 0x9060_323f);
        assert_eq!(word(&[0x3f, 0x32, 0x60, 0x90], true), 0x9060_323f);
    }

    #[test]
    fn no_more_versions_are_read_than_real_modules_have() {
        let names = b"a\0".repeat(MOST + 7);
        let sections = [("__version_ext_names", 1, &names[..]), ("__version_ext_crcs", 1, &[7; 4].repeat(MOST + 7))];
        let module = elf_of(1, &sections);
        let read = SymbolVersions::parse(&module).unwrap().0;
        assert_eq!((read.len(), &read[0].0[..]), (MOST, "a"));
        let sections =
            [("", 2, &[0; 24][..]), (".strtab", 3, b"\0"), sections[0], sections[1], ("__versions", 1, &names)];
        let module = elf_of(1, &sections);
        let tables = VersionTables::of(&Elf::parse(&module).unwrap());
        assert_eq!(tables.extended.map(|table| table.len()), Some(MOST));
        assert_eq!(tables.basic.map(|table| table.len()), Some(names.len() / ENTRY));
        let long = [&[b'a'; 600_000][..], &[0]].concat();
        let module = elf_of(1, &[("__version_ext_names", 1, &long), ("__version_ext_crcs", 1, &[7; 4])]);
        assert_eq!(SymbolVersions::parse(&module).unwrap().0[0].0.len(), 640);
    }

    #[test]
    fn a_file_that_is_no_module_is_an_error() {
        assert!(SymbolVersions::parse(b"text").is_err());
    }
}
