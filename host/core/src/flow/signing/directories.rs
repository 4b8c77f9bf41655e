//! Directories of a key pair that is going to be made.

use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use modsmith_facts::{Location, Root, inside};
use modsmith_plan::{Argument, Builder, verbs};
use modsmith_plugins::Signing;

/// Makes the directories that a new pair goes to, where they are dkms's own: in the tree, or below
/// `/etc/dkms`. `plan` is the one that makes the pair.
///
/// # Errors
/// A directory elsewhere that is not there: a key in a place that a slip names would be lost.
pub(super) fn make_directories(run: &Invocation<'_>, plan: &Builder, signing: &Signing) -> Result<()> {
    let mut missing: Vec<Location> = Vec::new();
    let settings = &run.env.framework;
    let halves = [
        ("signing key", &signing.key, settings.mok_signing_key()),
        ("certificate", &signing.certificate, settings.mok_certificate()),
    ];
    // If no setting names a half, the plugin chose its directory, and makes it.
    for (what, half, _) in halves.into_iter().filter(|(_, _, named)| named.is_some()) {
        let Some(Argument::Location(half)) = half else { continue };
        let Some(directory) = half.parent().filter(|it| !it.relative().as_os_str().is_empty()) else { continue };
        let Some(path) = plan.roots().path(&directory).filter(|path| !inside::is_dir(path)) else { continue };
        if !is_of_dkms(&directory) {
            let half = plan.shown(&Argument::Location(half.clone()));
            return Err(Error::new(
                Kind::Usage,
                format!("The {what} {half} cannot be made: the directory {} is missing.", path.display()),
            )
            .hint(format!("Make the directory {}, then run the command again.", path.display())));
        }
        if !missing.contains(&directory) {
            missing.push(directory);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let mut plan = Builder::new("make the directory of the signing key", plan.roots().clone());
    for location in missing {
        plan.push(verbs::MakeDirectory { location }, "framework.conf names a key pair in it, which is made next");
    }
    run.runner.run(plan)
}

fn is_of_dkms(directory: &Location) -> bool {
    match directory.root {
        Root::Tree => true,
        Root::Etc => directory.relative().starts_with(Path::new("dkms")),
        _ => false,
    }
}
