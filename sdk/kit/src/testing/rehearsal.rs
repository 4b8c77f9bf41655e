//! Carrying a plugin's steps out, with the real executor, on the small system of
//! a case.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::diff::diff;
use super::target::{FAILING, Target};
use crate::error::{Error, Result};
use crate::folder::Folder;
use modsmith_facts::{Location, Root, find_program, inside, resolve_in_root};
use modsmith_plan::{Action, Builder, Command, Executor, Jobs, Origin, Program, RunsIn, Silent, Step, no_reruns};
use modsmith_plugins::Plugins;

/// Why steps are not carried out: a clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotCarriedOut(pub String);

/// The steps as they can be carried out here: a program is one that the case
/// supplies, run from the system's directory, without a chroot.
///
/// # Errors
/// A program that the case does not supply: this machine's own are never run.
pub fn prepare(steps: &[Step], target: &Target) -> Result<Vec<Step>, NotCarriedOut> {
    steps
        .iter()
        .cloned()
        .map(|mut step| {
            if let Action::Run(command) = step.action {
                step.action = Action::Run(supplied(command, target)?);
                // The grant is about the program that the plugin named; it was
                // checked when the step was added.
                step.origin = Origin::Host;
            }
            Ok(step)
        })
        .collect()
}

fn supplied(command: Command, target: &Target) -> Result<Command, NotCarriedOut> {
    let root = &target.system.root;
    // The paths are those of the target.
    let (name, path) = match &command.program {
        Program::Named(name) => (name.clone(), find_program(root, name)),
        Program::At(location) => {
            (location.to_string(), target.roots().path(location).map(|path| target.system.inside(&path)))
        }
    };
    let inside = path.and_then(|path| resolve_in_root(root, &path).ok());
    let works = |path: &PathBuf| {
        let executable = path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
        executable && inside::read_file(path).is_ok_and(|contents| contents != FAILING.as_bytes())
    };
    let location = inside
        .filter(works)
        .and_then(|path| Location::new(Root::System, path.strip_prefix(root).ok()?).ok())
        .ok_or_else(|| NotCarriedOut(format!("it runs `{name}`, and the case supplies none that works below root/")))?;
    let system = Location::new(Root::System, "").expect("the root itself is a location");
    Ok(Command {
        program: Program::At(location),
        runs_in: RunsIn::Here,
        directory: command.directory.clone().or(Some(system)),
        ..command
    })
}

/// Makes the directories that every real system has, so that plans need not.
pub fn create_roots(target: &Target) -> Result<()> {
    let (folder, roots) = (Folder::open(&target.system.root)?, target.roots());
    for root in Root::ALL.into_iter().filter(|root| !root.is_of_kernel()) {
        // Those outside of the system were made when it was laid out.
        let Some(path) = roots.get(root) else { continue };
        let Ok(inside) = path.strip_prefix(&target.system.root) else { continue };
        folder.directory(&folder.locate(inside)).map_err(|e| Error::io("make the directory", path, e))?;
    }
    Ok(())
}

/// Carries out steps that were prepared.
///
/// # Errors
/// As the executor has them.
pub fn carry_out(steps: Vec<Step>, target: &Target, plugins: &Plugins) -> Result<()> {
    let mut plan = Builder::new("carry out the case", target.roots());
    for step in steps {
        plan.push_step(step);
    }
    let jobs = Jobs::new(1);
    Executor { system: &target.system, guard: plugins, reporter: &Silent, jobs: &jobs, reruns: no_reruns }
        .run(&plan.finish())?;
    Ok(())
}

/// The files of a system: contents, modes and links. Directories count only by
/// what is in them: plans have no step that removes one when it is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture(BTreeMap<PathBuf, FileState>);

/// A file of a picture, as it was when the picture was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
enum FileState {
    File { mode: u32, contents: Vec<u8> },
    Link(PathBuf),
    Other,
}

impl Picture {
    /// # Errors
    /// When something cannot be read.
    pub fn of(target: &Target) -> Result<Self> {
        let root = target.path("root");
        let mut entries = BTreeMap::new();
        for entry in walkdir::WalkDir::new(&root) {
            let entry = entry.map_err(|e| Error::io("read", &root, e.into()))?;
            if entry.file_type().is_dir() {
                continue;
            }
            let name = entry.path().strip_prefix(&root).expect("an entry is below where the walk began");
            let seen = FileState::of(entry.path()).map_err(|e| Error::io("read", entry.path(), e))?;
            entries.insert(name.to_path_buf(), seen);
        }
        Ok(Self(entries))
    }

