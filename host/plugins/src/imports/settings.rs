//! The `settings` interface.

use super::State;
use crate::bindings::modsmith::plugin::settings::Host;

impl Host for State {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        Ok(self.settings.get(&key).map(str::to_owned))
    }

    fn keys(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.settings.keys().map(str::to_owned).collect())
    }
}
