//! The image for one kernel.

use std::collections::{BTreeMap, BTreeSet};

use depmod::{Added, Merge, OWN, TEXTS, Texts};
use modsmith_plugin::packaging::Files;
use modsmith_plugin::prelude::*;
use modsmith_plugin::system::source_date;

use crate::exit;
use crate::release::System;

/// Where the modules are, below the kernel's module directory: what depmod
/// prefers to the kernel's own on every distribution.
const DESTINATION: &str = "updates/dkms";

/// How many modules are named at most where some are missing.
const NAMED: usize = 5;

/// How module files are compressed, if they are.
const SUFFIXES: [&str; 4] = ["", ".xz", ".zst", ".gz"];

/// A package of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    pub name: String,
    pub version: String,
}

impl Package {
    /// Those of `--with`.
    pub fn others(options: &[Property]) -> Result<Vec<Self>> {
        let list = given(options, "with").unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty());
        list.map(|word| {
            Self::parse(word).ok_or_else(|| {
                refuse(exit::USAGE, format!("`{word}` is no package: a name and a version are expected."))
                    .hint("Give them as NAME/VERSION, such as `--with bbswitch/0.8`.")
            })
        })
        .collect()
    }

    fn parse(text: &str) -> Option<Self> {
        let (name, version) = text.split_once('/')?;
        let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['/', '\0']);
        (plain(name) && plain(version)).then(|| Self { name: name.into(), version: version.into() })
    }
}

/// An image is named after its kernel alone.
pub fn check_kernels(kernels: &[Kernel]) -> Result<()> {
    let mut seen = BTreeSet::new();
    match kernels.iter().map(Kernel::release).find(|release| !seen.insert(release.clone())) {
        None => Ok(()),
        Some(release) => Err(refuse(exit::USAGE, format!("Kernel {release} is given with several architectures."))
            .hint("Make the images one after the other, in trees of their own.")),
    }
}

/// The bytes of the image of this name.
pub fn make(name: &str, packages: &[Package], kernel: &Kernel, system: &System, plan: &mut Plan) -> Result<Vec<u8>> {
    let release = kernel.release();
    let mut files = Files::new();
    let mut added = Vec::new();
    for package in packages {
        add_modules(package, kernel, &mut files, &mut added)?;
    }
    for (file, contents) in merged(&release, added, plan)? {
        files.add(format!("usr/lib/modules/{release}/modules.{file}"), contents, 0o644);
    }
    let text = system.text(&kernel.machine());
    files.add(format!("usr/lib/extension-release.d/extension-release.{name}"), text, 0o644);
    squashfs::image(&files, source_date()).map_err(|why| other(format!("{name}.raw cannot be made: {why}.")))
}

fn add_modules(package: &Package, kernel: &Kernel, files: &mut Files, added: &mut Vec<Added>) -> Result<()> {
    let (release, arch) = (kernel.release(), kernel.arch());
    let Package { name, version } = package;
    let built = Path::tree(format!("{name}/{version}/{release}/{arch}")).join("module");
    let modules: Vec<String> =
        built.entries()?.into_iter().map(|entry| entry.name).filter(|name| is_module(name)).collect();
    if modules.is_empty() {
        return Err(refuse(exit::NOT_BUILT, format!("{name}/{version} is not built for kernel {release} ({arch})."))
            .hint(format!("Build it first: `dkms build {name}/{version} -k {release}/{arch}`.")));
    }
    for file in modules {
        let at = built.join(&file);
        let path = format!("{DESTINATION}/{file}");
        if let Some(twin) = added.iter().find(|added| depmod::name(&added.path) == depmod::name(&path)) {
            return Err(refuse(exit::USAGE, format!("{name}/{version} has a module of the name of {}.", twin.path))
                .hint("Make an image of each package, for systems that need only one of them."));
        }
        files.add(format!("usr/lib/modules/{release}/{path}"), at.read()?.unwrap_or_default(), 0o644);
        added.push(Added { path, module: module(&at)? });
    }
    Ok(())
}

fn is_module(file: &str) -> bool {
    SUFFIXES.iter().any(|suffix| file.strip_suffix(suffix).is_some_and(|plain| plain.ends_with(".ko")))
}

fn module(at: &Path) -> Result<depmod::Module> {
    let bytes = at.read_unpacked()?.unwrap_or_default();
    depmod::read(&bytes)
        .map_err(|why| invalid(format!("{} is no module: {why}.", at.absolute().unwrap_or(at.to_string()))))
}

