//! `modsmith cell`: one cell of a matrix, in a tree of its own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use tempfile::TempDir;

use super::arguments::DirectoryArguments;
use super::errors;
use super::invocation::handle_signals;
use super::matrix::{read_matrix, write_beside};
use super::output;
use super::renderers::Dkms;
use super::setup::{looking, read_only, working_on_cell};
use super::words::rfc3339;
use build_diagnosis::Class;
use modsmith_core::Environment;
use modsmith_core::error::{Error, Kind, Result};
use modsmith_core::flow::{
    CellBuild, Filter, Invocation, NeededFailed, Options, PackageFile, PushOptions, SharedStore, SigningKey, Wanted,
    build_cell, built_log, enter_private_tree, failures, has, identity_of, named, packaged_headers, push, registered,
    signing_key, with_needed,
};
use modsmith_core::tree::{Failure, Package, PackageId, Target, check_kernel_name};
use modsmith_facts::inside;
use modsmith_facts::text::line;
use modsmith_matrix::{BuiltModule, Cell, CellOutcome, CellResult, Coordinates, FirstError, HeadersPackage, Matrix};

/// The longest log that is kept, in bytes: of a longer one, the beginning.
const LONGEST_LOG: usize = 8 << 20;

/// Builds and verifies one cell of a matrix, unless the store has it. Nothing is installed.
#[derive(Debug, Parser)]
#[command(name = "modsmith cell")]
pub struct CellArguments {
    /// The cells, as `matrix plan` has written them
    #[arg(long, value_name = "FILE")]
    matrix: PathBuf,
    /// The number of the cell
    #[arg(long, value_name = "N")]
    index: usize,
    /// Directory for the result and the log
    #[arg(long, value_name = "DIR")]
    results: PathBuf,
    /// Push the build, unless it is there: to a directory, or `oci://HOST[:PORT]/PATH`
    #[arg(long, value_name = "STORE", requires = "key")]
    push: Option<String>,
    /// Private key (PEM, P-256) that signs what is pushed
    #[arg(long, value_name = "FILE", requires = "push")]
    key: Option<PathBuf>,
    /// Build in the tree of this machine: for containers that are thrown away
    #[arg(long)]
    in_place: bool,
    #[command(flatten)]
    directories: DirectoryArguments,
}

/// A cell that is being worked on.
struct Work<'a> {
    arguments: &'a CellArguments,
    environment: &'a Environment,
    matrix: &'a Matrix,
    cell: &'a Cell,
}

/// The facts about a cell that is done.
struct Done {
    built: Result<CellBuild>,
    first_error: Option<FirstError>,
    confinement: Option<String>,
    log: Option<Vec<u8>>,
    /// The address of the pushed build.
    pushed: Option<String>,
}

/// Builds the cell and leaves its result.
///
/// # Errors
/// The reason of any other outcome than *built* and *found*; [`code`] has its exit code.
pub fn run(arguments: &CellArguments, environment: &Environment) -> Result<()> {
    let matrix = read_matrix(&arguments.matrix)?;
    let cell = matrix.cells.get(arguments.index).ok_or_else(|| {
        Error::new(Kind::System, format!("The matrix has no cell {}.", arguments.index))
            .hint(format!("Cells: {}. The first one has the number 0.", matrix.cells.len()))
    })?;
    std::fs::create_dir_all(&arguments.results).map_err(|error| Error::io("make", &arguments.results, error))?;
    let (started, clock) = (rfc3339(jiff::Timestamp::now()), Instant::now());
    let work = Work { arguments, environment, matrix: &matrix, cell };
    let done = work.build().unwrap_or_else(|error| Done {
        built: Err(error),
        first_error: None,
        confinement: None,
        log: None,
        pushed: None,
    });
    let outcome = match &done.built {
        Ok(built) if built.reused => CellOutcome::Found,
        Ok(_) => CellOutcome::Built,
        Err(error) => outcome_of(error.kind),
    };
    if matches!(&done.built, Err(error) if error.kind == Kind::Interrupted) {
        // The engine that stopped the cell runs it again; an older result stays.
        return done.built.map(drop);
    }
    let seconds = clock.elapsed().as_secs_f64();
    let mut result =
        CellResult::new(cell.coordinates.clone(), outcome, errors::exit_code_of_cell(outcome), started, seconds);
    work.fill(&mut result, &done)?;
    write_beside(&arguments.results, &format!("{}.json", cell.name), &json(&result)?)?;
    let log = result.log.map(|log| arguments.results.join(log));
    match done.built {
        Ok(_) => {
            output::lines(&line(&format!("{}: {}", cell.name, outcome.words())));
            Ok(())
        }
        Err(error) => Err(with_log(error, log)),
    }
}

