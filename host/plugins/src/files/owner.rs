//! Which files are trusted: those that only root or the invoking user can change.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Whether only root or the invoking user can change a file or directory. The
/// error says why it is not trusted and what to do.
pub fn check_owner(path: &Path) -> Result<(), String> {
    let metadata = path.metadata().map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
    check_metadata(path, &metadata)
}

pub(crate) fn check_metadata(path: &Path, metadata: &std::fs::Metadata) -> Result<(), String> {
    let me = rustix::process::geteuid().as_raw();
    if metadata.uid() != 0 && metadata.uid() != me {
        return Err(format!(
            "{} belongs to user {}, who could change what it does: give it to root (`chown root {0}`)",
            path.display(),
            metadata.uid()
        ));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(format!(
            "{} is writable by others than its owner: take that away (`chmod go-w {0}`)",
            path.display()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_directory_that_others_can_write_is_not_trusted_and_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(check_owner(dir.path()), Ok(()));
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(check_owner(dir.path()).unwrap_err().contains("chmod go-w"));
    }
}
