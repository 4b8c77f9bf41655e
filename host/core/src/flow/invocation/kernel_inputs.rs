//! What all builds for a kernel are made from: its headers with the host tools among them, the compiler and
//! its libraries, by their contents. What was read once is known by what stat(2) says.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::build::Toolchain;
use crate::flow::invocation::cache::{Cache, entry_name};
use crate::flow::invocation::env::Env;
use modsmith_facts::kernel::Kernel;
use modsmith_facts::kernel::kbuild::source_trees;
use modsmith_facts::{
    MOST_ENTRIES, Stamp, as_everybody, compilers_of_driver, inside, libraries, programs_on_path, resolve_in_root,
};
use modsmith_store::Listing;

/// Increased when the meaning of what is kept changes.
const SCHEMA_VERSION: u32 = 1;

/// More trees than the headers of any kernel consist of.
const MOST_TREES: usize = 64;

/// Programs that kernel builds start, without prefix.
const PROGRAMS: [&str; 14] =
    ["ar", "as", "bash", "cc", "gcc", "ld", "ld.bfd", "make", "nm", "objcopy", "objdump", "pahole", "sh", "strip"];

/// The programs that a build uses if the compiler is clang.
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
        return Err("the headers have no include/generated: kernels before 2.6.33 are built anew each time".to_owned());
    }
    let source = kernel.module_dir().join("source");
    let mut todo = vec![source, top.to_path_buf()];
    let mut digests = BTreeMap::new();
    let mut paths: Vec<PathBuf> = Vec::new();
    let (mut of_system, mut of_machine) = (OF_SYSTEM, OF_MACHINE);
    while let Some(path) = todo.pop() {
        let Ok(real) = inside::real(&path).canonicalize() else { continue };
        if paths.iter().any(|tree| real.starts_with(tree)) {
            continue;
        }
        if paths.len() == MOST_TREES {
            return Err(format!("the headers consist of more than {MOST_TREES} trees"));
        }
        // Headers that the caller names may be anywhere.
        let is_of_system = real.starts_with(&env.system.root) || path == top;
        let tree = match is_of_system {
            true => Some(look_at_tree(env, &real, &mut of_system, |listing| tree_digest(&real, listing))?),
            false => look_at_machine(env, &real, &mut of_machine)?,
        };
        let Some(tree) = tree else { continue };
        todo.extend(tree.leads_to);
        digests.insert(env.seen_by_build(&real), tree.digest);
        paths.push(real);
    }
    Ok(HeaderTrees { digests, paths })
}

/// How much may still be read.
struct Room {
    bytes: u64,
    entries: usize,
}

/// Far more than kernels have, built with debugging information: a sparse file can have any size.
const OF_SYSTEM: Room = Room { bytes: 32 << 30, entries: MOST_TREES * MOST_ENTRIES };

/// The limits for the trees of this machine that an image leads to.
const OF_MACHINE: Room = Room { bytes: 1 << 30, entries: 100_000 };

impl Room {
    fn take(&mut self, bytes: u64, entries: usize) -> std::io::Result<()> {
        let too_large = || std::io::Error::other("it has more than the headers of any kernel");
        self.bytes = self.bytes.checked_sub(bytes).ok_or_else(too_large)?;
        self.entries = self.entries.checked_sub(entries).ok_or_else(too_large)?;
        Ok(())
    }
}

/// One of the trees.
struct Tree {
    digest: String,
    /// What its links and its makefile lead to elsewhere.
    leads_to: Vec<PathBuf>,
}

fn look_at_tree(
    env: &Env,
    real: &Path,
    room: &mut Room,
    digest: impl Fn(&Listing) -> std::io::Result<String>,
) -> Result<Tree, String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", real.display());
    if !real.is_dir() {
        return Ok(Tree { digest: digest_of_single(real, room).map_err(unreadable)?, leads_to: Vec::new() });
    }
    let listing = Listing::of(real).map_err(unreadable)?;
    room.take(listing.size(), listing.entries()).map_err(unreadable)?;
    let mut leads_to: Vec<PathBuf> =
        listing.links().filter_map(|(link, target)| outside(env, real, link, target)).collect();
    if let Ok(makefile) = inside::read_configuration_text(&real.join("Makefile")) {
        let named = source_trees(&makefile).into_iter();
        leads_to.extend(named.filter_map(|tree| resolve_in_root(env.build_root(), &tree).ok()));
    }
    Ok(Tree { digest: digest(&listing).map_err(unreadable)?, leads_to })
}

/// Reads a tree of this machine to which an image leads: if the image has no make, its builds see the
/// machine. The maker of the image learns no more of the machine than every user. `None` if the user of a
/// build cannot reach the tree.
fn look_at_machine(env: &Env, real: &Path, room: &mut Room) -> Result<Option<Tree>, String> {
    let look = || match real.symlink_metadata() {
        // The cache of earlier readings belongs to root, so it is not used.
        Ok(_) => look_at_tree(env, real, room, Listing::digest).map(Some),
        Err(_) => Ok(None),
    };
    as_everybody(look).unwrap_or_else(|error| Err(error.to_string())).map_err(|why| {
        let real = real.display();
        format!("its headers lead out of the image to {real}, of which only what every user may read counts: {why}")
    })
}

