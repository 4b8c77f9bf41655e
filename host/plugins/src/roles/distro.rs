//! Claiming a system where the manifest cannot say it.

use crate::bindings::exports::modsmith::plugin::distro::GuestIndices;
use crate::error::Error;
use crate::facade::Plugins;
use crate::facade::call::{CallOutcome, Subject, call_outcome};
use crate::index::IndexedPlugin;
use crate::manifest::Role;

impl Plugins {
    /// The plugin's own judgement of the system: 0 for "not mine".
    pub fn score(&self, entry: &IndexedPlugin) -> Result<u8, Error> {
        let asked = self.call(entry, Role::Distro, Subject::default(), &self.system.roots, |call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            guest.call_score(&mut call.store)
        });
        let (answer, _) = asked?;
        match call_outcome(entry.id(), Role::Distro.name(), Subject::default(), answer)? {
            CallOutcome::Value(score) => Ok(score),
            CallOutcome::Unsupported(_) => Ok(0),
        }
    }
}
