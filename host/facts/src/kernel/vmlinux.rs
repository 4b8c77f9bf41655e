//! A kernel's own ELF file: its facts about the modules that the kernel loads.
//!
//! Source: the kernel's `include/linux/vermagic.h`, `include/linux/export-internal.h`,
//! `include/asm-generic/vmlinux.lds.h`, `init/version-timestamp.c`, `kernel/configs.c`.

use std::io::Read;

use memchr::memmem;
use object::Object;
use serde::{Deserialize, Serialize};

use super::btf;
use super::certificates::builtin_certificates;
use super::elf::{LONGEST_NAME, section_of};
use super::export::{Export, Exports, GPL_ONLY, LONGEST_NAMESPACE, TEXTS_LIMIT};

/// The largest configuration inside of a kernel, in bytes.
const CONFIG_LIMIT: u64 = 1 << 22;

/// The memory that an export takes beside its texts, in bytes.
const EXPORT_COST: usize = 96;

/// The most places that are looked at for one string: kernels have some dozens of them.
const MOST_PLACES: usize = 1 << 14;

/// Facts of a kernel image. `None` is what the image does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vmlinux {
    /// As `uname -r` prints.
    pub release: Option<String>,
    /// What modules' `vermagic` is compared with, with the blank at its end.
    pub vermagic: Option<String>,
    /// `EM_*`
    pub machine: u16,
    pub is_64: bool,
    /// `sizeof(struct module)`, in bytes.
    pub struct_size: Option<u64>,
    pub exports: Option<Exports>,
    /// Whether exports have flags in a table (Linux 7.1 and newer).
    pub has_flag_table: bool,
    /// The text of the configuration, where the kernel has it in itself
    /// (CONFIG_IKCONFIG).
    pub config: Option<String>,
    /// The certificates that are part of the kernel, in DER form.
    pub certificates: Option<Vec<Vec<u8>>>,
}

impl Vmlinux {
    /// Reads a kernel that has been unpacked.
    ///
    /// # Errors
    /// A file that is not ELF, in words.
    pub fn parse(kernel: &[u8]) -> Result<Self, String> {
        let file = object::File::parse(kernel).map_err(|error| error.to_string())?;
        let release = release(kernel);
        let has_flag_table = section(kernel, "__kflagstab").is_some();
        Ok(Self {
            vermagic: release.as_deref().and_then(|release| vermagic(kernel, release)),
            machine: machine(kernel),
            is_64: file.is_64(),
            struct_size: section(kernel, ".BTF").and_then(|(_, data)| btf::struct_size(data, "module")),
            exports: exports(kernel, has_flag_table, release.as_deref()),
            has_flag_table,
            config: config(kernel),
            certificates: builtin_certificates(kernel),
            release,
        })
    }
}

fn machine(kernel: &[u8]) -> u16 {
    kernel.get(18..20).and_then(|bytes| bytes.first_chunk()).copied().map_or(0, u16::from_le_bytes)
}

/// Address and contents of a section.
fn section<'k>(kernel: &'k [u8], name: &str) -> Option<(u64, &'k [u8])> {
    section_of(kernel, name).ok().flatten()
}

/// `Linux version 6.1.0 (`, the kernel's banner.
fn release(kernel: &[u8]) -> Option<String> {
    const BEGIN: &[u8] = b"Linux version ";
    memmem::find_iter(kernel, BEGIN).take(MOST_PLACES).find_map(|at| {
        let rest = kernel.get(at + BEGIN.len()..)?;
        let rest = &rest[..rest.len().min(128)];
        let release = rest.split(|byte| *byte == b' ').next()?;
        let is_release = |byte: &u8| byte.is_ascii_graphic() && *byte != b'%';
        (release.len() < 65 && release.first()?.is_ascii_digit() && release.iter().all(is_release))
            .then(|| String::from_utf8_lossy(release).into_owned())
    })
}

