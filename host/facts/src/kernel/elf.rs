//! A module's ELF file, as the kernel's loader reads it: with the checks that the
//! loader makes, in its order, and with its words for what is wrong.
//!
//! Source: the kernel's `kernel/module/main.c`, `elf_validity_cache_copy` (6.4 and
//! newer) and `elf_validity_check` (before).

use object::Endianness;
use object::elf;
use object::read::elf::{FileHeader, SectionHeader, Sym};

/// The most sections and symbols that are read; the numbers of real modules are
/// smaller by orders of magnitude.
const MOST: usize = 1 << 20;

/// The longest name that is read, in bytes: `KSYM_NAME_LEN`, and room for a prefix such as `__ksymtab_`. A
/// hostile file can have a million names of hundreds of megabytes each.
pub(super) const LONGEST_NAME: usize = 640;

/// The most bytes that the names of all symbols have together: any number of symbols can share one text.
const NAMES_LIMIT: usize = 64 << 20;

/// The reason why no kernel loads a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct ElfFault {
    /// The line that the kernel writes to its log; `%s` of a name is left out. Names of symbols that are larger
    /// than 64 MiB have words of this program.
    pub words: String,
}

fn fault(words: impl Into<String>) -> ElfFault {
    ElfFault { words: words.into() }
}

/// A section's header, with the position of its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub name: String,
    /// `SHT_*`
    pub kind: u32,
    /// `SHF_*`
    pub flags: u64,
    /// In bytes, from the file's begin.
    pub offset: u64,
    /// In bytes.
    pub size: u64,
    pub link: u32,
    pub info: u32,
}

/// One entry of the symbol table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    pub name: String,
    /// `SHN_*`, or the index of a section.
    pub section: u16,
    /// `STB_*`
    pub bind: u8,
    pub value: u64,
}

/// A module's ELF file: its header, sections and symbols.
#[derive(Debug, Clone)]
pub struct Elf<'a> {
    bytes: &'a [u8],
    /// 64 bit; otherwise 32.
    pub is_64: bool,
    pub endian: Endianness,
    /// `EM_*`
    pub machine: u16,
    pub sections: Vec<Section>,
    /// Without the first one, which is empty.
    pub symbols: Vec<Symbol>,
}

