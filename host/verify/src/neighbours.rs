//! Modules that export what another module uses.
//!
//! Source: depmod's index, modules.dep(5): `modules.symbols` names the module that
//! exports a symbol, `modules.dep` the file of each module.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use modsmith_facts::compression::LARGEST_MODULE;
use modsmith_facts::inside;
use modsmith_facts::kernel::{
    Elf, Export, Exports, IndexedModule, ModInfo, index_file, indexed_modules, module_exports, module_name, module_stem,
};

use crate::fact::Unknown;
use crate::licence::is_gpl_compatible;
use crate::module::{Module, kernel_name};

/// The most module files without an entry in the index that are read.
const MOST_UNLISTED: usize = 400;

/// A module that exports a symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// The module's name.
    pub module: String,
    pub export: Export,
    /// Whether the kernel takes the module for one with another licence than its own.
    pub is_proprietary: bool,
}

/// The other modules in a kernel's module directory.
pub trait Neighbours {
    /// The module that exports a symbol. `None`: no module exports it; that is certain.
    ///
    /// # Errors
    /// The index cannot be read.
    fn provider(&self, symbol: &str) -> Result<Option<Provider>, Unknown>;

    /// Names of the modules that are loaded before a module, because that module uses
    /// their symbols: of these, and of those that they need themselves.
    fn needed_by(&self, direct: &BTreeSet<String>) -> BTreeSet<String>;

    /// The file that modprobe loads for a module's name, below the module directory.
    ///
    /// # Errors
    /// The index cannot be read.
    fn indexed(&self, module: &str) -> Result<Option<PathBuf>, Unknown>;
}

/// The symbols that one module exports.
#[derive(Debug)]
struct Exporting {
    exports: Option<Exports>,
    is_proprietary: bool,
}

impl Exporting {
    fn of(content: &[u8]) -> Option<Self> {
        let elf = Elf::parse(content).ok()?;
        let info = elf.section_data(".modinfo").map(ModInfo::of_section).unwrap_or_default();
        let is_proprietary = !is_gpl_compatible(info.first("license"));
        Some(Self { exports: module_exports(&elf), is_proprietary })
    }
}

/// The modules that are installed for a kernel, and those that are about to be.
pub struct Installed {
    module_dir: PathBuf,
    /// Modules that come with the one that is checked, by name: they replace installed
    /// ones of the same name.
    companions: BTreeMap<String, Exporting>,
    index: OnceCell<Result<Index, Unknown>>,
    read: RefCell<HashMap<PathBuf, Option<Rc<Exporting>>>>,
}

/// depmod's index of a kernel.
#[derive(Debug, Default)]
struct Index {
    /// Symbol → modules.
    symbols: HashMap<String, Vec<String>>,
    /// Module → its file below the module directory, and the modules that it needs.
    files: HashMap<String, (PathBuf, Vec<String>)>,
    /// Symbol → modules, of files that depmod has not seen yet. Read when a symbol is
    /// not among the others.
    unlisted: OnceCell<Result<HashMap<String, Vec<PathBuf>>, Unknown>>,
}

impl Installed {
    /// Those in a kernel's module directory, with `companions` in the place of older
    /// ones.
    pub fn new<'m>(module_dir: &Path, companions: impl IntoIterator<Item = &'m Module>) -> Self {
        let exporting = |module: &Module| Some((module.name.clone(), Exporting::of(module.content())?));
        Self {
            module_dir: inside::real(module_dir),
            companions: companions.into_iter().filter_map(exporting).collect(),
            index: OnceCell::new(),
            read: RefCell::default(),
        }
    }

    fn index(&self) -> Result<&Index, Unknown> {
        self.index.get_or_init(|| Index::read(&self.module_dir)).as_ref().map_err(Clone::clone)
    }

    fn exporting(&self, file: &Path) -> Option<Rc<Exporting>> {
        if let Some(known) = self.read.borrow().get(file) {
            return known.clone();
        }
        let path = self.module_dir.join(file);
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let exporting = inside::read_within(&path, LARGEST_MODULE)
            .ok()
            .and_then(|bytes| Exporting::of(Module::new(&name, bytes).content()))
            .map(Rc::new);
        self.read.borrow_mut().insert(file.to_owned(), exporting.clone());
        exporting
    }

    /// The symbol as the file of a module exports it.
    fn of_file(&self, module: &str, file: &Path, symbol: &str) -> Result<Option<Provider>, Unknown> {
        let unreadable = || Unknown::because(format!("{} cannot be read", self.module_dir.join(file).display()));
        let exporting = self.exporting(file).ok_or_else(unreadable)?;
        let exports = exporting.exports.as_ref().ok_or_else(unreadable)?;
        Ok(exports.get(symbol).map(|export| Provider {
            module: module.to_owned(),
            export: export.clone(),
            is_proprietary: exporting.is_proprietary,
        }))
    }
}

