//! Sources: lost, empty, of another name, writable for others.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::problem::{Check, Problem, Repair, Stage};
use super::scene::Scene;
use crate::conf::Placeholder;
use crate::flow::check::scene::KernelScene;
use crate::tree::{PackageEntry, PackageId, SourceState, Target};
use modsmith_facts::{Location, Root, inside};

pub(super) const SOURCE_LOST: Check = Check {
    id: "source-lost",
    state: 1,
    title: "the source of the package, or its dkms.conf, is gone",
    stage: Stage::Sources,
    find: lost,
};

pub(super) const EMPTY: Check = Check {
    id: "empty-directories",
    state: 19,
    title: "half a removal has left empty directories",
    stage: Stage::Sources,
    find: empty,
};

pub(super) const NAME_DIFFERS: Check = Check {
    id: "name-differs",
    state: 21,
    title: "dkms.conf names another package or version than the tree",
    stage: Stage::Sources,
    find: name_differs,
};

pub(super) const WRITABLE: Check = Check {
    id: "source-writable",
    state: 24,
    title: "others than root can change the source",
    stage: Stage::Sources,
    find: writable,
};

fn lost(scene: &Scene<'_, '_>) -> Vec<Problem> {
    scene
        .packages
        .iter()
        .filter(|entry| !is_empty_version(scene, entry))
        .filter_map(|entry| lost_source(scene, entry))
        .collect()
}

fn lost_source(scene: &Scene<'_, '_>, entry: &PackageEntry) -> Option<Problem> {
    let id = &entry.id;
    let link = scene.run.env.tree.real(&id.source_link());
    let (path, evidence) = match &entry.source {
        SourceState::Broken => {
            let leads_to = std::fs::read_link(&link).ok();
            let evidence = match leads_to {
                Some(leads_to) => format!("{} leads to {}, which is not there", link.display(), leads_to.display()),
                None => format!("{} is missing", link.display()),
            };
            (link, evidence)
        }
        SourceState::Present(source) => {
            let conf = source.join("dkms.conf");
            match inside::metadata(&conf) {
                Ok(_) => return None,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let evidence = format!("{} is missing", conf.display());
                    (conf, evidence)
                }
                Err(error) => {
                    let evidence = format!("{} cannot be read: {error}", conf.display());
                    let remedy = "Run `modsmith check` as root.";
                    return Some(Problem::unknown(&SOURCE_LOST, evidence, remedy).package(id).path(conf));
                }
            }
        }
    };
    let problem = Problem::of(&SOURCE_LOST, evidence).package(id).path(path);
    Some(remedy_of_lost(scene, entry, problem))
}

fn remedy_of_lost(scene: &Scene<'_, '_>, entry: &PackageEntry, problem: Problem) -> Problem {
    let id = &entry.id;
    let home = source_dir(scene, id);
    if entry.source == SourceState::Broken && inside::is_file(&home.join("dkms.conf")) {
        return problem
            .automatic(format!("Have the link lead to {}, which is there.", home.display()), Repair::LinkSource);
    }
    let in_use: Vec<String> = users(scene, id).into_iter().map(|target| target.kernel).collect();
    match in_use.is_empty() {
        true => problem.automatic(
            format!("Take {id} out of the tree: no kernel that is installed here uses it."),
            Repair::RemoveVersion,
        ),
        false => problem.manual(format!(
            "Its modules are kept for {}. Put the source back at {}, then run `modsmith check --repair`.",
            in_use.join(", "),
            home.display()
        )),
    }
}

/// The kernels that are installed and have something of a version.
fn users(scene: &Scene<'_, '_>, id: &PackageId) -> Vec<Target> {
    let mut targets = scene.run.env.tree.targets(id);
    targets.retain(|target| inside::is_dir(&scene.run.env.install_tree().join(&target.kernel)));
    targets
}

fn source_dir(scene: &Scene<'_, '_>, id: &PackageId) -> PathBuf {
    scene.run.env.system.roots.path(&id.source_dir()).unwrap_or_default()
}

/// A registered version whose source is an empty directory, and that has built nothing.
fn is_empty_version(scene: &Scene<'_, '_>, entry: &PackageEntry) -> bool {
    let source = match &entry.source {
        SourceState::Present(source) => source.clone(),
        SourceState::Broken => source_dir(scene, &entry.id),
    };
    is_empty_dir(&source) && scene.run.env.tree.targets(&entry.id).is_empty()
}

