//! What a packager adds to a plan stays in its staging directory.

use crate::error::{Error, Kind, Result};
use modsmith_facts::{Location, Root};
use modsmith_plan::{Action, Step, Use};

/// Refuses steps that change anything else. (Programs of a
/// [confined section](modsmith_plan::Section::confined) can write nowhere else.)
pub(super) fn check_staged(steps: &[Step]) -> Result<()> {
    match steps.iter().find_map(|step| outside_staging(&step.action)) {
        None => Ok(()),
        Some(location) => Err(Error::new(
            Kind::Plugin,
            format!("The plugin of this format asked for {location}: it is confined to its staging directory."),
        )
        .hint("Report it to the plugin's author; `modsmith plugin list` names the plugin.")),
    }
}

/// What an action would change outside the staging directory.
fn outside_staging(action: &Action) -> Option<Location> {
    let uses = action.verb().uses();
    uses.iter().flat_map(Use::changed).find(|location| location.root != Root::Staging).cloned()
}