fn digest_of_single(file: &Path, room: &mut Room) -> std::io::Result<String> {
    let Some(file) = inside::open(file)? else { return digest_of_file(file) };
    let size = file.metadata()?.len();
    room.take(size, 1)?;
    modsmith_store::digest_of(file.take(size))
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
        // Words behind the program's name are its options.
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
            // A file that was written just now could change again without a change of its stamp.
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::conf::framework::Framework;
    use crate::environment::Environment;
    use crate::flow::invocation::env::Options;
    use modsmith_facts::kernel::KernelInput;
    use modsmith_facts::{OsRelease, System};
    use modsmith_plugins::Plugins;

    /// A machine with files that only root may read, and an image with headers and without make.
    struct Scene {
        dir: tempfile::TempDir,
        env: Env,
        kernel: Kernel,
    }

    impl Scene {
        fn new() -> Self {
            if !rustix::process::geteuid().is_root() {
                panic!("run this test as root: it makes files that only root may read");
            }
            let dir = tempfile::tempdir().unwrap();
            std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
            let root = dir.path().canonicalize().unwrap().join("image");
            let headers = root.join("usr/src/headers");
            std::fs::create_dir_all(headers.join("include/generated")).unwrap();
            std::fs::create_dir(dir.path().join("shared")).unwrap();
            std::fs::create_dir(dir.path().join("own")).unwrap();
            std::fs::set_permissions(dir.path().join("own"), PermissionsExt::from_mode(0o700)).unwrap();
            std::fs::write(dir.path().join("own/file"), "").unwrap();
            std::fs::write(dir.path().join("shared/file"), "").unwrap();
            std::fs::write(dir.path().join("secret"), "").unwrap();
            std::fs::set_permissions(dir.path().join("secret"), PermissionsExt::from_mode(0o600)).unwrap();
            let system = std::sync::Arc::new(System::new(&root, OsRelease::default()));
            let plugins = Plugins::none(system.clone());
            let env = Env::new(system, Framework::default(), plugins, Options::default(), Environment::default());
            let kernel = Kernel::new(KernelInput { headers: Some(headers), ..KernelInput::default() });
            Self { dir, env, kernel }
        }

        /// What is known where the headers have a link to this path of the machine.
        fn with_link(&self, target: &Path) -> Result<Vec<PathBuf>, String> {
            let link = self.kernel.headers().unwrap().join("zz");
            symlink(target, &link).unwrap();
            let trees = header_trees(&self.env, &self.kernel);
            std::fs::remove_file(link).unwrap();
            trees.map(|trees| trees.paths)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().canonicalize().unwrap().join(name)
        }
    }

    #[test]
    fn of_what_an_image_leads_to_only_what_every_user_may_read_counts() {
        let scene = Scene::new();
        let headers = scene.kernel.headers().unwrap().to_path_buf();
        assert_eq!(scene.with_link(&scene.path("shared")), Ok(vec![headers.clone(), scene.path("shared")]));
        // The user of a build finds neither.
        for hidden in ["own/file", "own/missing", "missing"] {
            assert_eq!(scene.with_link(&scene.path(hidden)), Ok(vec![headers.clone()]), "{hidden}");
        }
        for unknown in [scene.path("secret"), scene.path("own"), "/proc".into(), "/".into(), "/dev/zero".into()] {
            let why = scene.with_link(&unknown).unwrap_err();
            let begin = format!("its headers lead out of the image to {}, of which only", unknown.display());
            assert!(why.starts_with(&begin), "{why}");
        }
    }

    #[test]
    fn headers_that_the_caller_names_are_read_with_the_rights_of_the_caller() {
        let scene = Scene::new();
        let headers = scene.path("own/headers");
        std::fs::create_dir_all(headers.join("include/generated")).unwrap();
        let kernel = Kernel::new(KernelInput { headers: Some(headers.clone()), ..KernelInput::default() });
        assert_eq!(header_trees(&scene.env, &kernel).map(|trees| trees.paths), Ok(vec![headers]));
    }

    #[test]
    fn what_an_image_leads_to_is_bounded_as_the_headers_are() {
        let scene = Scene::new();
        let sparse = |path: &Path, size| std::fs::File::create(path).unwrap().set_len(size).unwrap();
        sparse(&scene.path("shared/sparse"), (1 << 30) + 1);
        for name in ["shared", "shared/sparse"] {
            let why = scene.with_link(&scene.path(name)).unwrap_err();
            assert!(why.ends_with("it has more than the headers of any kernel"), "{why}");
        }
        sparse(&scene.kernel.headers().unwrap().join("sparse"), 200 << 30);
        let why = scene.with_link(Path::new("include")).unwrap_err();
        assert!(why.ends_with("headers cannot be read: it has more than the headers of any kernel"), "{why}");
    }
}
