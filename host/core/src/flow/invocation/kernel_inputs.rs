//! What all builds for a kernel are made from: its headers with the host tools among them, the compiler and
//! its libraries, by their contents. What was read once is known by what stat(2) says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::build::Toolchain;
use crate::flow::invocation::cache::{Cache, entry_name};
use crate::flow::invocation::env::Env;
use modsmith_facts::kernel::Kernel;
use modsmith_facts::kernel::kbuild::source_trees;
use modsmith_facts::{Stamp, compilers_of_driver, inside, libraries, programs_on_path, resolve_in_root};
use modsmith_store::Listing;

/// Increased when the meaning of what is kept changes.
const SCHEMA_VERSION: u32 = 1;

/// More trees than the headers of any kernel consist of.
const MOST_TREES: usize = 64;

/// Programs that kernel builds start, without prefix.
const PROGRAMS: [&str; 14] =
    ["ar", "as", "bash", "cc", "gcc", "ld", "ld.bfd", "make", "nm", "objcopy", "objdump", "pahole", "sh", "strip"];

/// The same where the compiler is clang.
const LLVM_PROGRAMS: [&str; 7] =
    ["clang", "ld.lld", "llvm-ar", "llvm-nm", "llvm-objcopy", "llvm-objdump", "llvm-strip"];

/// Variables of the caller's that name programs of a build.
const NAMING: [&str; 5] = ["HOSTCC", "HOSTCXX", "RUSTC", "BINDGEN", "PAHOLE"];

/// What all builds for one kernel have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KernelInputs {
    pub headers: Arc<HeaderTrees>,
    /// By name, the files that a build finds on its path.
    pub programs: BTreeMap<String, String>,
    /// Digests of these, of what they start, and of their libraries.
    pub files: BTreeMap<String, String>,
}

/// What the headers of a kernel consist of: the build directory, what its links lead to, and the source that
/// its makefile goes on in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct HeaderTrees {
    /// Digest of each tree, by its path as builds see it.
    pub digests: BTreeMap<String, String>,
    /// The trees, links resolved.
    pub paths: Vec<PathBuf>,
}

/// Gathers what the headers do not tell. Errors: why that is not known, as a clause.
pub(crate) fn kernel_inputs(
    env: &Env,
    kernel: &Kernel,
    toolchain: &Toolchain,
    headers: Arc<HeaderTrees>,
) -> Result<KernelInputs, String> {
    let named = programs(env, kernel, toolchain);
    let files = files(env, named.values().flatten())?;
    let programs = named.into_iter().map(|(name, paths)| {
        let seen: Vec<String> = paths.iter().map(|path| env.seen_by_build(path)).collect();
        (name, seen.join(" "))
    });
    Ok(KernelInputs { headers, programs: programs.collect(), files })
}

/// Looks at them. Errors: why they are not known, as a clause.
pub(crate) fn header_trees(env: &Env, kernel: &Kernel) -> Result<HeaderTrees, String> {
    let top = kernel.headers().ok_or("the kernel has no headers")?;
    if !inside::is_dir(&top.join("include/generated")) {
        return Err("the kernel's source tree is prepared for each build".to_owned());
    }
    let source = kernel.module_dir().join("source");
    let mut todo = vec![source, top.to_path_buf()];
    let mut digests = BTreeMap::new();
    let mut paths: Vec<PathBuf> = Vec::new();
    while let Some(path) = todo.pop() {
        let Ok(real) = inside::real(&path).canonicalize() else { continue };
        if paths.iter().any(|tree| real.starts_with(tree)) {
            continue;
        }
        if paths.len() == MOST_TREES {
            return Err(format!("the headers consist of more than {MOST_TREES} trees"));
        }
        let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", real.display());
        let digest = if real.is_dir() {
            let listing = Listing::of(&real).map_err(unreadable)?;
            todo.extend(listing.links().filter_map(|(link, target)| outside(env, &real, link, target)));
            if let Ok(makefile) = inside::read_configuration_text(&real.join("Makefile")) {
                let named = source_trees(&makefile).into_iter();
                todo.extend(named.filter_map(|tree| resolve_in_root(env.build_root(), &tree).ok()));
            }
            tree_digest(&real, &listing).map_err(unreadable)?
        } else {
            digest_of_file(&real).map_err(unreadable)?
        };
        digests.insert(env.seen_by_build(&real), digest);
        paths.push(real);
    }
    Ok(HeaderTrees { digests, paths })
}

/// What a link below a tree leads to, where that is elsewhere.
fn outside(env: &Env, tree: &Path, link: &Path, target: &Path) -> Option<PathBuf> {
    let from = tree.join(link).parent()?.join(target);
    let from = from.strip_prefix(env.build_root()).ok()?;
    let real = resolve_in_root(env.build_root(), if target.is_absolute() { target } else { from }).ok()?;
    (!real.starts_with(tree)).then_some(real)
}

/// The digest of a regular file.
pub(crate) fn digest_of_file(path: &Path) -> std::io::Result<String> {
    match inside::open(path)? {
        Some(file) => modsmith_store::digest_of(file),
        None => Ok(modsmith_store::digest(b"")),
    }
}

/// What is kept of one tree.
#[derive(Serialize, Deserialize)]
struct KnownTree {
    schema_version: u32,
    path: PathBuf,
    signature: String,
    digest: String,
}