/// The one string that begins with the release, goes on with words of a vermagic, and
/// ends with a blank.
fn vermagic(kernel: &[u8], release: &str) -> Option<String> {
    let begin = format!("{release} ");
    let mut found: Option<String> = None;
    for at in memmem::find_iter(kernel, begin.as_bytes()).take(MOST_PLACES) {
        // The kernel's compiler may place a string behind any other one.
        let Some(text) = kernel.get(at..).and_then(|rest| rest[..rest.len().min(512)].split(|byte| *byte == 0).next())
        else {
            continue;
        };
        let Ok(text) = std::str::from_utf8(text) else { continue };
        let mut words = text[begin.len()..].split(' ');
        let is_word = |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-+".contains(&byte));
        let is_magic = text.ends_with(' ')
            && words.clone().all(is_word)
            && words.any(|word| ["SMP", "preempt", "preempt_rt", "mod_unload", "modversions"].contains(&word));
        match &found {
            _ if !is_magic => {}
            Some(known) if known != text => return None,
            _ => found = Some(text.to_owned()),
        }
    }
    found
}

/// `struct kernel_symbol` of kernels with relative references: three offsets from
/// where they are, to the value, the name and the namespace.
const ENTRY: usize = 12;

/// The tables of exports; `None` where they do not have the form that is known, or are larger than any kernel's.
fn exports(kernel: &[u8], has_flag_table: bool, release: Option<&str>) -> Option<Exports> {
    let (strings_address, strings) = section(kernel, "__ksymtab_strings")?;
    let flags = section(kernel, "__kflagstab").map(|(_, data)| data);
    let has_crcs = section(kernel, "__kcrctab").is_some() || section(kernel, "__kcrctab_gpl").is_some();
    if has_crcs && !has_plain_crcs(release?) {
        return None;
    }
    let name_at = |field: u64, entry: &[u8], offset: usize, longest: usize| {
        let relative = i32::from_le_bytes(*entry.get(offset..)?.first_chunk()?);
        let address = field.wrapping_add_signed(i64::from(relative));
        let at = usize::try_from(address.checked_sub(strings_address)?).ok()?;
        let rest = strings.get(at..)?;
        let end = memchr::memchr(0, &rest[..rest.len().min(longest)])?;
        std::str::from_utf8(&rest[..end]).ok()
    };
    let mut exports = Exports::new();
    let mut room = TEXTS_LIMIT;
    for (table, crcs, in_gpl_table) in [("__ksymtab", "__kcrctab", false), ("__ksymtab_gpl", "__kcrctab_gpl", true)] {
        let Some((address, symbols)) = section(kernel, table) else { continue };
        let crcs = section(kernel, crcs).map(|(_, data)| data);
        let count = symbols.len() / ENTRY;
        let is_complete = symbols.len() % ENTRY == 0
            && crcs.is_none_or(|crcs| crcs.len() == count * 4)
            && (!has_flag_table || in_gpl_table || flags.is_some_and(|flags| flags.len() == count));
        if !is_complete {
            return None;
        }
        for (index, entry) in symbols.chunks_exact(ENTRY).enumerate() {
            let field = address.checked_add((index * ENTRY) as u64)?;
            let name = name_at(field.checked_add(4)?, entry, 4, LONGEST_NAME)?;
            let namespace = match entry.get(8..12)? {
                [0, 0, 0, 0] => "",
                _ => name_at(field.checked_add(8)?, entry, 8, LONGEST_NAMESPACE)?,
            };
            room = room.checked_sub(name.len() + namespace.len() + EXPORT_COST)?;
            let crc = match crcs {
                Some(crcs) => Some(u32::from_le_bytes(*crcs.get(index * 4..)?.first_chunk()?)),
                None => None,
            };
            let flag = flags.and_then(|flags| flags.get(index)).is_some_and(|flags| flags & GPL_ONLY != 0);
            let export = Export { crc, gpl_only: in_gpl_table || flag, namespace: namespace.to_owned() };
            exports.insert(name.to_owned(), export);
        }
    }
    (!exports.is_empty()).then_some(exports)
}

