//! What a packager adds to a plan stays in its staging directory.

use crate::error::{Error, Kind, Result};
use modsmith_facts::{Location, Root};
use modsmith_plan::{Action, Builder, Use};

/// Refuses steps from `first` on that change anything else, and has programs
/// run without privileges, able to write nowhere else.
pub(super) fn confine_steps(plan: &mut Builder, first: usize) -> Result<()> {
    for step in plan.steps_from(first) {
        if let Some(what) = outside_staging(&step.action) {
            return Err(Error::new(
                Kind::Plugin,
                format!("The plugin of this format asked for {what}: it is confined to its staging directory."),
            )
            .hint("Report it to the plugin's author; `modsmith plugin list` names the plugin."));
        }
        if let Action::Run(command) = &mut step.action {
            command.confined = true;
        }
    }
    Ok(())
}

/// What an action would change outside the staging directory.
fn outside_staging(action: &Action) -> Option<Location> {
    let uses = action.verb().uses();
    uses.iter().flat_map(Use::changed).find(|location| location.root != Root::Staging).cloned()
}
