//! The identity of a build: the digest of all that is declared to go into it.
//!
//! What counts, and what does not, is described in `docs/reference/store.md`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::build::Toolchain;
use crate::conf::{PackageConf, Strictness};
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::invocation::env::Env;
use crate::flow::invocation::kernel_inputs::{KernelInputs, digest_of_file, header_trees, kernel_inputs};
use crate::flow::recipe::make_command::declared_command;
use crate::flow::recipe::preconditions::check_headers;
use crate::flow::recipe::script;
use crate::flow::recipe::toolchain::toolchain_of;
use crate::flow::recipe::workplace::{Workplace, workplace};
use crate::tree::{Package, PackageId, RecordedCompatible, SourceState, Target};
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{inside, resolve_in_root};
use modsmith_plan::Environment;
use modsmith_store::{Identity, Inputs, Listing, Value};

/// Increased when the program builds from the same inputs something else than before.
const BUILD_SCHEMA: &str = "1";

/// More than any source of modules has. In bytes.
const LARGEST: u64 = 4 << 30;

/// The inputs of a build.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    pub inputs: Inputs,
    pub identity: Identity,
    /// Why what is declared may not be all, as a clause.
    pub undeclared: Option<String>,
    pub of_kernel: Arc<KernelInputs>,
    /// Directories of the package, and what stat(2) said of all that is in them.
    own: Vec<(PathBuf, String)>,
}

impl Declared {
    /// Whether everything is still what was looked at.
    pub fn is_unchanged(&self, env: &Env, kernel: &Kernel, toolchain: &Toolchain) -> bool {
        let is_same = |(path, stamp): &(PathBuf, String)| Listing::of(path).is_ok_and(|now| now.stamp() == *stamp);
        let of_kernel = || kernel_inputs(env, kernel, toolchain, Arc::new(header_trees(env, kernel)?));
        self.own.iter().all(is_same) && of_kernel().is_ok_and(|now| now == *self.of_kernel)
    }
}

/// The identity of a package's build for a kernel, as it would be made now.
#[derive(Debug, Clone)]
pub struct Described {
    pub id: PackageId,
    pub target: Target,
    pub identity: Identity,
    pub inputs: Inputs,
    /// Why such a build is not kept, as a clause.
    pub not_kept: Option<String>,
    /// The build of other inputs that is in the tree in its place.
    pub compatible: Option<RecordedCompatible>,
}

/// Looks at everything that goes into a build, and changes nothing.
///
/// # Errors
/// A package that is not in the tree, or cannot be built for the kernel.
pub fn identity(run: &Invocation<'_>, id: &PackageId, target: &Target) -> Result<Described> {
    identity_of(run, &run.env.package(id)?, target)
}

/// The identity of a package that need not be in the tree.
///
/// # Errors
/// A package that cannot be built for the kernel.
pub fn identity_of(run: &Invocation<'_>, package: &Package, target: &Target) -> Result<Described> {
    let id = &package.id;
    let kernel = run.kernel(target);
    let conf = run.conf(package, &kernel, Strictness::Strict)?;
    check_headers(run, &kernel)?;
    let toolchain = toolchain_of(run, &kernel)?;
    let place = workplace(run, package, &conf, &kernel, target)?;
    let declared = declare(run, package, &kernel, target, &conf, &toolchain, &place).map_err(|why| {
        Error::new(Kind::System, format!("The identity of {id} for kernel {target} is not known: {why}."))
            .hint("Such a build is made each time. The page about the store says what has to be known of a build.")
    })?;
    let Declared { inputs, identity, undeclared, .. } = declared;
    let recorded = run.env.tree.record(id, target).and_then(|record| record.store);
    let compatible = recorded.filter(|store| store.identity == identity.to_string()).and_then(|store| store.compatible);
    Ok(Described { id: id.clone(), target: target.clone(), identity, inputs, not_kept: undeclared, compatible })
}

