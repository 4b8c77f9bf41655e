//! From an archive to a staging directory, by the plugin of its format.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::FormatRequest;
use super::confined::check_staged;
use super::shape::{MAKE_AGAIN, malformed};
use super::staging::Staging;
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use modsmith_facts::{Location, Root};
use modsmith_plan::{Builder, Section, verbs};
use modsmith_plugins::{LoadPurpose, Loading, Packager};

/// Where a plugin leaves all files that an archive installs, below its staging directory.
const FILES: &str = "files";

/// Has the plugin unpack the archive. Done in a dry run too: what would be
/// loaded is not known before, and no place but the staging directory is
/// touched.
pub(super) fn unpack(
    run: &Invocation<'_>,
    archive: &Path,
    request: &FormatRequest,
    staging: &Staging,
    purpose: LoadPurpose,
) -> Result<()> {
    let format = &request.format;
    let title = format!("unpack {}", archive.display());
    let mut roots = staging.roots(run.env.system.roots.clone());
    // The archive's directory: no plugin can reach this root.
    roots.set(Root::System, archive.parent().unwrap_or(Path::new("/")));
    let name = archive.file_name().unwrap_or_default();
    let place = |root, path: &Path| Location::new(root, path).map_err(|e| Error::new(Kind::Usage, e.to_string()));
    let (from, copy) = (place(Root::System, Path::new(name))?, place(Root::Staging, Path::new("archive"))?);
    let top = Staging::top();
    let loading = Loading { archive: &copy, options: &request.options, staging: &top, purpose };

    let mut plan = Builder::new(title.as_str(), roots.clone());
    plan.push(verbs::MakeDirectory { location: top.clone() }, "archives are unpacked in a private directory");
    plan.push(verbs::Copy { from, to: copy.clone() }, "the plugin reads a private copy, which does not change");
    let section =
        || Section::new().confined().fails_as(Kind::ArchiveMalformed, cannot_be_unpacked(archive)).hint(MAKE_AGAIN);
    let loaded = plan.section(section(), |plan| Packager(&run.env.plugins).load(format, loading, plan))?;
    loaded.map_err(|why| malformed(archive, &format!("{}.", why.0)))?;
    check_staged(plan.steps())?;
    run.runner.run_in_staging(plan)?;

    let mut plan = Builder::new(title.as_str(), roots);
    let arranged = plan.section(section(), |plan| Packager(&run.env.plugins).arrange(format, loading, plan))?;
    arranged.map_err(|why| malformed(archive, &format!("{}.", why.0)))?;
    check_staged(plan.steps())?;
    run.runner.run_in_staging(plan)
}

/// Has a plugin unpack all files that an archive installs, as the directory `into`, which appears whole or
/// not at all. All users may enter its directories, whatever the umask is.
///
/// # Errors
/// A file that no plugin unpacks, or that is damaged.
pub fn unpack_files(run: &Invocation<'_>, archive: &Path, into: &Path) -> Result<()> {
    check_archive(archive)?;
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    let formats = Packager(&run.env.plugins).formats();
    let suffixes: Vec<String> = formats.iter().flat_map(|format| format.suffixes.clone()).collect();
    let format = formats.into_iter().filter_map(|format| Some((format.loads(&name)?, format)));
    let Some((_, format)) = format.max_by_key(|(length, _)| *length) else {
        let known = if suffixes.is_empty() { "none".to_owned() } else { suffixes.join(", ") };
        return Err(Error::new(Kind::Usage, format!("No plugin here unpacks {}.", archive.display()))
            .hint(format!("Files that are unpacked here end in: {known}.")));
    };
    let staging = Staging::below(into.parent().unwrap_or(Path::new("/")))?;
    let request = FormatRequest { format, options: Vec::new(), archive: None, place: None };
    unpack(run, archive, &request, &staging, LoadPurpose::Files)?;
    let files = staging.path().join(FILES);
    if !files.is_dir() {
        let message =
            format!("The plugin of the format `{}` did not unpack {}.", request.format.name, archive.display());
        return Err(
            Error::new(Kind::Plugin, message).hint("It unpacks packages of modules only: unpack the file by hand.")
        );
    }
    open_directories(&files).map_err(|error| Error::io("change the modes below", &files, error))?;
    std::fs::rename(&files, into).map_err(|error| Error::io("make", into, error))
}

fn open_directories(top: &Path) -> std::io::Result<()> {
    for entry in walkdir::WalkDir::new(top) {
        let entry = entry?;
        if entry.file_type().is_dir() {
            std::fs::set_permissions(entry.path(), PermissionsExt::from_mode(0o755))?;
        }
    }
    Ok(())
}

fn cannot_be_unpacked(archive: &Path) -> String {
    format!("{} was not loaded: it cannot be unpacked.", archive.display())
}

/// Refuses what is not a file before anything is begun.
pub(super) fn check_archive(archive: &Path) -> Result<()> {
    match std::fs::metadata(archive) {
        Ok(metadata) if metadata.is_file() => Ok(()),
        // dkms sees no archive there.
        Ok(metadata) if metadata.is_dir() => {
            Err(Error::new(Kind::SourceMissing, format!("{} is a directory, and no archive.", archive.display()))
                .hint("Name the archive to load."))
        }
        Ok(_) => Err(Error::new(Kind::ArchiveMalformed, format!("{} is not a file.", archive.display()))
            .hint("Name the archive to load.")),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            Err(Error::new(Kind::SourceMissing, format!("The archive {} does not exist.", archive.display()))
                .hint("Name the archive to load; a relative path counts from the current directory."))
        }
        Err(e) => Err(Error::io("read", archive, e)),
    }
}
