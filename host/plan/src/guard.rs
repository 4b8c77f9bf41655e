//! The interface that allows or refuses the steps of plugins.

use std::sync::Arc;

use crate::step::Origin;
use crate::verbs::Action;
use crate::watch::Watch;
use modsmith_facts::Places;

/// Decides whether a plugin may have a step run. Asked when the step is added
/// and again when it runs.
pub trait Guard {
    /// `Err` is the sentence for the user: plugin, rule and remedy.
    fn permits(&self, origin: &Origin, action: &Action, places: &Arc<Places>) -> Result<(), String>;

    /// Decides about what the step's operation comes upon. A step of a plugin
    /// follows no links, with and without one.
    fn watch(&self, origin: &Origin, places: &Arc<Places>) -> Option<Arc<dyn Watch>>;
}
