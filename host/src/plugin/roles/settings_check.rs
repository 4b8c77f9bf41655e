//! Refusing a bad settings table before the plugin is asked for anything.

use std::sync::Arc;

use crate::error::Error;
use crate::plugin::bindings::exports::modsmith::plugin::settings_check::GuestIndices;
use crate::plugin::call::Subject;
use crate::plugin::facade::Plugins;
use crate::plugin::index::Entry;
use crate::plugin::manifest::Role;
use crate::plugin::settings::Values;

impl Plugins {
    /// The plugin's own opinion of its settings; good where it has none.
    pub(in crate::plugin) fn validate(&self, entry: &Entry, values: &Arc<Values>) -> Result<Result<(), String>, Error> {
        if !entry.manifest.provides(Role::SettingsCheck) {
            return Ok(Ok(()));
        }
        let roots = &self.system.roots;
        let call = |call: &mut crate::plugin::call::Call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            guest.call_validate(&mut call.store)
        };
        let (checked, _) =
            self.call_with(entry, Role::SettingsCheck, Subject::default(), roots, values.clone(), call)?;
        Ok(checked.map_err(|problems| problems.join("; ")))
    }
}