impl<'a> Elf<'a> {
    /// Reads an uncompressed module.
    ///
    /// # Errors
    /// A file that the loader refuses on every machine, in the loader's words.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ElfFault> {
        if !bytes.starts_with(&elf::ELFMAG) {
            return Err(match bytes.len() {
                ..4 => fault(format!("Invalid ELF header len {}", bytes.len())),
                _ => fault("Invalid ELF header magic: != \u{7f}ELF".replace('\u{7f}', "\\177")),
            });
        }
        match bytes.get(4) {
            Some(1) => Self::read::<elf::FileHeader32<Endianness>>(bytes),
            _ => Self::read::<elf::FileHeader64<Endianness>>(bytes),
        }
    }

    fn read<H: FileHeader<Endian = Endianness>>(bytes: &'a [u8]) -> Result<Self, ElfFault> {
        let (header, _) = object::pod::from_bytes::<H>(bytes)
            .map_err(|()| fault(format!("Invalid ELF header len {}", bytes.len())))?;
        // Bytes in the other order: the machine's number is then another one's.
        let endian = header.endian().map_err(|_| fault("Invalid architecture in ELF header: 0"))?;
        let kind = header.e_type(endian).0;
        if kind != elf::ET_REL.0 {
            return Err(fault(format!("Invalid ELF header type: {kind} != {}", elf::ET_REL.0)));
        }
        let headers = section_headers::<H>(header, endian, bytes)?;
        let names = section_names::<H>(header, endian, bytes, headers)?;
        let sections: Vec<Section> = headers
            .iter()
            .map(|section| Section {
                name: text_at(names, section.sh_name(endian) as usize),
                kind: section.sh_type(endian).0,
                flags: section.sh_flags(endian).0,
                offset: section.sh_offset(endian).into(),
                size: section.sh_size(endian).into(),
                link: section.sh_link(endian),
                info: section.sh_info(endian),
            })
            .collect();
        let is_64 = header.is_type_64();
        let mut elf = Elf { bytes, is_64, endian, machine: header.e_machine(endian).0, sections, symbols: Vec::new() };
        elf.symbols = elf.read_symbols::<H>()?;
        Ok(elf)
    }

    fn read_symbols<H: FileHeader<Endian = Endianness>>(&self) -> Result<Vec<Symbol>, ElfFault> {
        let mut tables = self.sections.iter().skip(1).filter(|section| section.kind == elf::SHT_SYMTAB.0);
        let (Some(table), None) = (tables.next(), tables.next()) else {
            return Err(fault("module has no symbols (stripped?)"));
        };
        let strings = match self.sections.get(table.link as usize) {
            Some(strings) if table.link != 0 => self.data(strings),
            _ => {
                return Err(fault(format!(
                    "Invalid ELF sh_link!=SHN_UNDEF({0}) or (sh_link({0}) >= hdr->e_shnum({1})",
                    table.link,
                    self.sections.len()
                )));
            }
        };
        let data = self.data(table);
        let count = (data.len() / size_of::<H::Sym>()).min(MOST);
        let (symbols, _) = object::pod::slice_from_bytes::<H::Sym>(data, count)
            .map_err(|()| fault("module has no symbols (stripped?)"))?;
        let mut room = NAMES_LIMIT;
        let symbol = |symbol: &H::Sym| {
            let name = text_at(strings, symbol.st_name(self.endian) as usize);
            let too_large = || fault(format!("the names of its symbols have more than {} MiB", NAMES_LIMIT >> 20));
            room = room.checked_sub(name.len()).ok_or_else(too_large)?;
            let (section, bind) = (symbol.st_shndx(self.endian).0, symbol.st_bind().0);
            Ok(Symbol { name, section, bind, value: symbol.st_value(self.endian).into() })
        };
        symbols.iter().skip(1).map(symbol).collect()
    }

    /// The contents of a section; empty for one that occupies no space in the file.
    pub fn data(&self, section: &Section) -> &'a [u8] {
        if has_no_contents(section.kind) {
            return &[];
        }
        let range = || {
            let start = usize::try_from(section.offset).ok()?;
            Some(start..start.checked_add(usize::try_from(section.size).ok()?)?)
        };
        range().and_then(|range| self.bytes.get(range)).unwrap_or_default()
    }

    /// The first section of a name that is loaded: the loader sees no others. Source: `find_sec` in
    /// the kernel's `kernel/module/main.c`.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections_named(name).find(|section| section.flags & elf::SHF_ALLOC.0 != 0)
    }

    /// Every section of a name, loaded or not.
    pub fn sections_named(&self, name: &str) -> impl Iterator<Item = &Section> {
        self.sections.iter().skip(1).filter(move |section| section.name == name)
    }

    /// The contents of the first section of a name that is loaded.
    pub fn section_data(&self, name: &str) -> Option<&'a [u8]> {
        self.section(name).map(|section| self.data(section))
    }

    /// A number of 32 bits in the file's order of bytes.
    pub fn u32_at(&self, data: &[u8], offset: usize) -> Option<u32> {
        let bytes = data.get(offset..)?.first_chunk::<4>()?;
        Some(match self.endian {
            Endianness::Little => u32::from_le_bytes(*bytes),
            Endianness::Big => u32::from_be_bytes(*bytes),
        })
    }
}

/// Address and contents of the first section of a name in an ELF file of any kind. The name is compared where it
/// is: to search each section's name for its end takes time without bounds, since all can share one text.
///
/// # Errors
/// A file that is not ELF; a section that is not inside of the file.
pub(super) fn section_of<'a>(bytes: &'a [u8], name: &str) -> object::Result<Option<(u64, &'a [u8])>> {
    match bytes.get(4) {
        Some(1) => find_section::<elf::FileHeader32<Endianness>>(bytes, name),
        _ => find_section::<elf::FileHeader64<Endianness>>(bytes, name),
    }
}

fn find_section<'a, H: FileHeader<Endian = Endianness>>(
    bytes: &'a [u8],
    name: &str,
) -> object::Result<Option<(u64, &'a [u8])>> {
    let header = H::parse(bytes)?;
    let endian = header.endian()?;
    let sections = header.section_headers(endian, bytes)?;
    if sections.is_empty() {
        return Ok(None);
    }
    let names = sections.get(header.shstrndx(endian, bytes)? as usize);
    let names = names.map(|names| names.data(endian, bytes)).transpose()?.unwrap_or_default();
    let is_named = |section: &&H::SectionHeader| {
        let rest = names.get(section.sh_name(endian) as usize..).unwrap_or_default();
        rest.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&0))
    };
    let Some(section) = sections.iter().find(is_named) else { return Ok(None) };
    Ok(Some((section.sh_addr(endian).into(), section.data(endian, bytes)?)))
}

fn has_no_contents(kind: u32) -> bool {
    kind == elf::SHT_NULL.0 || kind == elf::SHT_NOBITS.0
}

