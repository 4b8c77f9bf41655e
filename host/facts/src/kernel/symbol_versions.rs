//! The versions of the symbols that a module file needs.
//!
//! Source: the kernel's `include/linux/module.h` (`struct modversion_info`) and
//! `scripts/mod/modpost.c`. The ELF section `__versions` has entries of 64
//! bytes: the version in a machine word, then the name, padded with zeros.
//! Newer kernels may have the sections `__version_ext_crcs`, 32 bits each, and
//! `__version_ext_names`, each ended by a zero, instead.

use std::io;
use std::path::Path;

use object::{Object, ObjectSection};

use super::elf::Elf;

/// Size of `struct modversion_info` on every machine.
const ENTRY: usize = 64;

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
        let section = |name: &str| file.section_by_name(name).map(|s| s.data()).transpose().map_err(broken);
        if let (Some(names), Some(crcs)) = (section("__version_ext_names")?, section("__version_ext_crcs")?) {
            let names = names.split(|byte| *byte == 0).map(text);
            return Ok(Self(names.zip(crcs.chunks_exact(4).map(|crc| word(crc, little))).collect()));
        }
        let word_size = if file.is_64() { 8 } else { 4 };
        let entries = section("__versions")?.unwrap_or_default().chunks_exact(ENTRY);
        let entry = |entry: &[u8]| {
            let (crc, name) = entry.split_at(word_size);
            let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
            (text(name), word(crc, little))
        };
        Ok(Self(entries.map(entry).collect()))
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
        let basic = elf.section_data("__versions").map(|data| data.chunks_exact(ENTRY).map(entry).collect());
        let (extended, is_broken) =
            match (elf.section_data("__version_ext_names"), elf.section_data("__version_ext_crcs")) {
                (None, None) => (None, false),
                (Some(names), Some(crcs)) => {
                    let count = crcs.len() / 4;
                    // Each name has its NUL.
                    let is_short = names.iter().filter(|byte| **byte == 0).take(count).count() < count;
                    let names = names.split(|byte| *byte == 0).map(text);
                    (Some(names.zip(crcs.chunks_exact(4).map(|crc| word(crc, little))).collect()), is_short)
                }
                _ => (None, true),
            };
        Self { basic, extended, is_broken }
    }
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// The low 32 bits of a machine word.
fn word(bytes: &[u8], little: bool) -> u32 {
    let fold = |value: u32, byte: &u8| value << 8 | u32::from(*byte);
    if little { bytes[..4].iter().rev().fold(0, fold) } else { bytes[bytes.len() - 4..].iter().fold(0, fold) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_the_low_half_of_a_word_of_either_order() {
        assert_eq!(word(&[0x3f, 0x32, 0x60, 0x90, 0, 0, 0, 0], true), 0x9060_323f);
        assert_eq!(word(&[0, 0, 0, 0, 0x90, 0x60, 0x32, 0x3f], false), 0x9060_323f);
        assert_eq!(word(&[0x3f, 0x32, 0x60, 0x90], true), 0x9060_323f);
    }

    #[test]
    fn a_file_that_is_no_module_is_an_error() {
        assert!(SymbolVersions::parse(b"text").is_err());
    }
}
