//! Refusing a bad settings table before the plugin is asked for anything.

use std::sync::Arc;

use crate::bindings::exports::modsmith::plugin::settings_check::GuestIndices;
use crate::error::Error;
use crate::facade::Plugins;
use crate::facade::call::Subject;
use crate::index::IndexedPlugin;
use crate::manifest::Role;
use crate::settings::Values;

impl Plugins {
    /// The plugin's own opinion of its settings; good where it has none.
    pub(crate) fn validate(&self, entry: &IndexedPlugin, values: &Arc<Values>) -> Result<Result<(), String>, Error> {
        if !entry.manifest.provides(Role::SettingsCheck) {
            return Ok(Ok(()));
        }
        let roots = &self.system.roots;
        let call = |call: &mut crate::facade::call::Call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            guest.call_validate(&mut call.store)
        };
        let (checked, _) =
            self.call_with(entry, Role::SettingsCheck, Subject::default(), roots, values.clone(), call)?;
        Ok(checked.map_err(|error| error.message))
    }
}