fn section_headers<'a, H: FileHeader<Endian = Endianness>>(
    header: &H,
    endian: Endianness,
    bytes: &'a [u8],
) -> Result<&'a [H::SectionHeader], ElfFault> {
    if usize::from(header.e_shentsize(endian)) != size_of::<H::SectionHeader>() {
        return Err(fault("Invalid ELF section header size"));
    }
    let overflow = || fault("Invalid ELF section header overflow");
    let start = usize::try_from(header.e_shoff(endian).into()).map_err(|_| overflow())?;
    let count = usize::from(header.e_shnum(endian));
    let table = bytes.get(start..).filter(|rest| !rest.is_empty()).ok_or_else(overflow)?;
    let (headers, _) = object::pod::slice_from_bytes::<H::SectionHeader>(table, count).map_err(|()| overflow())?;
    let first = headers.first().ok_or_else(overflow)?;
    let (kind, size, address): (u32, u64, u64) =
        (first.sh_type(endian).0, first.sh_size(endian).into(), first.sh_addr(endian).into());
    if kind != elf::SHT_NULL.0 || size != 0 || address != 0 {
        return Err(fault(format!("ELF Spec violation: section 0 type({kind})!=SH_NULL or non-zero len or addr")));
    }
    for (index, section) in headers.iter().enumerate().skip(1) {
        let kind = section.sh_type(endian).0;
        if has_no_contents(kind) {
            continue;
        }
        let (offset, size): (u64, u64) = (section.sh_offset(endian).into(), section.sh_size(endian).into());
        if offset.checked_add(size).is_none_or(|end| end > bytes.len() as u64) {
            return Err(fault(format!("Invalid ELF section in module (section {index} type {kind})")));
        }
    }
    Ok(headers)
}

fn section_names<'a, H: FileHeader<Endian = Endianness>>(
    header: &H,
    endian: Endianness,
    bytes: &'a [u8],
    headers: &[H::SectionHeader],
) -> Result<&'a [u8], ElfFault> {
    let index = header.e_shstrndx(endian).0;
    let Some(section) = headers.get(usize::from(index)).filter(|_| index != 0) else {
        return Err(fault(format!(
            "Invalid ELF section name index: {index} || e_shstrndx ({index}) >= e_shnum ({})",
            headers.len()
        )));
    };
    let (offset, size): (u64, u64) = (section.sh_offset(endian).into(), section.sh_size(endian).into());
    let names = usize::try_from(offset)
        .ok()
        .and_then(|start| bytes.get(start..start.checked_add(usize::try_from(size).ok()?)?))
        .unwrap_or_default();
    match names.last() {
        None => return Err(fault("empty section name table")),
        Some(0) => {}
        Some(_) => return Err(fault("ELF Spec violation: section name table isn't null terminated")),
    }
    for (index, section) in headers.iter().enumerate() {
        let kind = section.sh_type(endian).0;
        if kind != elf::SHT_NULL.0 && section.sh_name(endian) as usize >= names.len() {
            return Err(fault(format!("Invalid ELF section name in module (section {index} type {kind})")));
        }
    }
    Ok(names)
}

/// The text that begins at an offset, up to its NUL; empty for an offset outside. A text that is longer than
/// [`LONGEST_NAME`] is cut off.
pub(super) fn text_at(strings: &[u8], offset: usize) -> String {
    text_within(strings, offset, LONGEST_NAME)
}

