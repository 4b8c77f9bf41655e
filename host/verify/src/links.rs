//! The symbols that a module uses, and who exports each.
//!
//! Source: the kernel's `kernel/module/main.c`, `simplify_symbols` and
//! `find_symbol`: the kernel's own exports come first, then those of modules.

use modsmith_facts::kernel::{Elf, Export};
use object::elf::{EM_386, EM_X86_64, SHN_UNDEF, STB_WEAK};

use crate::fact::Unknown;
use crate::image::Image;
use crate::neighbours::{Neighbours, Provider};

/// A symbol that a module uses.
#[derive(Debug)]
pub struct Link<'c> {
    pub symbol: String,
    pub exporter: Exporter<'c>,
}

/// The exporter of a symbol.
#[derive(Debug)]
pub enum Exporter<'c> {
    Kernel(&'c Export),
    Module(Box<Provider>),
    /// No exporter; `is_weak` says whether the module can do without the symbol.
    Nobody {
        is_weak: bool,
    },
    Unknown(Unknown),
}

impl Exporter<'_> {
    /// The known facts about the symbol.
    pub fn export(&self) -> Option<&Export> {
        match self {
            Exporter::Kernel(export) => Some(export),
            Exporter::Module(provider) => Some(&provider.export),
            Exporter::Nobody { .. } | Exporter::Unknown(_) => None,
        }
    }
}

/// In the order of the module's symbol table, which is the loader's.
pub(crate) fn links<'c>(elf: &Elf<'_>, image: &'c Image, neighbours: &dyn Neighbours) -> Vec<Link<'c>> {
    let is_x86 = elf.machine == EM_386.0 || elf.machine == EM_X86_64.0;
    let is_used = |symbol: &&modsmith_facts::kernel::Symbol| {
        symbol.section == SHN_UNDEF.0 && !symbol.name.is_empty() && !(is_x86 && symbol.name == "_GLOBAL_OFFSET_TABLE_")
    };
    let link = |symbol: &modsmith_facts::kernel::Symbol| Link {
        symbol: symbol.name.clone(),
        exporter: exporter(&symbol.name, symbol.bind == STB_WEAK.0, image, neighbours),
    };
    elf.symbols.iter().filter(is_used).map(link).collect()
}

fn exporter<'c>(symbol: &str, is_weak: bool, image: &'c Image, neighbours: &dyn Neighbours) -> Exporter<'c> {
    let kernel = image.exports.get();
    if let Some(export) = kernel.as_ref().ok().and_then(|exports| exports.get(symbol)) {
        return Exporter::Kernel(export);
    }
    match (neighbours.provider(symbol), kernel) {
        // The kernel may export it, too, and would then be the one.
        (Ok(Some(_)) | Ok(None), Err(why)) => Exporter::Unknown(why),
        (Ok(Some(provider)), Ok(_)) => Exporter::Module(Box::new(provider)),
        (Ok(None), Ok(_)) => Exporter::Nobody { is_weak },
        (Err(why), _) => Exporter::Unknown(why),
    }
}
