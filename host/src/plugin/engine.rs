//! Turning a plugin file into something that can be called.

use std::path::{Path, PathBuf};

use wasmtime::component::{Component, HasSelf, InstancePre, Linker};
use wasmtime::{Config, Engine as Wasmtime};

use super::bindings::AllRoles;
use super::cache::Cache;
use super::form;
use super::imports::State;
use super::index::{Entry, read_trusted};

/// The engine, its imports and its cache: made once, when a plugin is first
/// needed.
pub struct Engine {
    wasmtime: Wasmtime,
    linker: Linker<State>,
    cache: Cache,
}

/// Why a plugin cannot be called.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("{0}")]
    Unreadable(String),
    #[error(transparent)]
    Form(#[from] form::BadForm),
    #[error("it cannot be compiled ({0}); report this to its author")]
    Compile(String),
    #[error("it does not fit the plugin interface of this host ({0}); rebuild it for track {track}", track = super::manifest::TRACK)]
    Link(String),
}

/// The one configuration, for compiling and loading alike: a cache file fits
/// only the configuration that it was made with.
fn config() -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true).consume_fuel(true).max_wasm_stack(512 * 1024);
    config
}

impl Engine {
    pub fn new(caches: Vec<PathBuf>) -> wasmtime::Result<Self> {
        let wasmtime = Wasmtime::new(&config())?;
        let mut linker = Linker::new(&wasmtime);
        AllRoles::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
        let cache = Cache::new(&wasmtime, caches);
        Ok(Self { wasmtime, linker, cache })
    }

    pub(super) fn wasmtime(&self) -> &Wasmtime {
        &self.wasmtime
    }

    /// Where a plugin's compiled form is kept below a cache directory.
    pub fn cache_file(&self, directory: &Path, component: &[u8]) -> PathBuf {
        self.cache.file(directory, component)
    }

    /// Loads a plugin from the cache, or checks, compiles and keeps it. What is
    /// in the cache was checked when it was compiled: it is found by its digest.
    pub fn load(&self, entry: &Entry) -> Result<InstancePre<State>, LoadError> {
        let bytes = read_trusted(&entry.component).map_err(LoadError::Unreadable)?;
        let beside = entry.component.parent().unwrap_or(Path::new("/"));
        let component = match self.cache.load(&self.wasmtime, &bytes, beside) {
            Some(component) => component,
            None => self.compile(&bytes)?,
        };
        self.linker.instantiate_pre(&component).map_err(|e| LoadError::Link(format!("{e:#}")))
    }

    fn compile(&self, bytes: &[u8]) -> Result<Component, LoadError> {
        form::check_world(bytes, &form::manifest(bytes)?)?;
        let failed = |e: wasmtime::Error| LoadError::Compile(format!("{e:#}"));
        let component = Component::from_binary(&self.wasmtime, bytes).map_err(failed)?;
        match component.serialize() {
            Ok(compiled) => self.cache.store(bytes, &compiled),
            Err(e) => tracing::debug!("compiled plugin not kept: {e:#}"),
        }
        Ok(component)
    }
}
