//! The facts that a module file has about itself.

use std::collections::BTreeSet;

use modsmith_plugin::packaging::ModInfo;
use object::read::elf::{ElfFile, FileHeader};
use object::{Endianness, FileKind, Object, ObjectSection, ObjectSymbol, elf};

/// Where modpost puts `KEY=VALUE` texts, each with a 0 behind it.
const MODINFO: &str = ".modinfo";
/// Symbols that stand for exported ones: the entry in the table, and its version.
const EXPORTED: [&str; 2] = ["__ksymtab_", "__crc_"];

/// A module, as far as an index is concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Module {
    /// In the file's order, as everything here.
    pub aliases: Vec<String>,
    /// Values of `softdep`: `pre: a b post: c`.
    pub softdeps: Vec<String>,
    /// Values of `weakdep`.
    pub weakdeps: Vec<String>,
    /// Symbols that it has for other modules.
    pub exports: Vec<String>,
    /// Symbols that it wants from the kernel or other modules.
    pub needs: Vec<String>,
}

/// Reads a module file that is not compressed.
///
/// # Errors
/// A clause that says why it is no module.
pub fn read(file: &[u8]) -> Result<Module, String> {
    match FileKind::parse(file) {
        Ok(FileKind::Elf64) => read_elf::<elf::FileHeader64<Endianness>>(file),
        Ok(FileKind::Elf32) => read_elf::<elf::FileHeader32<Endianness>>(file),
        _ => Err("it is no ELF file".into()),
    }
}

fn read_elf<Elf: FileHeader>(file: &[u8]) -> Result<Module, String> {
    let damaged = |e: object::Error| format!("it is damaged: {e}");
    let file = ElfFile::<Elf>::parse(file).map_err(damaged)?;
    let info = file.section_by_name(MODINFO).ok_or("it has no .modinfo: it is no kernel module")?;
    let info = info.data().map_err(damaged)?;
    let info = ModInfo::parse(info);
    // One line of a text file each.
    let all = |name: &str| info.all(name).map(|value| value.replace(['\n', '\r'], " ")).collect();
    let mut module =
        Module { aliases: all("alias"), softdeps: all("softdep"), weakdeps: all("weakdep"), ..Module::default() };
    let mut exports = BTreeSet::new();
    for symbol in file.symbols() {
        let Ok(name) = symbol.name() else { continue };
        if symbol.is_undefined() && !name.is_empty() {
            module.needs.push(name.to_owned());
        } else if let Some(name) = EXPORTED.iter().find_map(|prefix| name.strip_prefix(prefix)) {
            exports.insert(name.to_owned());
        }
    }
    module.exports = exports.into_iter().collect();
    Ok(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_module_is_told_apart() {
        assert_eq!(read(b"#!/bin/sh\n").unwrap_err(), "it is no ELF file");
        assert!(
            read(b"\x7fELF\x02\x01\x01\0 a damaged module of no sense at all, long enough for a header")
                .unwrap_err()
                .contains("damaged")
        );
        // Any program is an ELF file without modinfo.
        let program = std::fs::read("/proc/self/exe").unwrap();
        assert!(read(&program).unwrap_err().contains("no kernel module"));
    }
}
