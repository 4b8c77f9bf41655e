//! A rule, and the facts that it looks at.

use std::cell::OnceCell;

use modsmith_facts::kernel::{Elf, ElfFault, Exports, ModInfo, VersionTables, module_exports};

use crate::answer::Verdict;
use crate::fact::Unknown;
use crate::image::Image;
use crate::licence::is_gpl_compatible;
use crate::links::{Link, links};
use crate::module::Module;
use crate::neighbours::Neighbours;

/// The effect of a rule's *no* on a module that is about to be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// The module is not installed.
    Stops,
    /// The user is told.
    Tells,
}

/// One check of the kernel's loader.
#[derive(Debug)]
pub struct Rule {
    /// Its stable name.
    pub id: &'static str,
    /// The question, in a few words.
    pub title: &'static str,
    /// The function of the kernel that makes the check.
    pub source: &'static str,
    pub gate: Gate,
    pub check: fn(&Case<'_>) -> Result<Verdict, Unknown>,
}

/// A module that a kernel is to load, with what the rules read of it.
pub struct Case<'c> {
    pub module: &'c Module,
    pub image: &'c Image,
    pub neighbours: &'c dyn Neighbours,
    /// The module's ELF file, or why the loader would not read it.
    elf: Result<Elf<'c>, ElfFault>,
    pub info: ModInfo,
    pub versions: VersionTables,
    /// The exports of the module; `None` if they cannot be determined.
    exports: Option<Exports>,
    links: OnceCell<Vec<Link<'c>>>,
}

impl<'c> Case<'c> {
    pub fn new(module: &'c Module, image: &'c Image, neighbours: &'c dyn Neighbours) -> Self {
        let elf = Elf::parse(module.content());
        let (mut info, mut versions, mut exports) = (ModInfo::default(), VersionTables::default(), None);
        if let Ok(elf) = &elf {
            info = elf.section_data(".modinfo").map(ModInfo::of_section).unwrap_or_default();
            versions = VersionTables::of(elf);
            exports = module_exports(elf);
        }
        Self { module, image, neighbours, elf, info, versions, exports, links: OnceCell::new() }
    }

    /// The module's name as the kernel's messages have it.
    pub fn name(&self) -> &str {
        self.info.first("name").unwrap_or(&self.module.name)
    }

    /// The ELF file.
    ///
    /// # Errors
    /// The loader's refusal of the file.
    pub fn elf_or_fault(&self) -> &Result<Elf<'c>, ElfFault> {
        &self.elf
    }

    /// The ELF file, for rules that come after the check of it.
    pub fn elf(&self) -> Result<&Elf<'c>, Unknown> {
        self.elf.as_ref().map_err(|_| Unknown::because("the file cannot be read as a module"))
    }

    pub fn exports(&self) -> Result<&Exports, Unknown> {
        self.elf()?;
        self.exports
            .as_ref()
            .ok_or_else(|| Unknown::because("the module's local symbols are stripped: its exports cannot be read"))
    }

    /// Whether the kernel takes the module for one of another licence than its own.
    pub fn is_proprietary(&self) -> bool {
        !is_gpl_compatible(self.info.first("license"))
    }

    /// The symbols that the module uses, each with its exporter. Made once.
    pub fn links(&self) -> Result<&[Link<'c>], Unknown> {
        let elf = self.elf()?;
        Ok(self.links.get_or_init(|| links(elf, self.image, self.neighbours)))
    }
}
