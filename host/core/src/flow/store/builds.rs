//! The store of builds: a build that was made from the same inputs is not made again.
//!
//! Products are kept as they are before they are signed and compressed. Nothing about the store is a
//! reason for a build to fail: where it cannot be read or written, modules are built.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::{Map, Value, json};

use crate::build::Toolchain;
use crate::conf::PackageConf;
use crate::conf::SettingsFile;
use crate::conf::store::Settings;
use crate::flow::Invocation;
use crate::flow::invocation::env::Env;
use crate::flow::invocation::kernel_inputs::digest_of_file;
use crate::flow::product_files::product_of;
use crate::flow::recipe::confinement::Confined;
use crate::flow::recipe::workplace::Workplace;
use crate::flow::store::identity::Declared;
use crate::flow::store::origin::{origin_of, refuse_revoked};
use crate::tree::{Origin, Package, RecordedCompatible, RecordedConfinement, RecordedStore, Target};
use modsmith_facts::kernel::kbuild::{absolute_dependencies, is_command_file};
use modsmith_facts::kernel::{Kernel, signature};
use modsmith_facts::{Location, Root, compression, everybody_may_read, inside, open_trusted, resolve_in_root};
use modsmith_store::{Entry, Identity, Inputs, Kept, Listing, New, Shared, Store};

/// The directory of caches below `/var`, and the store's in it.
const CACHES: &str = "cache/modsmith";
const NAME: &str = "store";

/// Names of files that are no modules.
pub(crate) const SYMBOLS: &str = "Module.symvers";
pub(crate) const LOG: &str = "make.log";

/// More files than any recipe reads outside of what is declared.
const MOST_READS: usize = 4096;

/// More than any module has, with its debugging information. In bytes.
const LARGEST: u64 = 4 << 30;

/// A build that is kept, or could be.
pub(crate) struct Keeping {
    declared: Declared,
    /// How much may be kept of all builds, in bytes.
    size: u64,
}

/// A build that is in the store.
pub(crate) struct Stored {
    pub entry: Entry,
    /// Why it is taken, as a clause, though it was made from other inputs.
    pub reason: Option<String>,
    pub(crate) store: Store,
    /// Until the products are taken, nobody removes them.
    pub(crate) _shared: Shared,
}

impl Keeping {
    /// `stored`: what the products are taken from; `None`: they are made.
    pub fn record(&self, stored: Option<&Stored>) -> RecordedStore {
        let (identity, reused) = (self.declared.identity.to_string(), stored.is_some());
        let origin = stored.and_then(Stored::origin);
        RecordedStore { identity, reused, origin, compatible: stored.and_then(Stored::compatible) }
    }

    pub fn inputs(&self) -> &Inputs {
        &self.declared.inputs
    }

    pub fn identity(&self) -> &Identity {
        &self.declared.identity
    }
}

impl Stored {
    /// Where a file of it is.
    pub fn location(&self, file: &str) -> Option<Location> {
        Location::new(Root::Var, Path::new(CACHES).join(NAME).join(Store::place(&self.entry.identity(), file))).ok()
    }

    /// Its digest; `None`: it has no such file.
    pub fn digest(&self, file: &str) -> Option<&str> {
        self.entry.files.get(file).map(|file| file.digest.as_str())
    }

    /// Where it was fetched from; `None`: it was made here.
    pub fn origin(&self) -> Option<Origin> {
        origin_of(&self.entry)
    }

    /// Which build it is, and why it is taken, if it was made from other inputs.
    pub fn compatible(&self) -> Option<RecordedCompatible> {
        let reason = self.reason.clone()?;
        Some(RecordedCompatible { identity: self.entry.identity().to_string(), reason })
    }

    /// How the build was confined.
    pub fn confinement(&self) -> Option<RecordedConfinement> {
        serde_json::from_value(self.entry.facts.get("confinement")?.clone()).ok()
    }

    /// When it was built, RFC 3339.
    pub fn time(&self) -> &str {
        self.entry.facts.get("time").and_then(Value::as_str).unwrap_or("an unknown time")
    }

    /// The log of the build without its first two lines, which name and date it.
    pub fn log(&self) -> Vec<u8> {
        let log = self.store.read(&self.entry, LOG).unwrap_or_default();
        log.splitn(3, |byte| *byte == b'\n').nth(2).unwrap_or_default().to_vec()
    }

