//! Programs that others find on a path, and the files that a compiler and its libraries consist of.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use object::elf::{DT_NEEDED, DT_RUNPATH, DynamicTag, FileHeader32, FileHeader64};
use object::endian::Endianness;
use object::read::elf::{Dyn, FileHeader};

use crate::inside::read_configuration_text;
use crate::resolve::resolve_in_root;

/// More libraries than any compiler needs.
const MOST: usize = 512;

/// Directories of libraries that ld.so(8) looks in without being told.
const LIBRARIES: [&str; 4] = ["/lib64", "/usr/lib64", "/lib", "/usr/lib"];

/// Where the settings of ld.so(8) are.
const LOADER: &str = "/etc/ld.so.conf";

/// All programs of a name on a path, links resolved below `root`, each once: one may be a wrapper that
/// looks for the next.
pub fn programs_on_path(root: &Path, path: &str, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in std::env::split_paths(path).filter(|directory| directory.is_absolute()) {
        let Ok(real) = resolve_in_root(root, &directory.join(name)) else { continue };
        let runs = real.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
        if runs && !found.contains(&real) {
            found.push(real);
        }
    }
    found
}

/// The files that a compiler's driver starts, where they are installed beside it: gcc's compilers
/// proper and its plugins.
///
/// Source: gcc's `gcc.c` (`standard_libexec_prefix`): `PREFIX/{lib,libexec}/gcc/MACHINE/VERSION`.
pub fn compilers_of_driver(driver: &Path) -> Vec<PathBuf> {
    let Some(prefix) = driver.parent().and_then(Path::parent) else { return Vec::new() };
    let mut found = Vec::new();
    for below in ["lib", "libexec", "lib64"] {
        for machine in directories(&prefix.join(below).join("gcc")) {
            for version in directories(&machine) {
                let parts = ["cc1", "collect2", "lto1", "lto-wrapper"].map(|name| version.join(name));
                found.extend(parts.into_iter().filter_map(|part| part.canonicalize().ok()));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

fn directories(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.is_dir()).collect()
}

/// The shared libraries that some programs are loaded with, and those that these need, links
/// resolved below `root`.
///
/// Source: ld.so(8).
pub fn libraries(root: &Path, programs: &[PathBuf]) -> Vec<PathBuf> {
    let usual = library_directories(root);
    let mut todo = programs.to_vec();
    let mut found = BTreeSet::new();
    while let Some(file) = todo.pop() {
        let Needs { libraries, own } = needs(&file).unwrap_or_default();
        for name in libraries {
            let places = own.iter().chain(&usual).map(|directory| directory.join(&name));
            let inside = |path: PathBuf| path.strip_prefix(root).map(|path| Path::new("/").join(path)).unwrap_or(path);
            let Some(real) =
                places.filter_map(|path| resolve_in_root(root, &inside(path)).ok()).find(|path| path.is_file())
            else {
                continue;
            };
            if found.len() < MOST && found.insert(real.clone()) {
                todo.push(real);
            }
        }
    }
    found.into_iter().collect()
}

/// Where libraries are, by the settings of ld.so(8).
fn library_directories(root: &Path) -> Vec<PathBuf> {
    let below = |path: &Path| root.join(path.strip_prefix("/").unwrap_or(path));
    let mut files = vec![below(Path::new(LOADER))];
    let mut more: Vec<_> = std::fs::read_dir(below(Path::new(&format!("{LOADER}.d"))))
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .collect();
    more.sort();
    files.extend(more);
    let texts: Vec<String> = files.iter().filter_map(|file| read_configuration_text(file).ok()).collect();
    let named = texts.iter().flat_map(|text| text.lines()).map(str::trim).filter(|line| line.starts_with('/'));
    named.chain(LIBRARIES).map(|directory| below(Path::new(directory))).collect()
}

/// The libraries that a file needs, and the directories that it names for them.
#[derive(Debug, Default)]
struct Needs {
    libraries: Vec<String>,
    /// Directories of its own, where the loader looks first.
    own: Vec<PathBuf>,
}

fn needs(file: &Path) -> Option<Needs> {
    let bytes = crate::inside::read_file(file).ok()?;
    let (tags, own) = match bytes.get(4)? {
        1 => tags::<FileHeader32<Endianness>>(&bytes)?,
        _ => tags::<FileHeader64<Endianness>>(&bytes)?,
    };
    let beside = file.parent()?.to_string_lossy().into_owned();
    let own = own.iter().flat_map(|paths| paths.split(':'));
    let own = own.map(|path| PathBuf::from(path.replace("$ORIGIN", &beside).replace("${ORIGIN}", &beside)));
    Some(Needs { libraries: tags, own: own.collect() })
}

/// The names of libraries that are needed, and lists of directories.
fn tags<H: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Option<(Vec<String>, Vec<String>)> {
    let header = H::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, bytes).ok()?;
    let (entries, index) = sections.dynamic(endian, bytes).ok()??;
    let strings = sections.strings(endian, bytes, index).ok()?;
    let text = |wanted: DynamicTag| -> Vec<String> {
        let of_kind = entries.iter().filter(|entry| entry.tag(endian) == wanted);
        let texts = of_kind.filter_map(|entry| entry.string(endian, strings).ok());
        texts.map(|text| String::from_utf8_lossy(text).into_owned()).collect()
    };
    Some((text(DT_NEEDED), text(DT_RUNPATH)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(paths: &[PathBuf]) -> Vec<String> {
        paths.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_linker_consists_of_its_libraries_too() {
        let root = Path::new("/");
        let linker = programs_on_path(root, "/nonexistent:/usr/bin:/bin", "ld");
        assert_eq!(linker.len(), 1, "{linker:?}: /bin is a link, or has the same file");
        let libraries = names(&libraries(root, &linker));
        for part in ["libbfd", "libc.so"] {
            assert!(libraries.iter().any(|name| name.starts_with(part)), "{part} is not among {libraries:?}");
        }
    }

    #[test]
    fn a_driver_is_less_than_the_compiler() {
        let driver = programs_on_path(Path::new("/"), "/usr/bin", "gcc");
        let parts: Vec<_> = driver.iter().flat_map(|driver| compilers_of_driver(driver)).collect();
        assert!(names(&parts).iter().any(|name| name == "cc1"), "{driver:?}: {parts:?}; apt-get install gcc");
    }

    #[test]
    fn every_program_of_a_name_is_found_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        for (name, mode) in [("one/cc", 0o755), ("two/cc", 0o755), ("three/cc", 0o644)] {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, name).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let path = "/two:/three:/one:/two:relative";
        let found = programs_on_path(dir.path(), path, "cc");
        let real = dir.path().canonicalize().unwrap();
        assert_eq!(found, [real.join("two/cc"), real.join("one/cc")]);
        assert!(libraries(Path::new("/"), &found).is_empty(), "they are no ELF files");
    }
}
