//! The symbols that a module uses, and who exports each.
//!
//! Source: the kernel's `kernel/module/main.c`, `simplify_symbols` and
//! `find_symbol`: the kernel's own exports come first, then those of modules.

use std::collections::HashSet;

use modsmith_facts::kernel::{Elf, Export, Symbol};
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

/// In the order of the module's symbol table, which is the loader's. A symbol that the table has several times
/// comes once: each link holds a copy of what is known about the exporter.
pub(crate) fn links<'c>(elf: &Elf<'_>, image: &'c Image, neighbours: &dyn Neighbours) -> Vec<Link<'c>> {
    let link = |symbol: &Symbol| Link {
        symbol: symbol.name.clone(),
        exporter: exporter(&symbol.name, symbol.bind == STB_WEAK.0, image, neighbours),
    };
    used(elf.machine, &elf.symbols).map(link).collect()
}

/// The symbols that a module does not define, each once.
fn used(machine: u16, symbols: &[Symbol]) -> impl Iterator<Item = &Symbol> {
    let is_x86 = machine == EM_386.0 || machine == EM_X86_64.0;
    let is_used = move |symbol: &&Symbol| {
        symbol.section == SHN_UNDEF.0 && !symbol.name.is_empty() && !(is_x86 && symbol.name == "_GLOBAL_OFFSET_TABLE_")
    };
    let mut known = HashSet::new();
    symbols.iter().filter(is_used).filter(move |symbol| known.insert((symbol.name.as_str(), symbol.bind == STB_WEAK.0)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_that_is_named_many_times_is_used_once() {
        let symbol = |name: &str, section, bind| Symbol { name: name.into(), section, bind, value: 0 };
        let mut symbols = vec![symbol("f", 0, 1); 100_000];
        symbols.extend([symbol("own", 7, 1), symbol("", 0, 1), symbol("f", 0, STB_WEAK.0), symbol("g", 0, 1)]);
        symbols.extend(vec![symbol("_GLOBAL_OFFSET_TABLE_", 0, 1); 2]);
        let names = |machine| used(machine, &symbols).map(|symbol| symbol.name.as_str()).collect::<Vec<_>>();
        assert_eq!(names(EM_X86_64.0), ["f", "f", "g"]);
        assert_eq!(names(7), ["f", "f", "g", "_GLOBAL_OFFSET_TABLE_"]);
    }
}