    /// Removes it if it is damaged.
    pub fn drop_damaged(&self) {
        let identity = self.entry.identity();
        if self.store.verify(&identity).is_err()
            && let Err(error) = self.store.remove(&identity)
        {
            tracing::debug!("a stored build is not removed: {error}");
        }
    }
}

/// The name of a module's file in the store.
pub(crate) fn file_name(module: &str) -> String {
    format!("{module}.ko")
}

/// The settings of the store, if builds of the package are to be kept there.
pub(crate) fn settings_for(run: &Invocation<'_>, package: &Package) -> Option<Settings> {
    match Settings::read() {
        Ok(settings) => {
            let is_possible = rustix::process::geteuid().is_root() && caches(&run.env).is_some();
            (is_possible && settings.is_on(&package.id.module)).then_some(settings)
        }
        Err(error) => {
            run.runner.warn_once(&format!("Builds are not kept. {}", error.message));
            None
        }
    }
}

/// The identity under which a build will be kept.
pub(crate) fn keeping(package: &Package, declared: Result<Declared, String>, settings: &Settings) -> Option<Keeping> {
    let not_kept = |why: &str| tracing::debug!(package = %package.id, "the build is not kept: {why}");
    let declared = declared.inspect_err(|why| not_kept(why)).ok()?;
    match &declared.undeclared {
        Some(why) => {
            not_kept(why);
            None
        }
        None => Some(Keeping { declared, size: settings.size() }),
    }
}

/// The build that was kept under the same identity, intact. One that is damaged is removed.
pub(crate) fn stored(run: &Invocation<'_>, package: &Package, conf: &PackageConf, keeping: &Keeping) -> Option<Stored> {
    if run.env.options.force {
        return None;
    }
    let store = opened(run)?;
    let shared = store.share().inspect_err(|error| tracing::debug!("the store is not used: {error}")).ok()?;
    let identity = &keeping.declared.identity;
    let entry = match store.find(identity) {
        Ok(entry) => entry?,
        Err(fault) => {
            run.runner.reporter.warning(&format!(
                "The stored build of {} is damaged and not used: {fault}. The modules are built.",
                package.id
            ));
            run.runner.after_success(|| store.remove(identity));
            return None;
        }
    };
    if let Err(why) = refuse_revoked(&entry) {
        run.runner.warn_once(&format!("The stored build of {} is not used: {why}. The modules are built.", package.id));
        return None;
    }
    if !is_complete(run, conf, &entry) {
        return None;
    }
    run.runner.after_success(|| store.note_use(identity));
    Some(Stored { entry, reason: None, store, _shared: shared })
}

/// Whether a stored build has all modules, and what its compilers have read elsewhere is as it was.
pub(crate) fn is_complete(run: &Invocation<'_>, conf: &PackageConf, entry: &Entry) -> bool {
    let has_all = conf.modules.iter().all(|module| entry.files.contains_key(&file_name(&module.dest_name)));
    let unchanged = reads(entry).is_some_and(|reads| {
        reads.iter().all(|(path, digest)| digest_seen_by_build(&run.env, path).is_ok_and(|now| now == *digest))
    });
    has_all && unchanged
}

/// A build that is complete, and whose directory is still there.
pub(crate) struct Built<'b> {
    pub package: &'b Package,
    pub kernel: &'b Kernel,
    pub target: &'b Target,
    pub conf: &'b PackageConf,
    pub toolchain: &'b Toolchain,
    pub place: &'b Workplace,
    pub is_signed: bool,
}

/// Keeps what was built.
pub(crate) fn keep(run: &Invocation<'_>, built: &Built<'_>, keeping: &Keeping) {
    let id = &built.package.id;
    run.runner.after_success(|| match try_keep(run, built, keeping) {
        Ok(Kept::New | Kept::Same) => {}
        Ok(Kept::Replaced(files)) => run.runner.reporter.warning(&format!(
            "{id} was built from the same inputs as a stored build, with another result: {}. The recipe depends on something else, too.",
            files.join(", ")
        )),
        Err(NotKept::Quietly(why)) => tracing::debug!(package = %id, "the build is not kept: {why}"),
        Err(NotKept::Failed(why)) => {
            run.runner.reporter.warning(&format!("The modules of {id} are built, and not kept in the store: {why}."));
        }
    });
}

/// Why a build is not kept.
enum NotKept {
    /// The build is not meant to be kept; nothing is reported.
    Quietly(String),
    /// The system refused.
    Failed(String),
}

