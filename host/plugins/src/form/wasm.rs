//! WebAssembly as this host takes it: the features that plugins may use, and the
//! configuration of the engine.
//!
//! The features are those that the interface, and the output of rustc and the component
//! tools for it, need. Each further one would be code of the engine that a plugin can
//! reach and that has no use.

use wasmparser::{Validator, WasmFeatures};
use wasmtime::{Config, Engine};

/// By their names in wasmparser, which are the same in the version that the engine
/// has. Beside the component model they are those of "Lime1" (the set that LLVM
/// emits by default), floats, and tables of functions.
const ENABLED: [&str; 9] = [
    "MUTABLE_GLOBAL",
    "SATURATING_FLOAT_TO_INT",
    "SIGN_EXTENSION",
    "REFERENCE_TYPES",
    "MULTI_VALUE",
    "BULK_MEMORY",
    "FLOATS",
    "EXTENDED_CONST",
    "COMPONENT_MODEL",
];

/// For checking a component's form.
pub(crate) fn for_validation() -> WasmFeatures {
    ENABLED.iter().fold(WasmFeatures::empty(), |all, name| {
        all | WasmFeatures::from_name(name).expect("wasmparser has a feature of this name")
    })
}

/// The one configuration, for compiling and loading alike: a cache file fits
/// only the configuration that it was made with.
pub fn config() -> Config {
    let mut config = Config::new();
    config.wasm_features(wasmtime::WasmFeatures::all(), false).wasm_features(for_engine(), true);
    config.consume_fuel(true).max_wasm_stack(512 * 1024);
    config
}

/// The engine of wasmtime, as this program uses it.
///
/// # Errors
/// A processor that wasmtime has no compiler for.
pub fn wasmtime() -> wasmtime::Result<Engine> {
    Engine::new(&config())
}

/// For the engine, which compiles and loads with them alone. They are part of the
/// cache's key, as all of its configuration.
fn for_engine() -> wasmtime::WasmFeatures {
    ENABLED.iter().fold(wasmtime::WasmFeatures::empty(), |all, name| {
        all | wasmtime::WasmFeatures::from_name(name).expect("the engine has a feature of this name")
    })
}

/// The feature, as people write it, without which a component is not valid;
/// `None` where it is valid with none.
pub fn lacking(component: &[u8]) -> Option<String> {
    let valid = |features| Validator::new_with_features(features).validate_all(component).is_ok();
    if !valid(WasmFeatures::all()) {
        return None;
    }
    let others = || WasmFeatures::all().difference(for_validation()).iter_names();
    let alone = others().find(|(_, feature)| valid(for_validation() | *feature));
    // If the plugin needs several features, the first one is named.
    let needed = || others().find(|(_, feature)| !valid(WasmFeatures::all().difference(*feature)));
    let (name, _) = alone.or_else(needed)?;
    Some(name.strip_prefix("CM_").map_or_else(|| plain(name), |name| format!("component-model {}", plain(name))))
}

fn plain(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_and_its_engine_have_the_same_features() {
        let names = |names: Vec<&'static str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
        let validated = names(for_validation().iter_names().map(|(name, _)| name).collect());
        assert_eq!(validated, names(for_engine().iter_names().map(|(name, _)| name).collect()));
        for missing in ["THREADS", "SIMD", "MULTI_MEMORY", "MEMORY64", "GC", "EXCEPTIONS", "TAIL_CALL", "CM_ASYNC"] {
            assert!(!validated.contains(&missing.to_owned()), "{missing}");
        }
    }
}
