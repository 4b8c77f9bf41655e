//! What builds leave behind: directories of killed builds, logs of failed ones.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::problem::{Check, Problem, Repair, Stage};
use super::scene::{KernelScene, Scene};
use crate::build::begins_log_of;
use crate::tree::{BUILDS, Failures, PackageId};
use modsmith_facts::{Location, Root};
use modsmith_plan::PRIVATE_DIR;

pub(super) const LEFTOVER_BUILD: Check = Check {
    id: "leftover-build",
    state: 3,
    title: "a killed build has left its directories",
    stage: Stage::Sources,
    find: leftovers,
};

pub(super) const FAILED_UNRECORDED: Check = Check {
    id: "failed-build-unrecorded",
    state: 20,
    title: "a failed build has left a log, and no record",
    stage: Stage::Sources,
    find: unrecorded,
};

/// The longest first line of a log, in bytes.
const LINE: u64 = 4096;

/// What the build directory of a package is.
enum Remains {
    /// Nothing, or in use.
    None,
    /// The log of a failed build that has a record.
    Recorded,
    /// The log of a failed build that has no record.
    Failed(PathBuf),
    Leftover,
}

fn remains<'k>(scene: &'k Scene<'_, '_>, id: &PackageId) -> (Remains, Option<&'k KernelScene>) {
    let build = scene.run.env.tree.real(&id.build_dir());
    let is_own = std::fs::symlink_metadata(&build).is_ok_and(|metadata| metadata.is_dir());
    let holds_something = std::fs::read_dir(&build).is_ok_and(|mut entries| entries.next().is_some());
    if !is_own || !holds_something || is_in_use(scene, &build) {
        return (Remains::None, None);
    }
    let log = build.join("make.log");
    let Some(kernel) = first_line(&log).and_then(|line| kernel_of(scene, id, &line)) else {
        return (Remains::Leftover, None);
    };
    let failures = Failures(&scene.run.env.tree);
    if failures.of(id, &kernel.target).is_some() {
        return (Remains::Recorded, Some(kernel));
    }
    let written = std::fs::symlink_metadata(&log).and_then(|metadata| metadata.modified()).ok();
    match written.is_some_and(|written| !failures.outdates(id, &kernel.target, written)) {
        true => (Remains::Failed(log), Some(kernel)),
        false => (Remains::Leftover, Some(kernel)),
    }
}

fn first_line(log: &Path) -> Option<String> {
    let is_own = std::fs::symlink_metadata(log).is_ok_and(|metadata| metadata.is_file());
    let mut line = String::new();
    let mut reader = BufReader::new(is_own.then(|| File::open(log).ok()).flatten()?.take(LINE));
    reader.read_line(&mut line).ok()?;
    Some(line)
}

/// The kernel that a log's first line names: dkms writes `m-v` or `m/v`, by its version.
fn kernel_of<'k>(scene: &'k Scene<'_, '_>, id: &PackageId, line: &str) -> Option<&'k KernelScene> {
    let names = [id.to_string(), format!("{}-{}", id.module, id.version)];
    let is_of = |kernel: &&KernelScene| {
        names.iter().any(|name| begins_log_of(line, &format!("{name} for kernel {}", kernel.target)))
    };
    scene.kernels.iter().find(is_of)
}

/// Whether a process works in a directory: a build that is going on, of whichever program.
fn is_in_use(scene: &Scene<'_, '_>, directory: &Path) -> bool {
    if scene.is_busy {
        return true;
    }
    let processes = std::fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    scene.run.env.system.is_live()
        && processes.map(|process| process.path()).any(|process| works_in(&process, directory))
}

/// Whether a process, a directory of `/proc`, works in a directory or below. Processes of containers
/// may see another one at the same path.
fn works_in(process: &Path, directory: &Path) -> bool {
    let Ok(place) = std::fs::read_link(process.join("cwd")) else { return false };
    let Ok(below) = place.strip_prefix(directory) else { return false };
    let top = below.components().fold(process.join("cwd"), |place, _| place.join(".."));
    let (Ok(theirs), Ok(ours)) = (std::fs::metadata(top), std::fs::metadata(directory)) else { return false };
    (theirs.dev(), theirs.ino()) == (ours.dev(), ours.ino())
}

fn leftovers(scene: &Scene<'_, '_>) -> Vec<Problem> {
    let mut found = Vec::new();
    for entry in &scene.packages {
        let mut locations = Vec::new();
        if let (Remains::Leftover, _) = remains(scene, &entry.id) {
            locations.push(entry.id.build_dir());
        }
        locations.extend(unfinished(scene, &entry.id));
        let Some(first) = locations.first() else { continue };
        let shown: Vec<String> =
            locations.iter().map(|location| scene.run.env.tree.real(location).display().to_string()).collect();
        let problem = Problem::of(&LEFTOVER_BUILD, format!("{}; no build is going on", shown.join(", ")));
        let problem = problem.package(&entry.id).path(scene.run.env.tree.real(first));
        found.push(problem.automatic("Remove what is left of the build.", Repair::RemoveLeftovers(locations)));
    }
    found
}

/// Hidden directories in which results were collected, and the directories of builds
/// that went on at the same time.
fn unfinished(scene: &Scene<'_, '_>, id: &PackageId) -> Vec<Location> {
    let tree = scene.run.env.tree.path();
    if scene.is_busy {
        return Vec::new();
    }
    let version = tree.join(&id.module).join(&id.version);
    let kernels = subdirectories(&version).into_iter().filter(|kernel| !kernel.ends_with("build"));
    let hidden = kernels.chain([version.clone()]).flat_map(|directory| subdirectories(&directory));
    let hidden = hidden.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".tmp_")));
    let isolated = tree.join(PRIVATE_DIR).join(BUILDS).join(&id.module).join(&id.version);
    let isolated = std::fs::symlink_metadata(&isolated).is_ok_and(|data| data.is_dir()).then_some(isolated);
    let below = |path: PathBuf| Location::new(Root::Tree, path.strip_prefix(tree).ok()?).ok();
    hidden.chain(isolated).filter(|path| !is_in_use(scene, path)).filter_map(below).collect()
}

fn subdirectories(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut paths: Vec<PathBuf> = directories.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn unrecorded(scene: &Scene<'_, '_>) -> Vec<Problem> {
    let failed = |id: &PackageId| {
        let (Remains::Failed(log), Some(kernel)) = remains(scene, id) else { return None };
        let evidence = format!("{} is of a build for {} that made no modules", log.display(), kernel.target.kernel);
        let problem = Problem::of(&FAILED_UNRECORDED, evidence).package(id).target(&kernel.target).path(log);
        let text = format!("Keep the log and record the failure: `modsmith log {id} -k {}`.", kernel.target.kernel);
        Some(problem.automatic(text, Repair::RememberFailure))
    };
    scene.present().filter_map(|package| failed(&package.id)).collect()
}
