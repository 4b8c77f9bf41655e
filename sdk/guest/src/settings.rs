//! The plugin's own settings: the defaults of its manifest, overlaid by the
//! administrator's.

use crate::bindings::imports::modsmith::plugin::settings as host;
use crate::{Result, invalid};

/// A setting's text; `None` when it is not set or empty.
pub fn setting(key: &str) -> Option<String> {
    host::get(key).filter(|value| !value.is_empty())
}

/// A setting's text, or a default.
pub fn setting_or(key: &str, default: &str) -> String {
    setting(key).unwrap_or_else(|| default.to_owned())
}

/// A switch; `false` when it is not set, `invalid` when it is neither `true` nor
/// `false`. Give its default in the manifest.
pub fn setting_bool(key: &str) -> Result<bool> {
    setting(key).map_or(Ok(false), |value| parse_bool(key, &value))
}

/// The items of a list; none when it is not set.
pub fn setting_list(key: &str) -> Vec<String> {
    setting(key).map(|value| value.lines().map(str::to_owned).collect()).unwrap_or_default()
}

/// All keys, sorted.
pub fn setting_keys() -> Vec<String> {
    host::keys()
}

fn parse_bool(key: &str, value: &str) -> Result<bool> {
    value.parse().map_err(|_| invalid(format!("The setting `{key}` is `{value}`; it must be `true` or `false`.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_that_is_no_boolean_is_refused_by_name() {
        assert_eq!(parse_bool("backup", "false"), Ok(false));
        let error = parse_bool("backup", "maybe").unwrap_err();
        assert!(error.to_string().contains("`backup` is `maybe`"), "{error}");
    }
}
