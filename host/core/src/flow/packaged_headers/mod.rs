//! Headers of kernels that are in package files, and not installed.
//!
//! Packages name each other's files by absolute paths, as if they were installed. Each file is unpacked
//! once, by the plugin of its format, below the directory of caches, under its digest. A kernel's headers
//! are the files of those packages that its own one leads to, put together as below one root directory,
//! under the digest of all of them: so the same packages are at the same path on every machine, and other
//! packages of a specification change nothing about them.

mod cache;
mod join;
mod union;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use cache::HeadersCache;
use modsmith_facts::kernel::kbuild::{RELEASE_FILE, release_in};
use modsmith_facts::{digest_of, inside};
use union::{Union, Unpacked};

/// Longer than any build takes, and than a matrix is of use.
pub const UNUSED_DAYS: u64 = 30;

/// A package file, with the digest of what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageFile {
    pub path: PathBuf,
    pub digest: String,
}

/// A kernel whose headers are in package files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackagedKernel {
    pub release: String,
    /// The packages that the headers consist of; all are needed.
    pub packages: Vec<PackageFile>,
    /// Where they are, unpacked and put together.
    pub headers: PathBuf,
}

impl PackageFile {
    fn of(path: &Path) -> Result<Self> {
        let digest = match inside::open(path) {
            Ok(Some(file)) => digest_of(file),
            Ok(None) => Err(std::io::Error::other("it is not a regular file")),
            Err(error) => Err(error),
        };
        let digest = digest.map_err(|error| Error::io("read the package", path, error))?;
        Ok(Self { path: path.to_path_buf(), digest })
    }
}

/// The kernels that package files have the headers of, in the order of the files.
///
/// # Errors
/// A file that cannot be unpacked, that is missing, or that is not needed; two kernels with one release.
pub fn packaged_kernels(run: &Invocation<'_>, files: &[PathBuf]) -> Result<Vec<PackagedKernel>> {
    let mut packages: Vec<PackageFile> = Vec::new();
    for path in files {
        let package = PackageFile::of(path)?;
        if !packages.iter().any(|other| other.digest == package.digest) {
            packages.push(package);
        }
    }
    let cache = HeadersCache::open(run)?;
    let _lock = cache.lock()?;
    let unpacked = packages.into_iter().map(|file| {
        let root = cache.unpacked(run, &file)?;
        Ok(Unpacked { file, root })
    });
    let union = Union(unpacked.collect::<Result<_>>()?);
    let mut kernels: Vec<(usize, PackagedKernel)> = Vec::new();
    let mut needed = Vec::new();
    for index in 0..union.0.len() {
        let Some((directory, release)) = kernel_in(&union.0[index])? else { continue };
        if let Some((other, _)) = kernels.iter().find(|(_, kernel)| kernel.release == release) {
            let [one, two] = [*other, index].map(|index| union.0[index].file.path.display());
            return Err(Error::new(Kind::Usage, format!("{one} and {two} both have the headers of kernel {release}."))
                .hint("Name one of them."));
        }
        let extent = union.reach(index, &directory)?;
        let headers = cache.joined(&union, &extent, &directory, &release)?;
        let packages = extent.packages.iter().map(|index| union.0[*index].file.clone()).collect();
        needed.extend(extent.packages);
        kernels.push((index, PackagedKernel { release, packages, headers }));
    }
    if let Some(index) = (0..union.0.len()).find(|index| !needed.contains(index)) {
        let message = format!("{} has no headers that are needed.", union.0[index].file.path.display());
        return Err(Error::new(Kind::Usage, message).hint(format!(
            "A package of headers has a file {RELEASE_FILE}, or another one of the packages leads to it. Leave it out, or name the package that needs it."
        )));
    }
    Ok(kernels.into_iter().map(|(_, kernel)| kernel).collect())
}

/// Where the headers of one kernel are, which were unpacked from these files or are unpacked now.
///
/// # Errors
/// A file that is gone or has changed, where it has to be unpacked.
pub fn packaged_headers(run: &Invocation<'_>, packages: &[PackageFile]) -> Result<PathBuf> {
    let cache = HeadersCache::open(run)?;
    if let Some(headers) = cache.known(packages.iter().map(|package| package.digest.as_str()))? {
        return Ok(headers);
    }
    for package in packages {
        let missing = |why: String| {
            Error::new(
                Kind::HeadersMissing,
                format!("The headers of the kernel are in {}, {why}.", package.path.display()),
            )
            .hint("This machine has to find the packages at the paths of the specification, or plan the matrix again.")
        };
        if !package.path.exists() {
            return Err(missing("which is not there".to_owned()));
        }
        if PackageFile::of(&package.path)?.digest != package.digest {
            return Err(missing("which has changed since the matrix was planned".to_owned()));
        }
    }
    let files: Vec<PathBuf> = packages.iter().map(|package| package.path.clone()).collect();
    match packaged_kernels(run, &files)?.as_slice() {
        [one] => Ok(one.headers.clone()),
        several => Err(Error::new(Kind::Usage, format!("The packages have the headers of {} kernels.", several.len()))
            .hint("Write the matrix with `modsmith matrix plan`: it puts the packages of one kernel into each cell.")),
    }
}

/// Removes headers that were unpacked, and that no matrix and no cell used for [`UNUSED_DAYS`]. Returns how
/// many packages and kernels that were.
///
/// # Errors
/// Directories that cannot be read or removed.
pub fn collect_headers(run: &Invocation<'_>) -> Result<usize> {
    let Some(cache) = HeadersCache::existing(run) else { return Ok(0) };
    let _lock = cache.lock()?;
    cache.collect(Duration::from_hours(24 * UNUSED_DAYS))
}

/// The kernel that a package has the headers of: their directory, and its release.
fn kernel_in(package: &Unpacked) -> Result<Option<(PathBuf, String)>> {
    let mut found = None;
    for entry in walkdir::WalkDir::new(&package.root).sort_by_file_name() {
        let entry = entry.map_err(|error| Error::io("read", &package.root, error.into()))?;
        if !entry.file_type().is_file() || !entry.path().ends_with(RELEASE_FILE) {
            continue;
        }
        let text = inside::read_configuration_text(entry.path());
        let text = text.map_err(|error| Error::io("read", entry.path(), error))?;
        let below = entry.path().strip_prefix(&package.root).unwrap_or(entry.path());
        let directory = below.ancestors().nth(3).unwrap_or(Path::new("")).to_path_buf();
        let Some(release) = release_in(&text).map(str::to_owned) else {
            let message = format!("/{} in {} has no UTS_RELEASE.", below.display(), package.file.path.display());
            return Err(Error::new(Kind::Usage, message).hint("Get the package again."));
        };
        if let Some((_, other)) = found.replace((directory, release.clone())) {
            let message =
                format!("{} has the headers of two kernels: {other} and {release}.", package.file.path.display());
            return Err(Error::new(Kind::Usage, message)
                .hint("Unpack it by hand, and name the directory of each kernel's headers."));
        }
    }
    Ok(found)
}
