//! Changes to the bytes of a module, one at a time.

use modsmith_facts::kernel::Elf;

/// Offsets in ELF's headers of 64 bits, little-endian. Source: elf(5).
const SECTION_TABLE: usize = 0x28;
const SECTION_HEADER: usize = 64;
const SYMBOL: usize = 24;

/// A module that is changed.
pub struct Patch(pub Vec<u8>);

impl Patch {
    /// A module without its signature: what is changed would not be what was signed.
    pub fn new(module: Vec<u8>) -> Patch {
        let content = match modsmith_facts::kernel::signature(&module) {
            Ok(Some(signature)) => signature.content.to_vec(),
            _ => module,
        };
        Patch(content)
    }

    fn elf(&self) -> Elf<'_> {
        Elf::parse(&self.0).expect("a module")
    }

    /// The index and the file offset of a section.
    fn section(&self, name: &str) -> (usize, usize) {
        let elf = self.elf();
        let index = elf.sections.iter().position(|section| section.name == name);
        let index = index.unwrap_or_else(|| panic!("no section {name}"));
        (index, usize::try_from(elf.sections[index].offset).expect("a small file"))
    }

    fn header(&self, index: usize) -> usize {
        let table = u64::from_le_bytes(*self.0[SECTION_TABLE..].first_chunk().expect("a header"));
        usize::try_from(table).expect("a small file") + index * SECTION_HEADER
    }

    /// Writes bytes at an offset of the file.
    pub fn write(mut self, offset: usize, bytes: &[u8]) -> Patch {
        self.0[offset..offset + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// Writes bytes at an offset of a section.
    pub fn write_in(self, section: &str, offset: usize, bytes: &[u8]) -> Patch {
        let start = self.section(section).1;
        self.write(start + offset, bytes)
    }

    /// Gives a section that is not loaded another name, and has it loaded.
    pub fn loaded_as(self, section: &str, name: &str) -> Patch {
        const ALLOC: u64 = 2;
        self.flags(section, ALLOC).rename_section(section, name)
    }

    /// Sets the flags of a section.
    pub fn flags(self, section: &str, flags: u64) -> Patch {
        let header = self.header(self.section(section).0);
        self.write(header + 8, &flags.to_le_bytes())
    }

    /// Sets the size of a section; its contents stay where they are.
    pub fn size(self, section: &str, size: u64) -> Patch {
        let header = self.header(self.section(section).0);
        self.write(header + 32, &size.to_le_bytes())
    }

    /// Makes no section a table of symbols.
    pub fn without_symbols(self) -> Patch {
        let header = self.header(self.section(".symtab").0);
        self.write(header + 4, &1_u32.to_le_bytes())
    }

    /// Gives a section other contents.
    pub fn contents(mut self, section: &str, contents: &[u8]) -> Patch {
        let header = self.header(self.section(section).0);
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        let offset = self.0.len() as u64;
        self.0.extend(contents);
        self.write(header + 24, &offset.to_le_bytes()).write(header + 32, &(contents.len() as u64).to_le_bytes())
    }

    /// The contents of a section.
    pub fn read(&self, section: &str) -> Vec<u8> {
        let elf = self.elf();
        let found = elf.sections_named(section).next().unwrap_or_else(|| panic!("no section {section}"));
        elf.data(found).to_vec()
    }

    /// Gives a section another name.
    pub fn rename_section(self, section: &str, name: &str) -> Patch {
        let mut names = self.read(".shstrtab");
        let at = u32::try_from(names.len()).expect("a small file");
        names.extend(name.bytes().chain([0]));
        let header = self.header(self.section(section).0);
        self.contents(".shstrtab", &names).write(header, &at.to_le_bytes())
    }

    /// The file offset of a symbol's entry.
    fn symbol(&self, name: &str) -> usize {
        let index = self.elf().symbols.iter().position(|symbol| symbol.name == name);
        let index = index.unwrap_or_else(|| panic!("no symbol {name}"));
        // The reader leaves out the first one.
        self.section(".symtab").1 + (index + 1) * SYMBOL
    }

    /// Gives a symbol another name.
    pub fn rename_symbol(self, symbol: &str, name: &str) -> Patch {
        let mut names = self.read(".strtab");
        let at = u32::try_from(names.len()).expect("a small file");
        names.extend(name.bytes().chain([0]));
        let entry = self.symbol(symbol);
        self.contents(".strtab", &names).write(entry, &at.to_le_bytes())
    }

    /// Gives an exported symbol another name, which is no longer than its own.
    pub fn rename_export(self, export: &str, name: &str) -> Patch {
        let elf = self.elf();
        let label = format!("__kstrtab_{export}");
        let label = elf.symbols.iter().find(|symbol| symbol.name == label).expect("the name of an export");
        let section = elf.sections[usize::from(label.section)].name.clone();
        let offset = usize::try_from(label.value).expect("a small file");
        assert!(name.len() <= export.len(), "{name} has no room");
        let text = [name.as_bytes(), &[0]].concat();
        self.write_in(&section, offset, &text)
            .rename_symbol(&format!("__ksymtab_{export}"), &format!("__ksymtab_{name}"))
            .rename_symbol(&format!("__kstrtab_{export}"), &format!("__kstrtab_{name}"))
    }

    /// Sets the section of a symbol.
    pub fn symbol_section(self, symbol: &str, section: u16) -> Patch {
        let entry = self.symbol(symbol);
        self.write(entry + 6, &section.to_le_bytes())
    }

    /// Replaces the fields of a name in `.modinfo`, or takes them away.
    pub fn modinfo(self, name: &str, value: Option<&str>) -> Patch {
        let old = self.read(".modinfo");
        let begin = format!("{name}=");
        let is_other = |field: &&[u8]| !field.is_empty() && !field.starts_with(begin.as_bytes());
        let mut fields: Vec<Vec<u8>> = old.split(|byte| *byte == 0).filter(is_other).map(<[u8]>::to_vec).collect();
        fields.extend(value.map(|value| format!("{begin}{value}").into_bytes()));
        let mut new = fields.join(&0);
        new.push(0);
        self.contents(".modinfo", &new)
    }

    /// Changes the version of a symbol in `__versions`.
    pub fn version(self, symbol: &str) -> Patch {
        let table = self.read("__versions");
        let is_it = |entry: &[u8]| entry[8..].starts_with(&[symbol.as_bytes(), &[0]].concat());
        let index = table.chunks_exact(64).position(is_it).unwrap_or_else(|| panic!("no version of {symbol}"));
        let changed = !table[index * 64];
        self.write_in("__versions", index * 64, &[changed])
    }
}
