//! The plugin's own settings: the defaults of its manifest, overlaid by the
//! administrator's. A key that the manifest does not declare, or declares as another
//! type, is an error.

use crate::Result;
use crate::bindings::imports::modsmith::plugin::settings as host;

/// Returns a setting's text; `None` when it is not set or empty.
pub fn setting(key: &str) -> Result<Option<String>> {
    Ok(Some(host::text(key)?).filter(|text| !text.is_empty()))
}

/// Returns a setting's text, or a default when it is not set or empty.
pub fn setting_or(key: &str, default: &str) -> Result<String> {
    Ok(setting(key)?.unwrap_or_else(|| default.to_owned()))
}

/// Returns the value of a switch. The manifest has its default.
pub fn setting_bool(key: &str) -> Result<bool> {
    host::boolean(key)
}

/// Returns the value of a number. The manifest has its default.
///
/// ```no_run
/// use modsmith_plugin::prelude::*;
/// use modsmith_plugin::settings::setting_integer;
///
/// /// The manifest has `[settings] seconds = { type = "integer", default = 60 }`.
/// fn patient_command() -> Result<Command> {
///     let seconds = u32::try_from(setting_integer("seconds")?).map_err(|_| invalid("`seconds` is out of range"))?;
///     Ok(cmd!("make-image").time_limit(seconds))
/// }
/// ```
pub fn setting_integer(key: &str) -> Result<i64> {
    host::integer(key)
}

/// Returns the items of a list; none when the list is not set.
pub fn setting_list(key: &str) -> Result<Vec<String>> {
    host::texts(key)
}

/// Returns all keys of the plugin's settings, sorted.
pub fn setting_keys() -> Vec<String> {
    host::keys()
}