/// The kernel's own index on this machine, with the modules that are added.
fn merged(release: &str, mut added: Vec<Added>, plan: &mut Plan) -> Result<Vec<(String, Vec<u8>)>> {
    let directory = Path::install_tree(release);
    let mut texts = Texts::new();
    for (kind, wanted) in TEXTS {
        match directory.join(&format!("modules.{kind}")).read_text()? {
            Some(text) => drop(texts.insert(kind, text)),
            None if wanted => return Err(no_index(release, &format!("modules.{kind}"))),
            None => {}
        }
    }
    let merge = Merge::new(texts);
    if merge.is_empty() {
        return Err(no_index(release, "what modules.dep should list"));
    }
    if !merge.foreign.is_empty() {
        let foreign = merge.foreign.join(", ");
        plan.note(format!("Left out of the index, since they did not come with kernel {release}: {foreign}."));
    }
    let order = directory.join("modules.order").read_text()?.unwrap_or_default();
    let listed: Vec<&str> = order.lines().filter(|path| path.starts_with(OWN)).collect();
    let ours: BTreeSet<String> = added.iter().map(|added| depmod::name(&added.path)).collect();
    let others: Vec<&str> = listed.iter().copied().filter(|path| !ours.contains(&depmod::name(path))).collect();
    let merge = if own_are_hidden(&directory, &others, &merge, plan)? {
        read_own(&directory, &others, &mut added)?
    } else {
        merge
    };
    // The file of a module may be compressed where the list does not know of it.
    let paths: Vec<(String, usize)> = SUFFIXES
        .iter()
        .flat_map(|suffix| listed.iter().zip(0..).map(move |(path, rank)| (format!("{path}{suffix}"), rank)))
        .collect();
    let rank: BTreeMap<&str, usize> = paths.iter().map(|(path, rank)| (path.as_str(), *rank)).collect();
    Ok(merge.finish(&added, &rank))
}

/// Whether modules of the kernel are not in the index since a package that is
/// installed here has some of the same names: the image is for systems without it.
fn own_are_hidden(directory: &Path, listed: &[&str], merge: &Merge, plan: &mut Plan) -> Result<bool> {
    let (mut absent, mut hidden) = (Vec::new(), false);
    for path in listed.iter().filter(|path| !merge.has(&depmod::name(path))) {
        match file_of(directory, path)? {
            Some(_) => hidden = true,
            None => absent.push(*path),
        }
    }
    if !absent.is_empty() {
        let more = absent.len().saturating_sub(NAMED);
        absent.truncate(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        plan.note(format!(
            "The kernel's own modules {}{more} are not installed here, and not in the index: where they are, modprobe does not find them while the image is merged.",
            absent.join(", ")
        ));
    }
    Ok(hidden)
}

/// Reads the kernel's own modules themselves, since the index is of others: what
/// each needs depends on all.
fn read_own(directory: &Path, listed: &[&str], added: &mut Vec<Added>) -> Result<Merge> {
    for path in listed {
        if let Some((file, path)) = file_of(directory, path)? {
            added.push(Added { path, module: module(&file)? });
        }
    }
    Ok(Merge::new(TEXTS.iter().filter(|(_, wanted)| *wanted).map(|(kind, _)| (*kind, String::new())).collect()))
}

/// The file of a module that modules.order lists, which it may do without
/// the file's compression; and its path below the module directory.
fn file_of(directory: &Path, path: &str) -> Result<Option<(Path, String)>> {
    for suffix in SUFFIXES {
        let path = format!("{path}{suffix}");
        let file = directory.join(&path);
        if file.exists()? {
            return Ok(Some((file, path)));
        }
    }
    Ok(None)
}

fn no_index(release: &str, missing: &str) -> Error {
    refuse(
        exit::NO_INDEX,
        format!(
            "The modules that kernel {release} came with are not here: {missing} is missing in its module directory."
        ),
    )
    .hint("The image's index hides the system's, so it has to hold all modules of the kernel.")
    .hint(format!(
        "Install the package that has the kernel's modules, not only its headers, and run `depmod {release}`."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_named_with_their_versions() {
        let others = |list: &str| Package::others(&[("with".to_owned(), list.to_owned())]);
        assert_eq!(others("").unwrap(), []);
        assert_eq!(others("a/1, b/2.0,").unwrap().len(), 2);
        for broken in ["a", "a/", "/1", "../..", "a/b/c", "a/.."] {
            assert_eq!(others(broken).unwrap_err().code, Some(exit::USAGE), "{broken}");
        }
    }

    #[test]
    fn modules_are_told_from_what_lies_beside_them() {
        assert!(["a.ko", "a.ko.xz", "a.ko.zst", "a.ko.gz"].iter().all(|file| is_module(file)));
        assert!(!["Module.symvers", "a.ko.txt", "a.kox"].iter().any(|file| is_module(file)));
    }
}