/// The error with the place of the log that was kept.
fn with_log(error: Error, log: Option<PathBuf>) -> Error {
    match log {
        Some(log) => error.hint(format!("The log is {}.", log.display())),
        None => error,
    }
}

/// The exit code of a cell that ended with an error.
pub fn code(error: &Error) -> u8 {
    match error.kind {
        Kind::Interrupted => errors::exit_code(Kind::Interrupted),
        kind => errors::exit_code_of_cell(outcome_of(kind)),
    }
}

/// The outcome of a cell that ended with an error of this kind: the source, the headers or the machine is
/// at fault.
fn outcome_of(kind: Kind) -> CellOutcome {
    use Kind::*;
    match kind {
        Excluded => CellOutcome::Excluded,
        HeadersMissing => CellOutcome::HeadersMissing,
        BuildFailed | ProductMissing | PatchFailed | PatchMissing | ConfInvalid | ConfUnreadable | SourceEmpty
        | NoConfInPath | DependencyMissing | NotLoadable | Script(_) => CellOutcome::Failed,
        Permission | Usage | UnknownOption | KernelWithAll | ArchWithAll | AllUnsupported | ActionConflict
        | OptionConflict | KernelOrArchEmpty | SourceMissing | AlreadyAdded | NotInTree | Broken
        | NoKernelDirectory | ProblemsLeft | InstallFailed | Format(_) | ArchiveMalformed | ArchiveWithoutConf
        | ArchiveUnwritable | AlreadyLoaded | InitrdFailed | AutoinstallFailed | KernelRemovalFailed
        | ConfinementMissing | PreInstallFailed | System | Plugin | PlanFailed | Interrupted => {
            CellOutcome::Infrastructure
        }
    }
}

fn json(result: &CellResult) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(result)
        .map_err(|error| Error::new(Kind::System, format!("Could not write JSON: {error}.")))?;
    text.push(b'\n');
    Ok(text)
}

/// The package of a cell, with its source on this machine.
fn package_of(here: &Invocation<'_>, cell: &Cell) -> Result<Package> {
    let id = PackageId::new(&cell.coordinates.module, &cell.coordinates.version)?;
    match &cell.source {
        Some(source) if source.is_dir() => Ok(Package { id, source: source.clone() }),
        Some(source) => Err(Error::new(Kind::SourceMissing, format!("There is no directory {}.", source.display()))
            .hint("This machine has to find the sources at the paths of the specification.")),
        None => registered(here, &id),
    }
}

