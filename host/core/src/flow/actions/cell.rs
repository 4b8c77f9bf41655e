//! One cell of a matrix: a package, wherever its source is, is built for a kernel and verified. It is not
//! installed, and what its POST_ADD asks for is not done.

use std::io;
use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::build::package::build_package;
use crate::flow::store::builds::open;
use crate::flow::transaction::begin;
use crate::flow::verify::{files, refusal, verify_built};
use crate::tree::{Package, PackageId, RecordedConfinement, SourceState, Target};
use modsmith_facts::{Root, compression, inside};
use modsmith_plan::{Builder, verbs};
use modsmith_store::{Identity, digest};

/// More than any module has, with its debugging information. In bytes.
const LARGEST: u64 = 4 << 30;

/// What a cell has built.
#[derive(Debug, Clone)]
pub struct CellBuild {
    /// The identity of the build; `None` if the build is not kept.
    pub identity: Option<String>,
    /// Whether it was there already.
    pub reused: bool,
    pub confinement: Option<RecordedConfinement>,
    /// Name and digest (`sha256:` and 64 digits) of each module, uncompressed.
    pub modules: Vec<(String, String)>,
}

/// Lets this program, and all that it starts, find an empty directory in the place of the tree. Builds
/// know the path of their tree: in this way they are those that other machines make in their own.
///
/// # Errors
/// Those of unshare(2) and mount(2); a tree that does not exist.
pub fn enter_private_tree(scratch: &Path, tree: &Path) -> io::Result<()> {
    modsmith_sandbox::bind_own(scratch, tree)
}

/// A package with its source on this machine: as the tree has it registered, else in the source tree.
///
/// # Errors
/// `SourceMissing`, where it is in neither.
pub fn registered(run: &Invocation<'_>, id: &PackageId) -> Result<Package> {
    if let Some(SourceState::Present(source)) = run.env.tree.entry(id).map(|entry| entry.source) {
        return Ok(Package { id: id.clone(), source });
    }
    let source = run.env.system.roots.path(&id.source_dir()).unwrap_or_default();
    match inside::is_dir(&source) {
        true => Ok(Package { id: id.clone(), source }),
        false => Err(Error::new(
            Kind::SourceMissing,
            format!("The source of {id} is neither in the tree nor at {}.", source.display()),
        )
        .hint("Put it there, or name its directory in the specification of the matrix.")),
    }
}

/// Whether the store of this machine has a build.
pub fn is_stored(run: &Invocation<'_>, identity: &Identity) -> bool {
    open(&run.env).ok().flatten().is_some_and(|store| matches!(store.find(identity), Ok(Some(_))))
}

/// Builds a package and compares its modules with what the kernel's loader checks.
///
/// # Errors
/// Those of a build; `NotLoadable`, where the kernel is proven not to load a module.
pub fn build_cell(run: &Invocation<'_>, package: &Package, target: &Target) -> Result<CellBuild> {
    let _lock = begin(run)?;
    let id = &package.id;
    register(run, package)?;
    let was_built = run.env.tree.is_built(id, target);
    if !was_built {
        build_package(run, package, &run.kernel(target), target)?;
    }
    for verified in verify_built(run, id, target) {
        if let Some(finding) = verified.findings.iter().find(|finding| finding.refuses()) {
            return Err(refusal(&verified, finding, &run.kernel(target)));
        }
    }
    let mut modules = Vec::new();
    for (name, path) in files(run, id, target) {
        let unreadable = |error| Error::io("read", &path, error);
        let bytes = inside::read_file(&path).and_then(|bytes| compression::decompress_within(bytes, LARGEST));
        modules.push((name, digest(&bytes.map_err(unreadable)?)));
    }
    let record = run.env.tree.record(id, target);
    let store = record.as_ref().and_then(|record| record.store.clone());
    Ok(CellBuild {
        reused: was_built || store.as_ref().is_some_and(|store| store.reused),
        identity: store.map(|store| store.identity),
        confinement: record.and_then(|record| record.confinement),
        modules,
    })
}

/// The log of a build that succeeded, if there is one.
pub fn built_log(run: &Invocation<'_>, id: &PackageId, target: &Target) -> Option<Vec<u8>> {
    inside::read_file(&run.env.tree.real(&id.kept_log(target))).ok()
}

/// Makes a source, which stays where it is, a package of the tree.
fn register(run: &Invocation<'_>, package: &Package) -> Result<()> {
    let id = &package.id;
    match run.env.tree.entry(id).map(|entry| entry.source) {
        Some(SourceState::Present(source)) if inside::real(&source) == inside::real(&package.source) => return Ok(()),
        Some(SourceState::Present(source)) => {
            return Err(Error::new(
                Kind::AlreadyAdded,
                format!("{id} is in the tree with another source: {}.", source.display()),
            )
            .hint("Leave --in-place out: the cell then has a tree of its own."));
        }
        Some(SourceState::Broken) | None => {}
    }
    let mut plan = Builder::new(format!("add {id}"), run.env.system.roots.clone());
    let tree = modsmith_facts::Location::new(Root::Tree, "").expect("the root itself");
    if !run.env.tree.path().is_dir() {
        plan.push(verbs::MakeDirectory { location: tree }, "the tree does not exist yet");
    }
    plan.push(verbs::MakeDirectory { location: id.build_dir() }, "this directory registers the version");
    let target = run.env.system.inside(&package.source);
    plan.push(verbs::Symlink { location: id.source_link(), target }, "the link leads to the source");
    run.runner.run(plan)
}