impl From<modsmith_store::Error> for NotKept {
    fn from(error: modsmith_store::Error) -> Self {
        if error.is_denied() { Self::Quietly(error.to_string()) } else { Self::Failed(error.to_string()) }
    }
}

fn try_keep(run: &Invocation<'_>, built: &Built<'_>, keeping: &Keeping) -> Result<Kept, NotKept> {
    let Keeping { declared, size } = keeping;
    let Built { package, kernel, target, conf, toolchain, place, is_signed } = built;
    let build = inside::real(&run.env.tree.real(&place.location));
    let (is_unchanged, found) = thread::scope(|scope| {
        let is_unchanged = scope.spawn(|| declared.is_unchanged(&run.env, kernel, toolchain));
        let found = undeclared_reads(run, package, &build, declared)
            .map_err(NotKept::Quietly)
            .and_then(|reads| Ok((reads, products(run, package, target, conf, *is_signed)?)));
        (is_unchanged.join().unwrap_or_else(|panic| resume_unwind(panic)), found)
    });
    if !is_unchanged {
        return Err(NotKept::Quietly("its inputs were changed while it was built".to_owned()));
    }
    let (reads, mut files) = found?;
    let log = run.env.tree.real(&place.log());
    files.insert(LOG.to_owned(), inside::read_configuration(&log).unwrap_or_default());
    let total: u64 = files.values().map(|file| file.len() as u64).sum();
    if total > *size {
        return Err(NotKept::Quietly(format!("it has {total} bytes, and the store at most {size}")));
    }
    let facts = facts(package, target, place.confined.as_ref(), reads);
    let store = open_or_make(&run.env)?;
    let store = store.ok_or_else(|| NotKept::Quietly("there is no place for a store".to_owned()))?;
    let before = store.find(&declared.identity).ok().flatten();
    let kept = store.keep(New { inputs: declared.inputs.clone(), facts, files })?;
    store.collect(*size)?;
    Ok(match (kept, before) {
        // Something that was no input has changed, and that is known; a log has times.
        (Kept::Replaced(files), Some(before)) => {
            let same_reads = reads_of(&store, declared) == self::reads(&before);
            let products: Vec<String> = files.into_iter().filter(|file| file != LOG).collect();
            if products.is_empty() || !same_reads { Kept::New } else { Kept::Replaced(products) }
        }
        (kept, _) => kept,
    })
}

fn reads_of(store: &Store, declared: &Declared) -> Option<BTreeMap<String, String>> {
    reads(&store.find(&declared.identity).ok()??)
}

/// What is known of a build beside its inputs.
fn facts(
    package: &Package,
    target: &Target,
    confined: Option<&Confined>,
    reads: BTreeMap<String, String>,
) -> Map<String, Value> {
    let facts = json!({
        "package": package.id.to_string(),
        "kernel": target.kernel,
        "arch": target.arch,
        "time": jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "confinement": confined.map(Confined::record),
        "reads": reads,
    });
    if let Value::Object(facts) = facts { facts } else { Map::new() }
}

/// Files that a stored build has read and that are no inputs, with their digests.
fn reads(entry: &Entry) -> Option<BTreeMap<String, String>> {
    serde_json::from_value(entry.facts.get("reads")?.clone()).ok()
}

/// The products as they were before they were signed and compressed.
fn products(
    run: &Invocation<'_>,
    package: &Package,
    target: &Target,
    conf: &PackageConf,
    is_signed: bool,
) -> Result<BTreeMap<String, Vec<u8>>, NotKept> {
    let directory = package.id.products_dir(target);
    let names = run.env.tree.products(&package.id, target);
    let mut files = BTreeMap::new();
    for module in &conf.modules {
        let name = product_of(&names, module)
            .ok_or_else(|| NotKept::Quietly(format!("its module {} is missing", module.dest_name)))?;
        let bytes = compression::decompress_within(read_product(run, &directory, name)?, LARGEST)
            .map_err(|error| failed(name, error))?;
        let bytes = match signature(&bytes) {
            Ok(Some(signed)) if is_signed => signed.content.to_vec(),
            Err(_) if is_signed => {
                return Err(NotKept::Quietly(format!("the signature of {name} has an unusual form")));
            }
            _ => bytes,
        };
        files.insert(file_name(&module.dest_name), bytes);
    }
    if run.env.tree.real(&directory).join(SYMBOLS).exists() {
        files.insert(SYMBOLS.to_owned(), read_product(run, &directory, SYMBOLS)?);
    }
    Ok(files)
}

