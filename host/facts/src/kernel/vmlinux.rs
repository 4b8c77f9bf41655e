//! A kernel's own ELF file: its facts about the modules that the kernel loads.
//!
//! Source: the kernel's `include/linux/vermagic.h`, `include/linux/export-internal.h`,
//! `include/asm-generic/vmlinux.lds.h`, `init/version-timestamp.c`, `kernel/configs.c`.

use std::io::Read;

use memchr::memmem;
use object::{Object, ObjectSection};
use serde::{Deserialize, Serialize};

use super::btf;
use super::certificates::builtin_certificates;
use super::export::{Export, Exports, GPL_ONLY};

/// The largest configuration inside of a kernel, in bytes.
const CONFIG_LIMIT: u64 = 1 << 22;

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
    /// Those that are part of the kernel, in DER form.
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
        let has_flag_table = section(&file, "__kflagstab").is_some();
        Ok(Self {
            vermagic: release.as_deref().and_then(|release| vermagic(kernel, release)),
            machine: machine(kernel),
            is_64: file.is_64(),
            struct_size: section(&file, ".BTF").and_then(|(_, data)| btf::struct_size(data, "module")),
            exports: exports(&file, has_flag_table, release.as_deref()),
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
fn section<'d>(file: &object::File<'d>, name: &str) -> Option<(u64, &'d [u8])> {
    let section = file.section_by_name(name)?;
    Some((section.address(), section.data().ok()?))
}

/// `Linux version 6.1.0 (`, the kernel's banner.
fn release(kernel: &[u8]) -> Option<String> {
    const BEGIN: &[u8] = b"Linux version ";
    memmem::find_iter(kernel, BEGIN).find_map(|at| {
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
    for at in memmem::find_iter(kernel, begin.as_bytes()) {
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

/// The tables of exports; `None` where they do not have the form that is known.
fn exports(file: &object::File<'_>, has_flag_table: bool, release: Option<&str>) -> Option<Exports> {
    let (strings_address, strings) = section(file, "__ksymtab_strings")?;
    let flags = section(file, "__kflagstab").map(|(_, data)| data);
    let has_crcs = section(file, "__kcrctab").is_some() || section(file, "__kcrctab_gpl").is_some();
    if has_crcs && !has_plain_crcs(release?) {
        return None;
    }
    let name_at = |field: u64, entry: &[u8], offset: usize| {
        let relative = i32::from_le_bytes(*entry.get(offset..)?.first_chunk()?);
        let address = field.wrapping_add_signed(i64::from(relative));
        let at = usize::try_from(address.checked_sub(strings_address)?).ok()?;
        let rest = strings.get(at..)?;
        let end = memchr::memchr(0, rest)?;
        std::str::from_utf8(&rest[..end]).ok()
    };
    let mut exports = Exports::new();
    for (table, crcs, in_gpl_table) in [("__ksymtab", "__kcrctab", false), ("__ksymtab_gpl", "__kcrctab_gpl", true)] {
        let Some((address, symbols)) = section(file, table) else { continue };
        let crcs = section(file, crcs).map(|(_, data)| data);
        let count = symbols.len() / ENTRY;
        let is_complete = symbols.len() % ENTRY == 0
            && crcs.is_none_or(|crcs| crcs.len() == count * 4)
            && (!has_flag_table || in_gpl_table || flags.is_some_and(|flags| flags.len() == count));
        if !is_complete {
            return None;
        }
        for (index, entry) in symbols.chunks_exact(ENTRY).enumerate() {
            let field = address.checked_add((index * ENTRY) as u64)?;
            let name = name_at(field.checked_add(4)?, entry, 4)?;
            let namespace = match entry.get(8..12)? {
                [0, 0, 0, 0] => "",
                _ => name_at(field.checked_add(8)?, entry, 8)?,
            };
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

    #[test]
    fn a_file_that_is_no_kernel_is_an_error() {
        assert!(Vmlinux::parse(b"text").is_err());
    }
}