    /// Lines that say what has become of the files.
    pub fn changes(&self, later: &Self) -> Vec<String> {
        let names: BTreeSet<&PathBuf> = self.0.keys().chain(later.0.keys()).collect();
        names.into_iter().flat_map(|name| change(name, self.0.get(name), later.0.get(name))).collect()
    }
}

impl FileState {
    fn of(path: &Path) -> std::io::Result<Self> {
        let metadata = path.symlink_metadata()?;
        Ok(if metadata.is_symlink() {
            FileState::Link(std::fs::read_link(path)?)
        } else if metadata.is_file() {
            FileState::File { mode: metadata.permissions().mode() & 0o7777, contents: inside::read_file(path)? }
        } else {
            FileState::Other
        })
    }
}

fn change(name: &Path, before: Option<&FileState>, after: Option<&FileState>) -> Vec<String> {
    let name = format!("/{}", name.display());
    match (before, after) {
        (before, after) if before == after => Vec::new(),
        (None, _) => vec![format!("{name} was not there before")],
        (_, None) => vec![format!("{name} is gone")],
        (Some(FileState::File { mode: a, contents: x }), Some(FileState::File { mode: b, contents: y })) if x == y => {
            vec![format!("{name} had the mode {a:o} and has {b:o}")]
        }
        (Some(FileState::File { contents: x, .. }), Some(FileState::File { contents: y, .. })) => {
            let lines = diff(&String::from_utf8_lossy(x), &String::from_utf8_lossy(y));
            let changed = lines.into_iter().filter(|line| !line.starts_with("  "));
            // Texts that differ in line ends only have no line that differs.
            let size = format!("{name} has changed ({} bytes, before {})", y.len(), x.len());
            std::iter::once(size).chain(changed.map(|line| format!("  {line}"))).collect()
        }
        (Some(FileState::Link(a)), Some(FileState::Link(b))) => {
            vec![format!("{name} led to {} and leads to {}", a.display(), b.display())]
        }
        _ => vec![format!("{name} is of another kind than before")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::call::Call;
    use crate::testing::facts::Facts;
    use modsmith_facts::OsRelease;

    fn target(files: &[(&str, &str)]) -> Target {
        let target = Target::lay_out(&Facts::about(Call::WeakLink, "6.1"), None, "p").unwrap();
        for (name, contents) in files {
            let path = target.path("root").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, contents).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        target
    }

    fn run(program: &str) -> Step {
        let mut plan = Builder::default();
        plan.push(Action::Run(Command::new(program).arg("made")), "a test").clone()
    }

    fn no_plugins() -> Plugins {
        Plugins::none(std::sync::Arc::new(modsmith_facts::System::new("/nowhere", OsRelease::default())))
    }

    #[test]
    fn a_program_that_the_case_supplies_runs_in_its_system() {
        let target = target(&[("usr/sbin/tool", "#!/bin/sh\n: > \"$1\"\n")]);
        create_roots(&target).unwrap();
        let before = Picture::of(&target).unwrap();
        carry_out(prepare(&[run("tool")], &target).unwrap(), &target, &no_plugins()).unwrap();
        assert_eq!(before.changes(&Picture::of(&target).unwrap()), ["/made was not there before"]);
    }

    #[test]
    fn no_other_program_is_run() {
        let target = target(&[("usr/sbin/stand-in", FAILING)]);
        for program in ["true", "stand-in"] {
            let NotCarriedOut(why) = prepare(&[run(program)], &target).unwrap_err();
            assert!(why.contains(program), "{why}");
        }
    }

    #[test]
    fn a_picture_tells_contents_modes_links_and_what_came_and_went() {
        let target = target(&[("etc/a", "one\ntwo\n"), ("etc/b", ""), ("etc/c", "")]);
        let before = Picture::of(&target).unwrap();
        let etc = target.path("root").join("etc");
        std::fs::write(etc.join("a"), "one\nthree\n").unwrap();
        std::fs::set_permissions(etc.join("b"), std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::remove_file(etc.join("c")).unwrap();
        std::os::unix::fs::symlink("a", etc.join("d")).unwrap();
        std::fs::create_dir(etc.join("empty")).unwrap();
        assert_eq!(
            before.changes(&Picture::of(&target).unwrap()),
            [
                "/etc/a has changed (10 bytes, before 8)",
                "  - two",
                "  + three",
                "/etc/b had the mode 755 and has 600",
                "/etc/c is gone",
                "/etc/d was not there before"
            ]
        );
    }
}