/// Whether the tables hold the versions themselves: before Linux 5.19 they could hold
/// references to them.
fn has_plain_crcs(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (5, 19)
}

/// The configuration between two marks, compressed with gzip.
fn config(kernel: &[u8]) -> Option<String> {
    let begin = memmem::find(kernel, b"IKCFG_ST")? + 8;
    let packed = kernel.get(begin..)?;
    let packed = &packed[..memmem::find(packed, b"IKCFG_ED")?];
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).take(CONFIG_LIMIT).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::elf::tests::elf_of;

    #[test]
    fn release_and_vermagic_are_found_among_other_strings() {
        let kernel = b"%s version %s\0Linux version %s\0\x01Linux version 6.1.0-9-x (a@b) #1\n\0\
                       6.1.0-9-x (a@b) #1 SMP\0tail6.1.0-9-x SMP preempt mod_unload modversions \0";
        let release = release(kernel).unwrap();
        assert_eq!(release, "6.1.0-9-x");
        assert_eq!(vermagic(kernel, &release).as_deref(), Some("6.1.0-9-x SMP preempt mod_unload modversions "));
        let two = [&kernel[..], b"6.1.0-9-x SMP mod_unload \0"].concat();
        assert_eq!(vermagic(&two, &release), None, "two that differ");
    }

    #[test]
    fn versions_are_in_the_tables_themselves_since_5_19() {
        for (release, plain) in
            [("5.10.0-9", false), ("5.18.3", false), ("5.19.0", true), ("6.1.0", true), ("x", false)]
        {
            assert_eq!(has_plain_crcs(release), plain, "{release}");
        }
    }

    /// A kernel with exports, each of whose names begins `step` bytes behind the one before. All have the first
    /// text as their namespace.
    fn exporting(count: usize, strings: &[u8], step: usize) -> Vec<u8> {
        // The strings are the first section, the table is behind them.
        let (strings_at, table_at) = (64, 64 + strings.len());
        let offset = |from: usize, to: usize| i32::try_from(to as i64 - from as i64).unwrap().to_le_bytes();
        let entry = |index: usize| {
            let at = table_at + index * ENTRY;
            [[0; 4], offset(at + 4, strings_at + index * step), offset(at + 8, strings_at)].concat()
        };
        let table: Vec<u8> = (0..count).flat_map(entry).collect();
        elf_of(2, &[("__ksymtab_strings", 1, strings), ("__ksymtab", 1, &table)])
    }

    #[test]
    fn exports_that_share_long_texts_do_not_take_memory_without_bounds() {
        let known = exports(&exporting(2, b"ab\0cd\0", 3), false, None).unwrap();
        let namespace = |name: &str| known.get(name).map(|export| export.namespace.as_str());
        assert_eq!((known.len(), namespace("ab"), namespace("cd")), (2, Some("ab"), Some("ab")));
        let strings = [vec![b'x'; LONGEST_NAMESPACE], vec![0]].concat();
        assert_eq!(exports(&exporting(1, &strings, 0), false, None), None, "a name is too long");
        let strings = [vec![b'x'; LONGEST_NAME - 1], vec![0]].concat();
        assert!(exports(&exporting(2, &strings, 0), false, None).is_some());
        let many = TEXTS_LIMIT / (LONGEST_NAME * 2) + 1;
        assert_eq!(exports(&exporting(many, &strings, 0), false, None), None, "all together are too long");
    }

    #[test]
    fn a_string_is_not_looked_for_at_more_places_than_kernels_have() {
        let kernel = [&b"6 ".repeat(MOST_PLACES)[..], b"6 SMP \0"].concat();
        assert_eq!(vermagic(&kernel, "6"), None);
        assert_eq!(vermagic(&kernel[2..], "6"), None, "it is not alone");
        assert_eq!(vermagic(b"6 SMP \0", "6").as_deref(), Some("6 SMP "));
    }

    #[test]
    fn a_file_that_is_no_kernel_is_an_error() {
        assert!(Vmlinux::parse(b"text").is_err());
    }
}