impl Work<'_> {
    fn build(&self) -> Result<Done> {
        let Coordinates { kernel, arch, .. } = &self.cell.coordinates;
        check_kernel_name("kernel", kernel)?;
        check_kernel_name("architecture", arch)?;
        let target = Target { kernel: kernel.clone(), arch: arch.clone() };
        let here = read_only(&self.arguments.directories, self.environment)?;
        let package = package_of(&here, self.cell)?;
        let others = RefCell::new(self.others(&here));
        let mut directories = self.arguments.directories.clone();
        // Removed when the cell is done.
        let _scratch = match self.arguments.in_place {
            true => None,
            false => Some(private_tree(here.env.tree.path(), &mut directories)?),
        };
        drop(here);
        handle_signals();
        let lines = Dkms::new(true, false);
        let options = Options { kernel_source_dir: self.headers()?, no_depmod: true, ..Options::default() };
        let run = working_on_cell(&directories, self.environment, options, &lines)?;
        // A needed package is taken out of the list, so that it is built once; the tree has the build then.
        let find = |name: &str| others.borrow_mut().remove(name);
        let made = with_needed(&run, &package, &target, &find, || self.make(&run, &package, &target));
        made.unwrap_or_else(|NeededFailed { id, error }| Ok(done(&run, Err(*error), &id, &target)))
    }

    /// Packages of the matrix for the same kernel, by name: of several versions, the first.
    fn others(&self, here: &Invocation<'_>) -> BTreeMap<String, Result<Package>> {
        let at = &self.cell.coordinates;
        let is_beside = |other: &&Cell| {
            let Coordinates { kernel, arch, .. } = &other.coordinates;
            (kernel, arch) == (&at.kernel, &at.arch)
        };
        let mut others = BTreeMap::new();
        for cell in self.matrix.cells.iter().filter(is_beside) {
            others.entry(cell.coordinates.module.clone()).or_insert_with(|| package_of(here, cell));
        }
        others
    }

    /// Finds or builds the cell's own package, and pushes what it has built.
    fn make(&self, run: &Invocation<'_>, package: &Package, target: &Target) -> Result<Done> {
        let shared = self.shared(run)?;
        if let Some(found) = shared.as_ref().map(|shared| shared.found(run, package, target)).transpose()?.flatten() {
            return Ok(Done { built: Ok(found), first_error: None, confinement: None, log: None, pushed: None });
        }
        let built = build_cell(run, package, target);
        let mut done = done(run, built, &package.id, target);
        if let (Ok(_), Some(shared)) = (&done.built, &shared) {
            match shared.push(run, &package.id, target) {
                Ok(reference) => done.pushed = reference,
                Err(error) => done.built = Err(error),
            }
        }
        Ok(done)
    }

    /// The directory of the kernel's headers, if they are not installed.
    fn headers(&self) -> Result<Option<PathBuf>> {
        let packages = &self.cell.packages;
        if packages.is_empty() {
            return Ok(self.cell.headers.clone());
        }
        let package = |one: &HeadersPackage| PackageFile { path: one.file.clone(), digest: one.digest.clone() };
        let packages: Vec<PackageFile> = packages.iter().map(package).collect();
        packaged_headers(&looking(&self.arguments.directories, self.environment)?, &packages).map(Some)
    }

    /// The store that machines share, where the command line names one.
    fn shared(&self, run: &Invocation<'_>) -> Result<Option<Shared>> {
        let (Some(address), Some(key)) = (&self.arguments.push, &self.arguments.key) else { return Ok(None) };
        let key = signing_key(key)?;
        Ok(Some(Shared { store: named(&run.env, address, vec![key.public()])?, key }))
    }

    /// Fills in the facts about the build, and writes its log beside the result.
    fn fill(&self, result: &mut CellResult, done: &Done) -> Result<()> {
        result.first_error.clone_from(&done.first_error);
        result.confinement.clone_from(&done.confinement);
        result.pushed.clone_from(&done.pushed);
        if let Some(log) = &done.log {
            let name = format!("{}.log", self.cell.name);
            write_beside(&self.arguments.results, &name, &log[..log.len().min(LONGEST_LOG)])?;
            result.log = Some(name);
        }
        match &done.built {
            Ok(built) => {
                result.identity.clone_from(&built.identity);
                let module =
                    |(name, digest): &(String, String)| BuiltModule { name: name.clone(), digest: digest.clone() };
                result.modules = built.modules.iter().map(module).collect();
            }
            Err(error) => {
                result.message = Some(error.message.clone());
                result.identity.clone_from(&self.cell.identity);
                if let Some(log) = &done.log {
                    result.quote(&String::from_utf8_lossy(log));
                }
            }
        }
        Ok(())
    }
}