/// Reads the inputs of a build. Errors: why they are not known, as a clause.
pub(crate) fn declare(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Arc<Kernel>,
    target: &Target,
    conf: &PackageConf,
    toolchain: &Toolchain,
    place: &Workplace,
) -> Result<Declared, String> {
    if place.exports.is_some() {
        return Err("build_environment is set: what the file exports is not known before it is run".to_owned());
    }
    let confined =
        place.confined.as_ref().ok_or("confinement is off: what the recipe reads and changes is not known")?;
    let surroundings = run.facts.kernel_inputs(&run.env, target, kernel, toolchain)?;
    let listing = listed(&package.source, "the source")?;
    if let Some((link, _)) = listing.links().find(|(link, to)| leads_out(link, to)) {
        return Err(format!("its source has the link {}, which leads out of it", link.display()));
    }
    let command = declared_command(run, package, kernel, conf, toolchain);
    let mut environment: BTreeMap<String, String> = confined.environment().iter().cloned().collect();
    let (Environment::Clean(own) | Environment::Inherited(own)) = script::environment(package, kernel, toolchain);
    environment.extend(own.into_iter().chain(command.environment));
    if let Some(flags) =
        environment.remove("MAKEFLAGS").map(|flags| without_jobs(&flags)).filter(|flags| !flags.is_empty())
    {
        environment.insert("MAKEFLAGS".to_owned(), flags);
    }

    let mut inputs = Inputs::default();
    inputs.insert("schema", BUILD_SCHEMA);
    inputs.insert("package", package.id.to_string());
    inputs.insert("kernel", target.kernel.as_str());
    inputs.insert("architecture", target.arch.as_str());
    inputs.insert("machine", kernel.machine());
    inputs.insert("source", tree(&listing, "the source")?);
    let mut own = vec![(package.source.clone(), listing.stamp())];
    inputs.insert("overrides", overrides(run, package, &mut own)?);
    inputs.insert("directives", directives(conf));
    inputs.insert("command", command.script);
    inputs.insert("environment", Value::from_iter(environment));
    inputs.insert("headers", Value::from_iter(surroundings.headers.digests.clone()));
    inputs.insert("configuration", configuration(kernel)?);
    inputs.insert("programs", Value::from_iter(surroundings.programs.clone()));
    inputs.insert("files-of-programs", Value::from_iter(surroundings.files.clone()));
    inputs.insert("dependencies", dependencies(run, conf, target)?);
    inputs.insert("system", system(run));
    let identity = inputs.identity();
    let undeclared = confined.undeclared();
    Ok(Declared { inputs, identity, undeclared, of_kernel: surroundings, own })
}

/// Lists a directory whose files are going to be read. A sparse file counts with its full size, because
/// all of it would be read.
fn listed(directory: &Path, what: &str) -> Result<Listing, String> {
    let listing = Listing::of(directory).map_err(|error| format!("{what} cannot be read: {error}"))?;
    match listing.size() > LARGEST {
        true => Err(format!("the files of {what} have more than {} GiB", LARGEST >> 30)),
        false => Ok(listing),
    }
}

fn tree(listing: &Listing, what: &str) -> Result<Value, String> {
    Ok(listing.digests().map_err(|error| format!("{what} cannot be read: {error}"))?.into_iter().collect())
}

/// Whether a link of a directory leads elsewhere when the directory is copied.
fn leads_out(link: &Path, target: &Path) -> bool {
    let mut depth = link.components().count().saturating_sub(1);
    for part in target.components() {
        match part {
            std::path::Component::Normal(_) => depth += 1,
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if depth > 0 => depth -= 1,
            _ => return true,
        }
    }
    false
}

/// The administrator's scripts and patches of a package.
fn overrides(run: &Invocation<'_>, package: &Package, own: &mut Vec<(PathBuf, String)>) -> Result<Value, String> {
    let directory = inside::real(&run.env.overrides_dir().join(&package.id.module));
    match directory.is_dir() {
        true => {
            let what = directory.display().to_string();
            let listing = listed(&directory, &what)?;
            own.push((directory.clone(), listing.stamp()));
            tree(&listing, &what)
        }
        false => Ok(Value::Tree(BTreeMap::new())),
    }
}

