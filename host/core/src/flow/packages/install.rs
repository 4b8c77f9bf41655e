//! Package files that the system itself installs.

use std::path::Path;

use super::FormatRequest;
use super::staging::Staging;
use super::unpack::check_archive;
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::actions::autoinstall::autoinstall;
use crate::tree::Target;
use modsmith_facts::{Location, Root};
use modsmith_plan::{Action, Builder, Command};
use modsmith_plugins::Packager;

/// Has the system's own package manager install a file, which runs its
/// scripts, and then builds whatever is missing for a kernel, as dkms does.
/// `false` where the format is none that this system installs: then the file
/// is there to be loaded.
pub fn install_archive(run: &Invocation<'_>, archive: &Path, target: &Target, request: &FormatRequest) -> Result<bool> {
    let Some(command) = Packager(&run.env.plugins).installer(&request.format)? else { return Ok(false) };
    check_archive(archive)?;
    // The scripts of the file call this program, which needs the lock and recovers journals: so no
    // lock is held here, and the journal is outside the tree.
    let staging = Staging::elsewhere()?;
    let mut roots = staging.roots(run.env.system.roots.clone());
    roots.set(Root::System, archive.parent().unwrap_or(Path::new("/")));
    let from = Location::new(Root::System, archive.file_name().unwrap_or_default())
        .map_err(|e| Error::new(Kind::Usage, e.to_string()))?;
    let mut plan = Builder::new(format!("install {}", archive.display()), roots);
    let (program, arguments) = command.split_first().expect("an installer has a program");
    let mut command = Command::new(program).args(arguments).location_arg(from);
    command.time_limit = None;
    plan.push(Action::Run(command), "the package manager of this system installs such files")
        .progress(format!("Installing {}", archive.display()))
        .fails_as(Kind::ArchiveUnwritable, format!("{program} did not install {}.", archive.display()));
    run.runner.run(plan)?;
    run.runner.after_success(|| autoinstall(run, target)).transpose()?;
    Ok(true)
}
