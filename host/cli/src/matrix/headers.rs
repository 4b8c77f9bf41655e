//! Kernels of a specification that are not installed: their headers are in directories or packages.

use std::path::{Path, PathBuf};

use super::files::absolute;
use modsmith_core::error::{Error, Kind, Result};
use modsmith_core::flow::{Invocation, PackagedKernel, packaged_kernels};
use modsmith_facts::inside;
use modsmith_facts::kernel::kbuild::{RELEASE_FILE, release_in};
use modsmith_matrix::{HeadersPackage, HeadersSpec, Spec};

/// The hint for `headers` of a specification.
const HINT: &str = "`headers` names directories with the headers of a kernel, as `make modules_prepare` leaves them, and packages with them.";

/// A kernel of the specification.
pub(super) struct Column {
    pub release: String,
    /// The directory of the headers, if they are not installed.
    pub headers: Option<PathBuf>,
    /// The packages that they are in.
    pub packages: Vec<HeadersPackage>,
}

impl Column {
    pub fn installed(release: String) -> Self {
        Self { release, headers: None, packages: Vec::new() }
    }
}

/// The kernels of `headers`: those of directories, and then those of packages, each in the order of the
/// file. Packages are unpacked, where that was not done before.
pub(super) fn not_installed(run: &Invocation<'_>, spec: &Spec, base: &Path) -> Result<Vec<Column>> {
    let (mut columns, mut files) = (Vec::new(), Vec::new());
    let words = spec.headers().map_err(|why| Error::new(Kind::Usage, format!("{why}.")))?;
    for path in words.iter().map(|word| paths(word, base)).collect::<Result<Vec<_>>>()?.into_iter().flatten() {
        match path.is_dir() {
            true => columns.push(with_headers(&path)?),
            false if !path.exists() => {
                return Err(
                    Error::new(Kind::Usage, format!("There is no file or directory {}.", path.display())).hint(HINT)
                );
            }
            false => files.push(absolute(&path)?),
        }
    }
    if !files.is_empty() {
        columns.extend(packaged_kernels(run, &files)?.into_iter().map(of_packages));
    }
    Ok(columns)
}

/// The files and directories that a word stands for.
fn paths(word: &HeadersSpec, base: &Path) -> Result<Vec<PathBuf>> {
    let (directory, names) = match word {
        HeadersSpec::Path(path) => return Ok(vec![base.join(path)]),
        HeadersSpec::Pattern { directory, names } => (base.join(directory), names),
    };
    let directory = if directory.as_os_str().is_empty() { PathBuf::from(".") } else { directory };
    let unreadable = |error| Error::io("read", &directory, error).hint(HINT);
    let entries = std::fs::read_dir(&directory).map_err(unreadable)?.collect::<Result<Vec<_>, _>>();
    let mut paths: Vec<PathBuf> = entries.map_err(unreadable)?.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| path.file_name().is_some_and(|name| names.is_match(name)));
    paths.sort();
    match paths.is_empty() {
        true => Err(Error::new(
            Kind::Usage,
            format!("Nothing in {} has a name like `{}`.", directory.display(), names.glob()),
        )
        .hint(HINT)),
        false => Ok(paths),
    }
}

/// The kernel that a directory has the headers of.
fn with_headers(directory: &Path) -> Result<Column> {
    // Recipes see the directory itself, and no links that lead to it.
    let directory = std::fs::canonicalize(directory).map_err(|error| Error::io("use", directory, error).hint(HINT))?;
    let file = directory.join(RELEASE_FILE);
    let text = inside::read_configuration_text(&file).map_err(|error| Error::io("read", &file, error).hint(HINT))?;
    match release_in(&text) {
        Some(release) => Ok(Column { release: release.to_owned(), headers: Some(directory), packages: Vec::new() }),
        None => Err(Error::new(Kind::Usage, format!("{} has no UTS_RELEASE.", file.display())).hint(HINT)),
    }
}

fn of_packages(kernel: PackagedKernel) -> Column {
    let packages = kernel.packages.into_iter();
    let packages = packages.map(|package| HeadersPackage { file: package.path, digest: package.digest });
    Column { release: kernel.release, headers: Some(kernel.headers), packages: packages.collect() }
}