/// What was evaluated for the kernel, by directive and slot.
fn directives(conf: &PackageConf) -> Value {
    let slots = conf.evaluated.directives.iter().flat_map(|(name, slots)| {
        slots.iter().map(move |(slot, value)| (format!("{name}[{slot}]"), value.value.clone()))
    });
    slots.collect()
}

/// The kernel's configuration, which `--config` may name.
fn configuration(kernel: &Kernel) -> Result<Value, String> {
    match kernel.config_file() {
        Some(file) => {
            let digest = digest_of_file(file);
            digest.map(Value::from).map_err(|error| format!("{} cannot be read: {error}", file.display()))
        }
        None => Ok("none".into()),
    }
}

/// Packages that a build finds beside its own: their version, source and symbols.
fn dependencies(run: &Invocation<'_>, conf: &PackageConf, target: &Target) -> Result<Value, String> {
    let mut found = BTreeMap::new();
    for name in &conf.build_depends {
        let Some(version) = run.env.tree.active_version(name, target) else {
            found.insert(name.clone(), Value::from("none"));
            continue;
        };
        let id = PackageId { module: name.clone(), version: version.clone() };
        let mut facts = BTreeMap::from([("version".to_owned(), Value::from(version))]);
        let unreadable = |error: std::io::Error| format!("{id}, which it needs, cannot be read: {error}");
        if let Some(SourceState::Present(source)) = run.env.tree.entry(&id).map(|entry| entry.source) {
            let listing = listed(&source, &format!("{id}, which it needs,"))?;
            let digest = listing.digest().map_err(unreadable)?;
            facts.insert("source".to_owned(), digest.into());
        }
        let symbols = run.env.tree.real(&id.products_dir(target)).join("Module.symvers");
        if symbols.exists() {
            facts.insert("symbols".to_owned(), digest_of_file(&symbols).map_err(unreadable)?.into());
        }
        found.insert(name.clone(), Value::Tree(facts));
    }
    Ok(Value::Tree(found))
}

/// Which system it is: recipes ask os-release.
fn system(run: &Invocation<'_>) -> Value {
    let files = ["/etc/os-release", "/usr/lib/os-release"].iter();
    let mut digests =
        files.filter_map(|file| digest_of_file(&resolve_in_root(run.env.build_root(), Path::new(file)).ok()?).ok());
    digests.next().map_or_else(|| "none".into(), Value::from)
}

/// The caller's options of make without those about jobs, which change no result.
fn without_jobs(flags: &str) -> String {
    let is_about_jobs = |word: &&str| word.starts_with("-j") || word.starts_with("--job");
    flags.split_whitespace().filter(|word| !is_about_jobs(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_is_larger_than_any_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let sparse = std::fs::File::create(dir.path().join("sparse")).unwrap();
        sparse.set_len(200 << 30).unwrap();
        let why = listed(dir.path(), "the source").unwrap_err();
        assert_eq!(why, "the files of the source have more than 4 GiB");
        sparse.set_len(LARGEST).unwrap();
        assert!(listed(dir.path(), "the source").is_ok());
    }

    #[test]
    fn the_number_of_jobs_is_no_input() {
        assert_eq!(without_jobs(" -j8 --jobserver-auth=3,4 -s"), "-s");
        assert_eq!(without_jobs("rR -- V=1"), "rR -- V=1");
    }

    #[test]
    fn links_that_lead_out_of_a_source_are_seen() {
        for (link, target, out) in [
            ("a", "b", false),
            ("d/a", "../b", false),
            ("d/a", "../../b", true),
            ("a", "../b", true),
            ("a", "/usr/src/x", true),
            ("a", "d/../../x", true),
            ("d/e/a", "./.././../x", false),
        ] {
            assert_eq!(leads_out(Path::new(link), Path::new(target)), out, "{link} -> {target}");
        }
    }
}