/// A product that nobody else could have written.
fn read_product(run: &Invocation<'_>, directory: &Location, name: &str) -> Result<Vec<u8>, NotKept> {
    use std::io::Read;
    let opened = open_trusted(run.env.tree.path(), &directory.relative().join(name));
    let file = opened.map_err(|error| NotKept::Quietly(error.to_string()))?;
    let file = file.ok_or_else(|| NotKept::Quietly(format!("{name} is missing")))?;
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(|error| failed(name, error))?;
    Ok(bytes)
}

fn failed(name: &str, error: std::io::Error) -> NotKept {
    NotKept::Failed(format!("{name} cannot be read: {error}"))
}

/// What compilers have read that is neither of the source nor of the headers, as the build system has
/// written down. Errors: why that is not known, as a clause.
fn undeclared_reads(
    run: &Invocation<'_>,
    package: &Package,
    build: &Path,
    declared: &Declared,
) -> Result<BTreeMap<String, String>, String> {
    let unreadable = |error: std::io::Error| format!("its build directory cannot be read: {error}");
    let listing = Listing::of(build).map_err(unreadable)?;
    let own = PathBuf::from(run.env.seen_by_build(&run.env.tree.real(&package.id.build_dir())));
    let trees: Vec<PathBuf> =
        declared.of_kernel.headers.paths.iter().map(|tree| run.env.seen_by_build(tree).into()).collect();
    let mut found = BTreeMap::new();
    for file in listing.files(is_command_file) {
        let text = inside::read_file(&build.join(file)).map_err(unreadable)?;
        let text = String::from_utf8_lossy(&text);
        for path in absolute_dependencies(&text) {
            let is_declared = path.starts_with(&own) || trees.iter().any(|tree| path.starts_with(tree));
            let name = path.display().to_string();
            if is_declared || found.contains_key(&name) {
                continue;
            }
            if found.len() == MOST_READS {
                return Err(format!("it reads more than {MOST_READS} files outside of its source"));
            }
            let real = resolve_in_root(run.env.build_root(), path)
                .map_err(|error| format!("{name}, which it reads: {error}"))?;
            if trees.iter().any(|tree| Path::new(&run.env.seen_by_build(&real)).starts_with(tree)) {
                continue;
            }
            // A recipe writes these names: a store tells nothing about files that are secret.
            if !everybody_may_read(run.env.build_root(), &real) {
                return Err(format!("{name}, which it reads, is not for every user to read"));
            }
            let digest = digest_of_file(&real).map_err(|error| format!("{name}, which it reads: {error}"))?;
            found.insert(name, digest);
        }
    }
    Ok(found)
}

fn digest_seen_by_build(env: &Env, path: &str) -> std::io::Result<String> {
    digest_of_file(&resolve_in_root(env.build_root(), Path::new(path))?)
}

/// The store, if there is one that can be read and believed.
pub(crate) fn opened(run: &Invocation<'_>) -> Option<Store> {
    match open(&run.env) {
        Ok(store) => store,
        Err(error) => {
            if !error.is_denied() {
                run.runner.warn_once(&format!("The store is not used: {error}."));
            }
            None
        }
    }
}

/// The store of a system; `None`: there is none.
pub(crate) fn open(env: &Env) -> modsmith_store::Result<Option<Store>> {
    caches(env).map_or(Ok(None), |caches| Store::open(&caches, NAME))
}

/// Opens the store, and makes it if it is missing. `None` if there is no directory for it.
pub(crate) fn open_or_make(env: &Env) -> modsmith_store::Result<Option<Store>> {
    caches(env).map(|caches| Store::open_or_make(&caches, NAME)).transpose()
}

/// The directory of caches of the system that is worked on, if it is below its `/var`.
pub(crate) fn caches(env: &Env) -> Option<PathBuf> {
    let var = inside::real(env.system.roots.get(Root::Var)?);
    let caches = inside::real(&var.join(CACHES));
    let existing = caches.ancestors().find(|path| path.exists())?;
    let below = existing.canonicalize().ok()?;
    let var = var.canonicalize().ok()?;
    (below.starts_with(&var) || var.starts_with(&below)).then_some(caches)
}
