//! Files of a matrix: read as text of others, written whole or not at all.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use modsmith_core::error::{Error, Kind, Result};
use modsmith_facts::inside;
use modsmith_matrix::Matrix;

/// The path of a file or directory from the root, without `.`.
///
/// # Errors
/// When there is no current directory.
pub(super) fn absolute(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).map_err(|error| Error::io("use", path, error))?;
    // `./x` of a specification in `dir/` is `dir/x`.
    Ok(absolute.components().collect())
}

/// The file that `matrix plan` has written.
///
/// # Errors
/// A file that cannot be read, or is no matrix.
pub fn read_matrix(file: &Path) -> Result<Matrix> {
    let bytes = inside::read_file(file).map_err(|error| Error::io("read", file, error))?;
    Matrix::from_json(&bytes).map_err(|why| {
        Error::new(Kind::Usage, format!("{} is no matrix: {why}.", file.display()))
            .hint("Write one with `modsmith matrix plan SPEC`.")
    })
}

/// Writes a file that readers see with all of its new contents, or with its old ones.
///
/// # Errors
/// The file cannot be written.
pub fn write_beside(directory: &Path, name: &str, contents: &[u8]) -> Result<()> {
    let file = directory.join(name);
    let write = || {
        let mut temporary = tempfile::NamedTempFile::new_in(directory)?;
        temporary.write_all(contents)?;
        temporary.as_file().set_permissions(PermissionsExt::from_mode(0o644))?;
        temporary.as_file().sync_all()?;
        temporary.persist(&file).map(drop).map_err(|error| error.error)
    };
    write().map_err(|error| Error::io("write", &file, error))
}