fn empty(scene: &Scene<'_, '_>) -> Vec<Problem> {
    let registered = scene.packages.iter().filter(|entry| is_empty_version(scene, entry)).map(|entry| {
        let home = source_dir(scene, &entry.id);
        Problem::of(&EMPTY, format!("{} is empty, and nothing is built", home.display()))
            .package(&entry.id)
            .path(home)
            .automatic(
                format!("Take {} out of the tree, and remove the empty directory.", entry.id),
                Repair::RemoveVersion,
            )
    });
    let versions = scene.modules.iter().flat_map(|module| {
        module.versions.iter().map(|version| PackageId { module: module.name.clone(), version: version.clone() })
    });
    let unregistered = versions
        .filter(|id| id.fault().is_none() && scene.takes(id) && scene.run.env.tree.entry(id).is_none())
        .filter_map(|id| {
            let directory = scene.run.env.tree.real(&id.version_dir());
            let empty = directories_only(&directory, &id.version_dir())?;
            let problem = Problem::of(&EMPTY, format!("{} holds no file", directory.display())).package(&id);
            Some(problem.path(directory).automatic("Remove the empty directories.", Repair::RemoveEmpty(empty)))
        });
    registered.chain(unregistered).chain(empty_sources(scene)).collect()
}

/// Empty directories in the source tree with the name of a module of the tree, and of no
/// version of it.
fn empty_sources(scene: &Scene<'_, '_>) -> Vec<Problem> {
    let top = scene.run.env.system.roots.get(Root::SourceTree).unwrap_or(Path::new("/usr/src"));
    let mut found = Vec::new();
    for name in names(top) {
        let of_module = |module: &str| name.strip_prefix(module)?.strip_prefix('-').map(str::to_owned);
        let id = scene.modules.iter().find_map(|module| {
            let version = of_module(&module.name)?;
            Some(PackageId { module: module.name.clone(), version })
        });
        let Some(id) = id.filter(|id| id.fault().is_none() && scene.takes(id)) else { continue };
        let path = top.join(&name);
        if !is_empty_dir(&path) || scene.run.env.tree.real(&id.version_dir()).exists() {
            continue;
        }
        let Ok(location) = Location::new(Root::SourceTree, &name) else { continue };
        let problem = Problem::of(&EMPTY, format!("{} is empty", path.display())).package(&id).path(path);
        found.push(problem.automatic("Remove the empty directory.", Repair::RemoveEmpty(vec![location])));
    }
    found
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(inside::real(directory)).into_iter().flatten().filter_map(Result::ok);
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// A directory itself, not a link to one, with nothing in it.
fn is_empty_dir(path: &Path) -> bool {
    let is_own = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    is_own && std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

/// The directories below one, innermost first and itself last, where there is nothing
/// but directories.
fn directories_only(directory: &Path, location: &Location) -> Option<Vec<Location>> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(directory).contents_first(true).sort_by_file_name() {
        let entry = entry.ok()?;
        if !entry.file_type().is_dir() {
            return None;
        }
        let below = entry.path().strip_prefix(directory).ok()?;
        found.push(Location::new(location.root, location.relative().join(below)).ok()?);
    }
    Some(found)
}

fn name_differs(scene: &Scene<'_, '_>) -> Vec<Problem> {
    let differs = |package: crate::tree::Package| {
        let conf = scene.conf(&package, some_kernel(scene, &package.id)?).ok()?;
        let is_named = |named: &str, id: &str| named == id;
        let same = is_named(&conf.name, &package.id.module) && is_named(&conf.version, &package.id.version);
        if same || conf.placeholders.iter().any(Placeholder::is_of_name) {
            return None;
        }
        let file = scene.run.env.conf_file(&package);
        let evidence = format!("{} says {}/{}", file.display(), conf.name, conf.version);
        let text = format!(
            "The tree's name counts. If the source was replaced by that of another version, run \
             `modsmith remove {} --all` and add the new one; else correct PACKAGE_NAME and PACKAGE_VERSION.",
            package.id
        );
        Some(Problem::of(&NAME_DIFFERS, evidence).package(&package.id).path(file).manual(text))
    };
    scene.present().filter_map(differs).collect()
}

/// A kernel that a package's dkms.conf is read for: one that it is built for, else any.
fn some_kernel<'k>(scene: &'k Scene<'_, '_>, id: &PackageId) -> Option<&'k KernelScene> {
    let built = |kernel: &&KernelScene| scene.run.env.tree.is_built(id, &kernel.target);
    scene.kernels.iter().find(built).or(scene.kernels.first())
}

fn writable(scene: &Scene<'_, '_>) -> Vec<Problem> {
    let found = |package: crate::tree::Package| {
        let paths = [package.source.clone(), package.source.join("dkms.conf")];
        let (path, why) = paths.into_iter().find_map(|path| Some((path.clone(), who_may_write(&path)?)))?;
        let text = format!(
            "Look at what is in {source}; then run `chown -R root:root {source}` and `chmod -R go-w {source}`.",
            source = package.source.display()
        );
        let evidence = format!("{}: {why}", path.display());
        Some(Problem::of(&WRITABLE, evidence).package(&package.id).path(path).manual(text))
    };
    scene.present().filter_map(found).collect()
}

/// Why others than root could have written a file; `None` where they could not.
pub(super) fn who_may_write(path: &Path) -> Option<String> {
    let metadata = inside::metadata(path).ok()?;
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Some(format!("it belongs to the user {owner}"));
    }
    (mode & 0o022 != 0).then(|| format!("its mode is {mode:04o}"))
}