/// A store that machines share, and the key for what is pushed there.
struct Shared {
    store: SharedStore,
    key: SigningKey,
}

impl Shared {
    /// The build, if the store has it.
    fn found(&self, run: &Invocation<'_>, package: &Package, target: &Target) -> Result<Option<CellBuild>> {
        // A package that cannot be built for the kernel has no identity: building says why.
        let Ok(described) = identity_of(run, package, target) else { return Ok(None) };
        let wanted = Wanted { package: &package.id, target, identity: &described.identity };
        let identity = Some(described.identity.to_string());
        let found = || CellBuild { identity, reused: true, confinement: None, modules: Vec::new() };
        Ok(has(&self.store, wanted)?.then(found))
    }

    /// Pushes the build, and returns where it is.
    fn push(&self, run: &Invocation<'_>, id: &PackageId, target: &Target) -> Result<Option<String>> {
        let options = PushOptions { key: &self.key, profile: None, base: None, force: false };
        Ok(push(run, id, target, &self.store, &options)?.map(|pushed| pushed.reference))
    }
}

/// An empty tree in the place of the machine's own, for this program only; where that is not permitted,
/// a tree at another path.
fn private_tree(tree: &Path, directories: &mut DirectoryArguments) -> Result<TempDir> {
    let scratch = tempfile::Builder::new().prefix("modsmith-cell-").tempdir();
    let temporary = tempfile::env::temp_dir();
    let scratch = scratch.map_err(|error| Error::io("make a directory in", &temporary, error))?;
    // The user that recipes run as has to enter it.
    std::fs::set_permissions(scratch.path(), PermissionsExt::from_mode(0o755))
        .map_err(|error| Error::io("change", scratch.path(), error))?;
    if let Err(error) = enter_private_tree(scratch.path(), tree) {
        output::warning(&format!(
            "The cell cannot have a tree of its own at {}: {error}. It is built at another path, and has another identity than the builds of other machines. In a container that is thrown away, use --in-place.",
            tree.display()
        ));
        directories.dkmstree = Some(scratch.path().to_path_buf());
    }
    Ok(scratch)
}

/// The facts about a build, failed or not. The hints of a failed one do not name its log: that log goes with
/// the cell's tree.
fn done(run: &Invocation<'_>, built: Result<CellBuild>, id: &PackageId, target: &Target) -> Done {
    let mut error = match built {
        Ok(build) => {
            let confinement = build.confinement.as_ref().map(|confinement| confinement.level.clone());
            let log = built_log(run, id, target);
            return Done { built: Ok(build), first_error: None, confinement, log, pushed: None };
        }
        Err(error) => error,
    };
    let build_dir = run.env.tree.real(&id.build_dir());
    error.hints.retain(|hint| !hint.contains(&*build_dir.to_string_lossy()));
    let filter = Filter {
        module: Some(id.module.clone()),
        version: Some(id.version.clone()),
        kernel: Some(target.kernel.clone()),
        arch: Some(target.arch.clone()),
    };
    let failure = failures(run, &filter).ok().and_then(|failures| failures.into_iter().next());
    let Some(Failure { record, log, .. }) = failure else {
        return Done {
            built: Err(error),
            first_error: None,
            confinement: None,
            log: built_log(run, id, target),
            pushed: None,
        };
    };
    // The remedy for an error that no rule knows is to read the log.
    if record.class == Class::Unknown && log.is_some() {
        error.hints.retain(|hint| *hint != record.remedy);
    }
    Done {
        built: Err(error),
        first_error: record.first_error.as_ref().map(|error| FirstError::new(&error.text, error.line)),
        confinement: record.confinement.map(|confinement| confinement.level),
        log: log.and_then(|log| inside::read_file(&log).ok()),
        pushed: None,
    }
}
