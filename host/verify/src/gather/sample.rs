//! Some of a kernel's own modules: what they have in common is the kernel's.

use modsmith_facts::compression::LARGEST_MODULE;
use modsmith_facts::inside;
use modsmith_facts::kernel::{Elf, ModInfo, VersionTables, index_file};

use super::Places;
use crate::fact::Fact;
use crate::module::Module;

/// How many of the kernel's own modules are read.
const COUNT: usize = 3;

/// How many files are tried.
const TRIED: usize = 40;

/// The facts of one of the kernel's own modules.
#[derive(Debug)]
pub(super) struct Sample {
    /// The file, below the module directory.
    pub(super) file: String,
    pub(super) vermagic: Option<String>,
    pub(super) machine: u16,
    /// In bytes.
    pub(super) struct_size: Option<u64>,
    pub(super) versions: VersionTables,
}

impl Sample {
    /// The symbols that it needs, each with its version, by all of its tables.
    pub(super) fn versions(&self) -> impl Iterator<Item = &(String, u32)> {
        self.versions.extended.iter().chain(&self.versions.basic).flatten()
    }

    /// Some modules of those that the kernel's build made, as `modules.order` lists them. A module
    /// of another origin in such a place is left out: the kernel's build marks its own with
    /// `intree=Y`.
    pub(super) fn of_kernel(places: &Places) -> Vec<Sample> {
        let order = index_file(&places.module_dir, "modules.order").unwrap_or_default();
        let read = |line: &str| {
            let stem = line.trim().strip_suffix(".ko").or_else(|| line.trim().strip_suffix(".o"))?;
            let is_plain = !stem.starts_with('/') && !stem.split('/').any(|part| part == "..");
            is_plain.then(|| Sample::read(places, stem)).flatten()
        };
        order.lines().take(TRIED).filter_map(read).take(COUNT).collect()
    }

    fn read(places: &Places, stem: &str) -> Option<Sample> {
        let file = [".ko", ".ko.xz", ".ko.zst", ".ko.gz"]
            .iter()
            .map(|suffix| format!("{stem}{suffix}"))
            .find(|file| inside::is_file(&places.module_dir.join(file)))?;
        let bytes = inside::read_within(&places.module_dir.join(&file), LARGEST_MODULE).ok()?;
        let module = Module::new(&file, bytes);
        let elf = Elf::parse(module.content()).ok()?;
        let info = ModInfo::of_section(elf.section_data(".modinfo")?);
        let is_own = info.first("intree") == Some("Y");
        let vermagic = info.vermagic.filter(|magic| magic.starts_with(&format!("{} ", places.release)));
        (is_own && vermagic.is_some()).then(|| Sample {
            struct_size: elf.section(".gnu.linkonce.this_module").map(|section| section.size),
            versions: VersionTables::of(&elf),
            machine: elf.machine,
            vermagic,
            file,
        })
    }
}

/// The value that all samples have in common.
pub(super) fn agreed<T: PartialEq>(samples: &[Sample], name: &str, value: impl Fn(&Sample) -> Option<T>) -> Fact<T> {
    let Some((first, others)) = samples.split_first() else {
        return Fact::unknown("none of the kernel's own modules was found");
    };
    match value(first) {
        Some(known) if others.iter().all(|sample| value(sample).as_ref() == Some(&known)) => {
            Fact::known(known, first.file.as_str())
        }
        _ => Fact::unknown(format!("the kernel's own modules do not agree about {name}")),
    }
}