fn tree_digest(path: &Path, listing: &Listing) -> std::io::Result<String> {
    let Some(signature) = listing.signature() else { return listing.digest() };
    let (cache, name) = (Cache::of_machine("trees"), entry_name(path));
    let counts = |known: &KnownTree| {
        (known.schema_version, known.path.as_path(), &known.signature) == (SCHEMA_VERSION, path, &signature)
    };
    if let Some(known) = cache.known(&name, counts) {
        return Ok(known.digest);
    }
    let digest = listing.digest()?;
    // A file that was written to while it was read is not known.
    if Listing::of(path)?.signature().as_ref() == Some(&signature) {
        let known =
            KnownTree { schema_version: SCHEMA_VERSION, path: path.to_path_buf(), signature, digest: digest.clone() };
        cache.keep(&name, &known);
    }
    Ok(digest)
}

/// The programs of a build, by name.
fn programs(env: &Env, kernel: &Kernel, toolchain: &Toolchain) -> BTreeMap<String, Vec<PathBuf>> {
    let callers = |name: &str| env.environment.text(name).filter(|value| !value.is_empty());
    let mut names: Vec<String> = PROGRAMS.map(str::to_owned).to_vec();
    let prefix = callers("CROSS_COMPILE").unwrap_or_default();
    names.extend(PROGRAMS.iter().filter(|_| !prefix.is_empty()).map(|name| format!("{prefix}{name}")));
    let chosen = toolchain.variables.iter().map(|(_, program)| program.clone());
    names.extend(chosen.chain(NAMING.iter().filter_map(|name| callers(name).map(str::to_owned))));
    let llvm = callers("LLVM").unwrap_or_default();
    if toolchain.llvm || !llvm.is_empty() || names.iter().any(|name| name.contains("clang")) {
        // Source: the kernel's Documentation/kbuild/llvm.rst.
        let (before, after) = match llvm {
            suffix if suffix.starts_with('-') => ("", suffix),
            directory if directory.ends_with('/') => (directory, ""),
            _ => ("", ""),
        };
        names.extend(LLVM_PROGRAMS.iter().flat_map(|name| [(*name).to_owned(), format!("{before}{name}{after}")]));
    }
    if kernel.config("RUST") == Some("y") {
        names.extend(["rustc", "bindgen"].map(str::to_owned));
    }
    let path = callers("PATH").unwrap_or_default();
    let root = env.build_root();
    let found = |name: String| {
        // What comes behind the program's name are its options.
        let name = name.split_whitespace().next()?.to_owned();
        let files = match name.contains('/') {
            true => resolve_in_root(root, Path::new(&name)).ok().into_iter().collect(),
            false => programs_on_path(root, path, &name),
        };
        (!files.is_empty()).then_some((name, files))
    };
    names.into_iter().filter_map(found).collect()
}

/// What is kept of some programs.
#[derive(Serialize, Deserialize)]
struct KnownPrograms {
    schema_version: u32,
    programs: Vec<PathBuf>,
    /// The loader's list of libraries.
    loader: Option<Stamp>,
    files: Vec<(PathBuf, Stamp, String)>,
}

/// The digests of programs, of the compilers that drivers start, and of their libraries.
fn files<'p>(env: &Env, programs: impl Iterator<Item = &'p PathBuf>) -> Result<BTreeMap<String, String>, String> {
    let mut programs: Vec<PathBuf> = programs.cloned().collect();
    programs.sort();
    programs.dedup();
    let loader = resolve_in_root(env.build_root(), Path::new("/etc/ld.so.cache")).ok();
    let loader = loader.and_then(|file| Stamp::of(&file).ok());
    let cache = Cache::of_machine("programs");
    let name = entry_name(Path::new(&format!("{programs:?}")));
    let is_same = |(file, stamp, _): &(PathBuf, Stamp, String)| Stamp::of(file).is_ok_and(|now| now == *stamp);
    let counts = |known: &KnownPrograms| {
        known.schema_version == SCHEMA_VERSION
            && known.programs == programs
            && known.loader == loader
            && known.files.iter().all(is_same)
    };
    let known = match cache.known(&name, counts) {
        Some(known) => known,
        None => {
            let known = look_at(env, programs, loader)?;
            // What was written to just now could be so again, with the same stamp.
            if known.files.iter().all(|(file, stamp, _)| Stamp::settled(file).as_ref() == Some(stamp)) {
                cache.keep(&name, &known);
            }
            known
        }
    };
    Ok(known.files.into_iter().map(|(file, _, digest)| (env.seen_by_build(&file), digest)).collect())
}

fn look_at(env: &Env, programs: Vec<PathBuf>, loader: Option<Stamp>) -> Result<KnownPrograms, String> {
    let started = programs.iter().flat_map(|program| compilers_of_driver(program));
    let mut all: Vec<PathBuf> = programs.iter().cloned().chain(started).collect();
    all.extend(libraries(env.build_root(), &all));
    all.sort();
    all.dedup();
    let known = |file: PathBuf| {
        let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", file.display());
        let stamp = Stamp::of(&file).map_err(unreadable)?;
        let digest = digest_of_file(&file).map_err(unreadable)?;
        Ok((file, stamp, digest))
    };
    let files = all.into_iter().map(known).collect::<Result<Vec<_>, String>>()?;
    Ok(KnownPrograms { schema_version: SCHEMA_VERSION, programs, loader, files })
}
