//! Symbols that a kernel or a module exports: from `Module.symvers`, and from the
//! files of modules.
//!
//! Source: the kernel's `include/linux/export.h`, `include/linux/export-internal.h`
//! and `scripts/mod/modpost.c` (`read_dump`).

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::elf::{Elf, text_at, text_within};

/// The facts about an exported symbol, beside its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// The version of its type; `None` where the exporter has none.
    pub crc: Option<u32>,
    /// Whether modules of other licences than the kernel's cannot use it.
    pub gpl_only: bool,
    /// The namespace that its users import; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}

/// Exported symbols by name.
pub type Exports = HashMap<String, Export>;

/// One line of `Module.symvers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymversLine<'t> {
    pub symbol: &'t str,
    /// `vmlinux`, or the path of a module without its suffix.
    pub module: &'t str,
    pub export: Export,
}

/// The lines of a `Module.symvers` of Linux 5.6 or newer, where the namespace is the
/// fifth field; lines of other forms are left out.
pub fn symvers(text: &str) -> impl Iterator<Item = SymversLine<'_>> {
    text.lines().filter_map(|line| {
        let mut fields = line.split('\t');
        let crc = fields.next()?.strip_prefix("0x")?;
        let (symbol, module, kind) = (fields.next()?, fields.next()?, fields.next()?);
        let gpl_only = match kind {
            "EXPORT_SYMBOL" => false,
            "EXPORT_SYMBOL_GPL" => true,
            _ => return None,
        };
        let crc = u32::from_str_radix(crc, 16).ok()?;
        let namespace = fields.next().unwrap_or_default().to_owned();
        // Kernels without versions write zeros.
        Some(SymversLine { symbol, module, export: Export { crc: (crc != 0).then_some(crc), gpl_only, namespace } })
    })
}

/// The symbols that a module exports.
///
/// `None` if they cannot be determined: the module has tables of exports without the local symbols
/// that describe them, or these symbols differ from the strings, which a loader reads, or the strings
/// are larger than 64 MiB.
pub fn module_exports(elf: &Elf<'_>) -> Option<Exports> {
    let tables = ["__ksymtab", "__ksymtab_gpl"];
    let has_table = |name: &&str| elf.section(name).is_some_and(|section| section.size > 0);
    if !tables.iter().any(has_table) {
        return Some(Exports::new());
    }
    let mut exports = Exports::new();
    let (mut crcs, mut flags, mut namespaces) = (HashMap::new(), HashMap::new(), HashMap::new());
    let mut texts = HashMap::new();
    let mut room = TEXTS_LIMIT;
    for symbol in &elf.symbols {
        let section = elf.sections.get(usize::from(symbol.section));
        let offset = usize::try_from(symbol.value).unwrap_or(usize::MAX);
        if let Some(name) = symbol.name.strip_prefix("__ksymtab_") {
            let gpl_only = section.is_some_and(|section| {
                section.name.starts_with("__ksymtab_gpl") || section.name.starts_with("___ksymtab_gpl")
            });
            exports.insert(name.to_owned(), Export { gpl_only, ..Export::default() });
        } else if let Some(name) = symbol.name.strip_prefix("__crc_") {
            let crc = match section {
                // Old linkers' way: the symbol's value is the version.
                _ if symbol.section == object::elf::SHN_ABS.0 => u32::try_from(symbol.value & 0xffff_ffff).ok(),
                Some(section) => elf.u32_at(elf.data(section), offset),
                None => None,
            };
            crcs.insert(name, crc);
        } else if let (Some(name), Some(section)) = (symbol.name.strip_prefix("__flags_"), section) {
            flags.insert(name, elf.data(section).get(offset).copied());
        } else if let (Some(name), Some(section)) = (symbol.name.strip_prefix("__kstrtabns_"), section) {
            let namespace = text_within(elf.data(section), offset, LONGEST_NAMESPACE);
            room = room.checked_sub(namespace.len())?;
            namespaces.insert(name, namespace);
        } else if let (Some(name), Some(section)) = (symbol.name.strip_prefix("__kstrtab_"), section) {
            let text = text_at(elf.data(section), offset);
            room = room.checked_sub(text.len())?;
            texts.insert(name, text);
        }
    }
    let is_named = |name: &String| texts.get(name.as_str()).is_some_and(|text| text == name);
    if exports.is_empty() || !exports.keys().all(is_named) {
        return None;
    }
    for (name, export) in &mut exports {
        export.crc = crcs.get(name.as_str()).copied().flatten();
        export.gpl_only |= flags.get(name.as_str()).copied().flatten().is_some_and(|flags| flags & GPL_ONLY != 0);
        export.namespace = namespaces.remove(name.as_str()).unwrap_or_default();
    }
    Some(exports)
}

/// The longest namespace that is read, in bytes: it can be a list of modules.
pub(super) const LONGEST_NAMESPACE: usize = 4096;

/// The most bytes that the names and namespaces of all exports have together: any number of exports can share
/// one text.
pub(super) const TEXTS_LIMIT: usize = 64 << 20;

/// `KSYM_FLAG_GPL_ONLY` of Linux 7.1 and newer.
pub const GPL_ONLY: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_module_symvers_have_five_fields() {
        let text = "0x12345678\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n\
                    0x00000000\tusb_x\tdrivers/usb/storage/usb-storage\tEXPORT_SYMBOL_GPL\tUSB_STORAGE\n\
                    broken\nzz\ta\tb\tEXPORT_SYMBOL\t\n";
        let lines: Vec<_> = symvers(text).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!((lines[0].symbol, lines[0].module), ("printk", "vmlinux"));
        assert_eq!(lines[0].export, Export { crc: Some(0x1234_5678), ..Export::default() });
        let usb = Export { crc: None, gpl_only: true, namespace: "USB_STORAGE".into() };
        assert_eq!(lines[1].export, usb);
    }
}
