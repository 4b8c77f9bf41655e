//! The part of a system that a plugin saw, as a case has it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use modsmith_facts::System;
use modsmith_facts::kernel::Kernel;
use modsmith_plugins::Observation;

use super::redaction::Redaction;
use crate::error::{Error, Result};
use crate::folder::Folder;

/// How many links one path may have, as Linux has it (path_resolution(7)).
const LINKS: usize = 40;
/// Directories whose names may be links to others, such as `lib` to `usr/lib`.
const TOP: [&str; 5] = ["boot", "etc", "lib", "usr", "var"];

/// The entry at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Directory,
    /// The contents of the file do not matter.
    Empty,
    /// Nor do they, but its permission bits.
    Mode(u32),
    File {
        bytes: Vec<u8>,
        mode: u32,
    },
    Link(PathBuf),
}

impl Item {
    /// How much it says: of two about one path, the case has the one that says more.
    fn rank(&self) -> u8 {
        match self {
            Self::Directory | Self::Empty => 0,
            Self::Mode(_) => 1,
            Self::File { .. } | Self::Link(_) => 2,
        }
    }
}

/// The part of a system that a plugin has seen. Paths are relative to the system's root.
#[derive(Debug, Default)]
pub struct Scene {
    items: BTreeMap<PathBuf, Item>,
    programs: BTreeSet<PathBuf>,
    pub os: BTreeSet<String>,
    pub probes: BTreeMap<String, String>,
    pub config: BTreeMap<String, String>,
}

/// Files of a record, by path below the system's root.
#[derive(Debug)]
pub struct CaseFiles(BTreeMap<PathBuf, CaseFile>);

#[derive(Debug)]
struct CaseFile {
    /// The path in the system.
    original: PathBuf,
    /// A file or a link.
    item: Item,
}

impl CaseFiles {
    /// Writes the files below `root` in the folder of the case.
    ///
    /// # Errors
    /// `System` when they cannot be written, or something is there already.
    pub fn write(&self, case: &Folder) -> Result<()> {
        for (path, CaseFile { item, .. }) in &self.0 {
            let file = Path::new("root").join(path);
            let written = match item {
                Item::Link(target) => case.link(&file, target),
                Item::File { bytes, mode } => case.create(&file, bytes, *mode),
                Item::Mode(mode) => case.create(&file, &[], *mode),
                Item::Directory | Item::Empty => Ok(()),
            };
            written.map_err(|e| Error::io("write", &file, e))?;
        }
        Ok(())
    }
}

impl Scene {
    /// From what was observed in a call about a kernel.
    ///
    /// # Errors
    /// `System` when something that the plugin saw cannot be read any more.
    pub fn of(observations: Vec<Observation>, system: &System, kernel: &Kernel) -> Result<Self> {
        let mut scene = Self::default();
        let root = &system.root;
        for observation in observations {
            match observation {
                Observation::Contents { file, bytes } => {
                    let Some(path) = scene.follow(root, &file, true) else { continue };
                    let mode =
                        root.join(&path).symlink_metadata().map_or(0o644, |found| found.permissions().mode() & 0o777);
                    scene.add(path, Item::File { bytes, mode });
                }
                Observation::Mode { file, mode } => {
                    let Some(path) = scene.follow(root, &file, true) else { continue };
                    let found = root.join(&path).symlink_metadata();
                    let is_directory = found.is_ok_and(|found| found.is_dir());
                    let item = if is_directory { Item::Directory } else { Item::Mode(mode) };
                    scene.add(path, item);
                }
                Observation::Entry(path) => scene.add_entry(root, &path)?,
                Observation::OsRelease(key) => drop(scene.os.insert(key)),
                Observation::Program(path) => drop(scene.add_program(root, &path)),
                Observation::Probe { name, output } => drop(scene.probes.insert(name, output)),
                Observation::Config { symbol, value } => drop(scene.config.insert(symbol, value)),
                Observation::Compressions(found) => {
                    let directory = kernel.module_dir();
                    for compression in found {
                        let module = directory.join(format!("kernel/recorded.ko{}", compression.suffix()));
                        let Some(path) = scene.follow(root, &module, false) else { continue };
                        scene.add(path, Item::Empty);
                    }
                }
            }
        }
        scene.add_top_links(root);
        Ok(scene)
    }

    /// A program that is installed.
    pub fn add_program(&mut self, root: &Path, path: &Path) -> Option<()> {
        let path = self.follow(root, path, false)?;
        self.programs.insert(path);
        Some(())
    }

    /// The contents of files that the plugin read, for a search of secrets.
    pub fn contents(&self) -> impl Iterator<Item = &[u8]> {
        self.items.values().filter_map(|item| match item {
            Item::File { bytes, .. } => Some(bytes.as_slice()),
            _ => None,
        })
    }

    /// Whether the plugin read the system's os-release as a file.
    pub fn has_os_release(&self) -> bool {
        self.items.contains_key(Path::new("etc/os-release"))
    }