impl Neighbours for Installed {
    fn provider(&self, symbol: &str) -> Result<Option<Provider>, Unknown> {
        for (name, exporting) in &self.companions {
            let exports = exporting.exports.as_ref();
            let exports = exports.ok_or_else(|| Unknown::because(format!("the exports of {name} cannot be read")))?;
            if let Some(export) = exports.get(symbol) {
                let is_proprietary = exporting.is_proprietary;
                return Ok(Some(Provider { module: name.clone(), export: export.clone(), is_proprietary }));
            }
        }
        let index = self.index()?;
        for module in index.symbols.get(symbol).into_iter().flatten() {
            // A module that is about to be replaced exports nothing any more.
            if self.companions.contains_key(module) {
                continue;
            }
            let Some((file, _)) = index.files.get(module) else { continue };
            if let Some(provider) = self.of_file(module, file, symbol)? {
                return Ok(Some(provider));
            }
        }
        let unlisted = index.unlisted.get_or_init(|| self.unlisted(index)).as_ref().map_err(Clone::clone)?;
        for file in unlisted.get(symbol).into_iter().flatten() {
            if let Some(provider) = self.of_file(&module_name(file), file, symbol)? {
                return Ok(Some(provider));
            }
        }
        Ok(None)
    }

    fn needed_by(&self, direct: &BTreeSet<String>) -> BTreeSet<String> {
        let mut all = direct.clone();
        if let Ok(index) = self.index() {
            let needs = direct.iter().filter_map(|module| index.files.get(module));
            all.extend(needs.flat_map(|(_, needs)| needs.iter().cloned()));
        }
        all
    }

    fn indexed(&self, module: &str) -> Result<Option<PathBuf>, Unknown> {
        Ok(self.index()?.files.get(module).map(|(file, _)| file.clone()))
    }
}

impl Installed {
    /// The symbols that files export which depmod has not seen.
    fn unlisted(&self, index: &Index) -> Result<HashMap<String, Vec<PathBuf>>, Unknown> {
        let listed: BTreeSet<&Path> = index.files.values().map(|(file, _)| file.as_path()).collect();
        let mut symbols: HashMap<String, Vec<PathBuf>> = HashMap::new();
        let is_module = |entry: &walkdir::DirEntry| {
            !entry.file_type().is_dir() && entry.file_name().to_str().is_some_and(|name| module_stem(name).is_some())
        };
        let walk = walkdir::WalkDir::new(&self.module_dir).into_iter().filter_map(Result::ok).filter(is_module);
        let mut count = 0;
        for entry in walk {
            let Ok(file) = entry.path().strip_prefix(&self.module_dir) else { continue };
            if listed.contains(file) || self.companions.contains_key(&module_name(file)) {
                continue;
            }
            count += 1;
            if count > MOST_UNLISTED {
                return Err(Unknown::because("the module index is older than the modules: depmod has not been run"));
            }
            let exporting = self.exporting(file);
            for symbol in exporting.iter().filter_map(|exporting| exporting.exports.as_ref()).flat_map(HashMap::keys) {
                symbols.entry(symbol.clone()).or_default().push(file.to_owned());
            }
        }
        Ok(symbols)
    }
}

impl Index {
    fn read(module_dir: &Path) -> Result<Self, Unknown> {
        let unreadable = |error: std::io::Error| Unknown::because(error.to_string());
        let mut index = Index::default();
        for IndexedModule { name, file, needs } in indexed_modules(module_dir).map_err(unreadable)? {
            index.files.insert(name, (file, needs));
        }
        for line in index_file(module_dir, "modules.symbols").map_err(unreadable)?.lines() {
            let mut words = line.split_whitespace();
            let (Some("alias"), Some(symbol), Some(module)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            let Some(symbol) = symbol.strip_prefix("symbol:") else { continue };
            index.symbols.entry(symbol.to_owned()).or_default().push(kernel_name(module));
        }
        Ok(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        dir
    }

    #[test]
    fn the_index_says_which_file_is_loaded_and_what_it_needs() {
        let dir = directory(&[
            ("modules.dep", "kernel/a-b.ko.xz: kernel/c.ko kernel/d.ko\nkernel/c.ko:\n"),
            ("modules.symbols", "# comment\nalias symbol:f c\nalias pci:x a_b\n"),
        ]);
        let installed = Installed::new(dir.path(), []);
        assert_eq!(installed.indexed("a_b"), Ok(Some("kernel/a-b.ko.xz".into())));
        assert_eq!(installed.indexed("other"), Ok(None));
        let needed = installed.needed_by(&BTreeSet::from(["a_b".to_owned()]));
        assert_eq!(needed, ["a_b", "c", "d"].map(String::from).into());
        assert_eq!(installed.provider("nothing"), Ok(None));
        assert!(installed.provider("f").is_err(), "the file that exports it is not there");
    }

    #[test]
    fn without_an_index_nothing_is_known() {
        let dir = directory(&[("modules.dep", "")]);
        let why = Installed::new(dir.path(), []).provider("f").unwrap_err();
        assert!(why.0.contains("modules.symbols cannot be read"), "{why:?}");
    }

    #[test]
    fn many_files_that_depmod_has_not_seen_are_not_read() {
        let dir = directory(&[("modules.dep", ""), ("modules.symbols", "")]);
        for number in 0..=MOST_UNLISTED {
            std::fs::write(dir.path().join(format!("m{number}.ko")), "").unwrap();
        }
        let why = Installed::new(dir.path(), []).provider("f").unwrap_err();
        assert!(why.0.contains("depmod has not been run"), "{why:?}");
    }
}
