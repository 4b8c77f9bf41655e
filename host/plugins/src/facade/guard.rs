//! The guard of plans: whether a plugin's grant allows a step.

use std::sync::Arc;

use modsmith_facts::Places;
use modsmith_plan::{Action, Guard, Origin, Watch};

use crate::facade::Plugins;

impl Guard for Plugins {
    /// Adds steps' second key: the grant of the plugin that asked for them.
    fn permits(&self, origin: &Origin, action: &Action, places: &Arc<Places>) -> Result<(), String> {
        let Origin::Plugin { id, .. } = origin else { return Ok(()) };
        match self.reach(id, places) {
            Some(reach) => reach.permits(action),
            None => Err(format!("the plugin `{id}` that asked for this step is not installed here; install it again")),
        }
    }

    fn watch(&self, origin: &Origin, places: &Arc<Places>) -> Option<Arc<dyn Watch>> {
        let Origin::Plugin { id, .. } = origin else { return None };
        self.reach(id, places).map(|reach| Arc::new(reach) as Arc<dyn Watch>)
    }
}