/// As [`text_at`], with another limit for the length of the text.
pub(super) fn text_within(strings: &[u8], offset: usize, longest: usize) -> String {
    let rest = strings.get(offset..).unwrap_or_default();
    let rest = &rest[..rest.len().min(longest)];
    let end = memchr::memchr(0, rest).unwrap_or(rest.len());
    String::from_utf8_lossy(&rest[..end]).into_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn what_is_no_module_is_refused_in_the_kernels_words() {
        let words = |bytes: &[u8]| Elf::parse(bytes).unwrap_err().words;
        assert_eq!(words(b""), "Invalid ELF header len 0");
        assert_eq!(words(b"#!/bin/sh"), "Invalid ELF header magic: != \\177ELF");
        let mut header = vec![0x7f, b'E', b'L', b'F', 2, 1, 1];
        assert_eq!(words(&header), "Invalid ELF header len 7");
        header.resize(64, 0);
        header[16] = 2;
        assert_eq!(words(&header), "Invalid ELF header type: 2 != 1");
        header[16] = 1;
        assert_eq!(words(&header), "Invalid ELF section header size");
        header[58] = 64;
        header[40..48].fill(0xff);
        header[60] = 1;
        assert_eq!(words(&header), "Invalid ELF section header overflow");
    }

    #[test]
    fn names_take_no_more_memory_than_names_can_have() {
        let strings = vec![b'x'; 1 << 20];
        assert_eq!(text_at(&strings, 7).len(), LONGEST_NAME);
        assert_eq!(text_at(b"ab\0c", 1), "b");
        assert_eq!(text_at(b"ab", usize::MAX), "");
    }

    /// An ELF file of 64 bits of a kind (`ET_*`) with sections of these names, kinds and contents, each at the
    /// address at which it is in the file. The second one holds the names of symbols.
    pub fn elf_of(kind: u16, sections: &[(&str, u32, &[u8])]) -> Vec<u8> {
        let mut names = vec![0];
        let mut headers = vec![0; 64];
        let mut file = vec![0; 64];
        file[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1]);
        let mut add = |name: &str, kind: u32, contents: Option<&[u8]>| {
            let at = (file.len() as u64).to_le_bytes();
            let name_at = u32::try_from(names.len()).unwrap().to_le_bytes();
            names.extend(name.bytes().chain([0]));
            file.extend(contents.unwrap_or(&names));
            let size = (contents.unwrap_or(&names).len() as u64).to_le_bytes();
            let rest = [&[2, 0, 0, 0][..], &[0; 20]].concat();
            headers.extend([&name_at[..], &kind.to_le_bytes(), &[2; 8], &at, &at, &size, &rest].concat());
        };
        sections.iter().for_each(|(name, kind, contents)| add(name, *kind, Some(contents)));
        add(".shstrtab", elf::SHT_STRTAB.0, None);
        let table = file.len() as u64;
        file[16..18].copy_from_slice(&kind.to_le_bytes());
        file[40..48].copy_from_slice(&table.to_le_bytes());
        file[58] = 64;
        file[60] = u8::try_from(sections.len() + 2).unwrap();
        file[62] = u8::try_from(sections.len() + 1).unwrap();
        file.extend(headers);
        file
    }

    /// A module whose symbols all have the text that begins at the second byte of `strings` as their name.
    fn module_of(symbols: usize, strings: &[u8]) -> Vec<u8> {
        let symbol = [&[1][..], &[0; 23]].concat().repeat(symbols + 1);
        elf_of(1, &[(".symtab", elf::SHT_SYMTAB.0, &symbol), (".strtab", elf::SHT_STRTAB.0, strings)])
    }

    #[test]
    fn symbols_that_share_one_long_name_do_not_take_memory_without_bounds() {
        let long = [&[0][..], &[b'x'; 500_000], &[0]].concat();
        let elf = module_of(20_000, &long);
        let elf = Elf::parse(&elf).unwrap();
        assert_eq!(elf.symbols.len(), 20_000);
        assert!(elf.symbols.iter().all(|symbol| symbol.name.len() == LONGEST_NAME));
        let words = Elf::parse(&module_of(NAMES_LIMIT / LONGEST_NAME + 1, &long)).unwrap_err().words;
        assert_eq!(words, "the names of its symbols have more than 64 MiB");
    }

    #[test]
    fn a_section_is_found_by_its_whole_name_and_without_a_search_for_ends() {
        let file = elf_of(2, &[("one.more", 1, b"a"), ("one", 1, b"bc")]);
        assert_eq!(section_of(&file, "one").unwrap(), Some((65, &b"bc"[..])));
        assert_eq!(section_of(&file, "on").unwrap(), None);
        assert_eq!(section_of(&file, "ne.more").unwrap(), None);
        assert!(section_of(b"text", "one").is_err());
        for length in 0..file.len() {
            assert!(!matches!(section_of(&file[..length], "one"), Ok(Some(_))), "{length}");
        }
    }

    #[test]
    fn no_file_makes_the_reader_fail_otherwise() {
        // A valid header whose fields lead everywhere.
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        for _ in 0..2000 {
            let mut bytes: Vec<u8> = (0..512).map(|_| next().to_le_bytes()[0]).collect();
            bytes[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', 1 + (next() % 2) as u8, 1, 1]);
            bytes[16..18].copy_from_slice(&[1, 0]);
            bytes[58..60].copy_from_slice(&[64, 0]);
            bytes[40..48].copy_from_slice(&(next() % 512).to_le_bytes());
            bytes[60..62].copy_from_slice(&[(next() % 6) as u8, 0]);
            if let Ok(elf) = Elf::parse(&bytes) {
                elf.sections.iter().for_each(|section| assert!(elf.data(section).len() <= bytes.len()));
            }
        }
    }
}
