//! The `settings` interface.

use super::CallState;
use crate::bindings::modsmith::plugin::settings::Host;
use crate::bindings::modsmith::plugin::types::Error;
use crate::settings::SettingKind;

impl CallState {
    fn setting(&self, key: &str, kind: SettingKind) -> Result<&str, Error> {
        self.settings.declared(key, kind).map_err(Error::invalid)
    }
}

/// A value whose type a text has been checked for where that was possible: what the
/// framework's configuration says is any text.
fn parsed<T: std::str::FromStr>(key: &str, text: &str, kind: SettingKind) -> Result<T, Error> {
    text.parse().map_err(|_| Error::invalid(format!("the setting `{key}` is `{text}`; its type is {kind}")))
}

impl Host for CallState {
    fn boolean(&mut self, key: String) -> wasmtime::Result<Result<bool, Error>> {
        let kind = SettingKind::Bool;
        Ok(self.setting(&key, kind).and_then(|text| if text.is_empty() { Ok(false) } else { parsed(&key, text, kind) }))
    }

    fn integer(&mut self, key: String) -> wasmtime::Result<Result<i64, Error>> {
        let kind = SettingKind::Integer;
        Ok(self.setting(&key, kind).and_then(|text| if text.is_empty() { Ok(0) } else { parsed(&key, text, kind) }))
    }

    fn text(&mut self, key: String) -> wasmtime::Result<Result<String, Error>> {
        Ok(self.setting(&key, SettingKind::String).map(str::to_owned))
    }

    fn texts(&mut self, key: String) -> wasmtime::Result<Result<Vec<String>, Error>> {
        Ok(self.setting(&key, SettingKind::List).map(|text| text.lines().map(str::to_owned).collect()))
    }

    fn keys(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.settings.keys().map(str::to_owned).collect())
    }
}