    /// Programs that are no files of the case, by absolute path.
    pub fn programs(&self, redaction: &mut Redaction) -> Vec<String> {
        let programs = self.programs.iter().filter(|path| !self.is_file_of_case(path));
        programs.map(|path| redaction.text(&format!("/{}", path.display()), "the list of programs")).collect()
    }

    /// Empty files and directories, as facts.toml has them.
    pub fn files(&self, redaction: &mut Redaction) -> Vec<String> {
        let is_parent = |path: &PathBuf| self.items.keys().any(|other| other != path && other.starts_with(path));
        let named = self.items.iter().filter_map(|(path, item)| match item {
            _ if self.programs.contains(path) => None,
            Item::Empty => Some(format!("/{}", path.to_str()?)),
            Item::Directory if !is_parent(path) && !path.as_os_str().is_empty() => {
                Some(format!("/{}/", path.to_str()?))
            }
            _ => None,
        });
        named.map(|path| redaction.text(&path, "the list of files")).collect()
    }

    /// The files whose content matters, as the record may have them. Nothing is written yet.
    ///
    /// # Errors
    /// `Usage` for two files that have one name without secrets and names, or a file in the place of
    /// another's directory; for a name that is no place in a case.
    pub fn files_of_case(&self, redaction: &mut Redaction) -> Result<CaseFiles> {
        let mut files: BTreeMap<PathBuf, CaseFile> = BTreeMap::new();
        for (path, item) in self.items.iter().filter(|(path, _)| self.is_file_of_case(path)) {
            let place = path.display().to_string();
            let name = redacted(path, &place, redaction);
            if name.file_name().is_none() || !name.components().all(|part| matches!(part, Component::Normal(_))) {
                return Err(Error::NoPlaceInRecord { file: path.clone(), name });
            }
            let item = match item {
                Item::Link(target) => Item::Link(redacted(target, &place, redaction)),
                Item::File { bytes, mode } => Item::File { bytes: redaction.bytes(bytes, &place), mode: *mode },
                Item::Mode(mode) => Item::File { bytes: Vec::new(), mode: *mode },
                Item::Empty | Item::Directory => Item::File { bytes: Vec::new(), mode: 0o644 },
            };
            let file = CaseFile { original: path.clone(), item };
            if let Some(other) = files.insert(name.clone(), file) {
                return Err(Error::OneNameInRecord { one: other.original, other: path.clone(), name });
            }
        }
        for (name, CaseFile { original, .. }) in &files {
            if let Some((name, above)) = name.ancestors().skip(1).find_map(|above| files.get_key_value(above)) {
                let (one, other) = (above.original.clone(), original.clone());
                return Err(Error::OneNameInRecord { one, other, name: name.clone() });
            }
        }
        Ok(CaseFiles(files))
    }

    /// Whether facts.toml cannot say it.
    fn is_file_of_case(&self, path: &Path) -> bool {
        match self.items.get(path) {
            Some(Item::Empty) => path.to_str().is_none(),
            Some(Item::Directory) | None => false,
            Some(Item::Mode(_) | Item::File { .. } | Item::Link(_)) => true,
        }
    }

    fn add_entry(&mut self, root: &Path, path: &Path) -> Result<()> {
        let Some(path) = self.follow(root, path, false) else { return Ok(()) };
        let full = root.join(&path);
        let item = match full.symlink_metadata() {
            Ok(found) if found.is_symlink() => {
                Item::Link(std::fs::read_link(&full).map_err(|e| Error::io("read", &full, e))?)
            }
            Ok(found) if found.is_dir() => Item::Directory,
            Ok(_) => Item::Empty,
            // The file has gone meanwhile: the answer of the case will differ.
            Err(_) => return Ok(()),
        };
        self.add(path, item);
        Ok(())
    }

    /// The directories of a system that are links to others, where something is below them.
    fn add_top_links(&mut self, root: &Path) {
        for name in TOP {
            let Ok(target) = std::fs::read_link(root.join(name)) else { continue };
            let inside = target.strip_prefix("/").unwrap_or(&target).to_path_buf();
            if self.items.keys().chain(&self.programs).any(|path| path.starts_with(&inside)) {
                self.add(name.into(), Item::Link(target));
            }
        }
    }

    fn add(&mut self, path: PathBuf, item: Item) {
        let known = self.items.get(&path).map_or(0, Item::rank);
        if item.rank() >= known {
            self.items.insert(path, item);
        }
    }

    /// The path below the root of what a path of this machine names, with every link on the
    /// way added. `None` outside of the system.
    fn follow(&mut self, root: &Path, path: &Path, last: bool) -> Option<PathBuf> {
        let mut todo: Vec<OsString> = parts(path.strip_prefix(root).ok()?);
        let mut out = PathBuf::new();
        let mut links = 0;
        while let Some(part) = todo.pop() {
            if part == ".." {
                out.pop();
                continue;
            }
            let next = out.join(&part);
            match std::fs::read_link(root.join(&next)) {
                Ok(target) if (last || !todo.is_empty()) && links < LINKS => {
                    links += 1;
                    if target.is_absolute() {
                        out = PathBuf::new();
                    }
                    todo.extend(parts(&target));
                    self.add(next, Item::Link(target));
                }
                _ => out = next,
            }
        }
        Some(out)
    }
}

