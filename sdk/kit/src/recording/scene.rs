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

/// How many links one path may have, as Linux has it (path_resolution(7)).
const LINKS: usize = 40;
/// Directories whose names may be links to others, such as `lib` to `usr/lib`.
const TOP: [&str; 5] = ["boot", "etc", "lib", "usr", "var"];

/// The entry at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Directory,
    /// Its contents do not matter.
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

/// What a plugin saw of a system. Paths are relative to the system's root.
#[derive(Debug, Default)]
pub struct Scene {
    items: BTreeMap<PathBuf, Item>,
    programs: BTreeSet<PathBuf>,
    pub os: BTreeSet<String>,
    pub probes: BTreeMap<String, String>,
    pub config: BTreeMap<String, String>,
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
                    let mode = root.join(&path).metadata().map_or(0o644, |found| found.permissions().mode() & 0o777);
                    scene.add(path, Item::File { bytes, mode });
                }
                Observation::Mode { file, mode } => {
                    let Some(path) = scene.follow(root, &file, true) else { continue };
                    let item = if root.join(&path).is_dir() { Item::Directory } else { Item::Mode(mode) };
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

    /// Writes the files whose content matters below a directory.
    ///
    /// # Errors
    /// `System` when they cannot be written.
    pub fn write(&self, directory: &Path, redaction: &mut Redaction) -> Result<()> {
        for (path, item) in self.items.iter().filter(|(path, _)| self.is_file_of_case(path)) {
            let place = path.display().to_string();
            let file = directory.join(redacted(path, &place, redaction));
            let above = file.parent().unwrap_or(directory);
            std::fs::create_dir_all(above).map_err(|e| Error::io("make the directory", above, e))?;
            let written = match item {
                Item::Link(target) => std::os::unix::fs::symlink(redacted(target, &place, redaction), &file),
                Item::File { bytes, mode } => write_file(&file, &redaction.bytes(bytes, &place), *mode),
                Item::Mode(mode) => write_file(&file, &[], *mode),
                Item::Empty | Item::Directory => write_file(&file, &[], 0o644),
            };
            written.map_err(|e| Error::io("write", &file, e))?;
        }
        Ok(())
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
            // It has gone meanwhile: the case will say so, since its answer differs.
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

fn write_file(file: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    std::fs::write(file, bytes)?;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode))
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
}
