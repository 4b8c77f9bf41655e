//! The plugin's own settings: the defaults of its manifest, overlaid by the
//! administrator's. A key that the manifest does not declare, or declares as another
//! type, is an error.

use crate::Result;
use crate::bindings::imports::modsmith::plugin::settings as host;

/// A setting's text; `None` when it is not set or empty.
pub fn setting(key: &str) -> Result<Option<String>> {
    Ok(Some(host::text(key)?).filter(|text| !text.is_empty()))
}

/// A setting's text, or a default.
pub fn setting_or(key: &str, default: &str) -> Result<String> {
    Ok(setting(key)?.unwrap_or_else(|| default.to_owned()))
}

/// A switch. Give its default in the manifest.
pub fn setting_bool(key: &str) -> Result<bool> {
    host::boolean(key)
}

/// A number. Give its default in the manifest.
pub fn setting_integer(key: &str) -> Result<i64> {
    host::integer(key)
}

/// The items of a list; none when it is not set.
pub fn setting_list(key: &str) -> Result<Vec<String>> {
    host::texts(key)
}

/// All keys, sorted.
pub fn setting_keys() -> Vec<String> {
    host::keys()
}