/// The names of a path, last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let names = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    names.collect::<Vec<_>>().into_iter().rev().collect()
}

fn redacted(path: &Path, place: &str, redaction: &mut Redaction) -> PathBuf {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    OsString::from_vec(redaction.bytes(path.as_os_str().as_bytes(), place)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use modsmith_facts::OsRelease;
    use modsmith_facts::kernel::KernelInput;

    #[test]
    fn links_on_the_way_are_part_of_the_scene_and_contents_win_over_names() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::create_dir_all(root.join("usr/lib/x")).unwrap();
        std::os::unix::fs::symlink("usr/lib", root.join("lib")).unwrap();
        std::os::unix::fs::symlink("/lib/x/real", root.join("usr/lib/x/name")).unwrap();
        std::fs::write(root.join("usr/lib/x/real"), "text").unwrap();
        let system = System::new(root, OsRelease::default());
        let kernel = Kernel::new(KernelInput { module_dir: root.join("lib/modules/6.1"), ..KernelInput::default() });
        let observations = vec![
            Observation::Contents { file: root.join("lib/x/name"), bytes: b"text".to_vec() },
            Observation::Entry(root.join("lib/x/real")),
            Observation::Entry(root.join("lib/x/gone")),
            Observation::Entry(root.join("usr/lib/x")),
            Observation::Program(root.join("usr/sbin/tool")),
            Observation::Entry("/elsewhere".into()),
        ];
        let scene = Scene::of(observations, &system, &kernel).unwrap();
        let link = |target: &str| Item::Link(target.into());
        let file = Item::File { bytes: b"text".to_vec(), mode: 0o644 };
        assert_eq!(
            scene.items.into_iter().collect::<Vec<_>>(),
            [
                ("lib".into(), link("usr/lib")),
                ("usr/lib/x".into(), Item::Directory),
                ("usr/lib/x/name".into(), link("/lib/x/real")),
                ("usr/lib/x/real".into(), file)
            ]
        );
        assert_eq!(scene.programs, [PathBuf::from("usr/sbin/tool")].into());
    }

    /// A scene of a host with the name `aaa`, and the redaction of its name.
    fn of_host(items: &[(&str, Item)]) -> (Scene, Redaction) {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("etc")).unwrap();
        std::fs::write(root.path().join("etc/hostname"), "aaa\n").unwrap();
        let items = items.iter().map(|(path, item)| (path.into(), item.clone())).collect();
        (Scene { items, ..Scene::default() }, Redaction::of(root.path(), &[]).unwrap())
    }

    fn text(mode: u32) -> Item {
        Item::File { bytes: b"text of aaa".to_vec(), mode }
    }

    #[test]
    fn two_files_that_redaction_gives_one_name_are_an_error_that_names_both() {
        let link = Item::Link("/outside/file".into());
        for (one, other) in [("etc/aaa.conf", "etc/host.conf"), ("etc/aaa", "etc/host/x.conf")] {
            let (scene, mut redaction) = of_host(&[(one, link.clone()), (other, text(0o644))]);
            let error = scene.files_of_case(&mut redaction).unwrap_err();
            let message = error.to_string();
            assert!(message.contains(one) && message.contains(other), "{message}");
            assert_eq!((error.id(), error.hints().len()), ("case-invalid", 1));
        }
    }

    #[test]
    fn a_name_that_climbs_is_no_place_in_a_case() {
        for name in ["../x", "etc/../../x", "/etc/x", ""] {
            let (scene, mut redaction) = of_host(&[(name, text(0o644))]);
            let error = scene.files_of_case(&mut redaction).unwrap_err();
            assert!(error.to_string().contains("no place in a case"), "{error}");
        }
    }

    #[test]
    fn files_are_written_without_names_and_set_id_bits_and_into_the_case_only() {
        let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let link = Item::Link("/outside/aaa".into());
        let (scene, mut redaction) = of_host(&[("etc/aaa.conf", text(0o6755)), ("etc/link", link)]);
        let files = scene.files_of_case(&mut redaction).unwrap();
        let case = dir.path().join("case");
        files.write(&Folder::make(&case).unwrap()).unwrap();
        let written = case.join("root/etc/host.conf");
        assert_eq!(std::fs::read_to_string(&written).unwrap(), "text of host");
        assert_eq!(written.metadata().unwrap().permissions().mode() & 0o7777, 0o755);
        assert_eq!(std::fs::read_link(case.join("root/etc/link")).unwrap(), Path::new("/outside/host"));
        // No link in the folder is followed: another user may have made it.
        let other = Folder::make(&dir.path().join("other")).unwrap();
        std::os::unix::fs::symlink(outside.path(), dir.path().join("other/root")).unwrap();
        assert!(files.write(&other).is_err());
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}
