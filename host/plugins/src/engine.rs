//! Turning a plugin file into something that can be called.

use std::path::Path;

use wasmtime::Engine as Wasmtime;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

use super::bindings::AllRoles;
use super::cache::{Cache, CachePlaces};
use super::compile::{CompileError, Compiler};
use super::form;
use super::imports::CallState;
use super::index::{IndexedPlugin, read_trusted};
use super::limits::LoadingLimits;
use crate::form::wasm::wasmtime;

/// The engine, its imports and its cache: made once, when a plugin is first
/// needed.
pub struct Engine {
    wasmtime: Wasmtime,
    linker: Linker<CallState>,
    cache: Cache,
    compiler: Compiler,
    limits: LoadingLimits,
}

/// Why a plugin cannot be called.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("{0}")]
    Unreadable(String),
    #[error(transparent)]
    Form(#[from] form::BadForm),
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error("what the compiler made of it cannot be loaded ({0}); report this as a fault of modsmith")]
    Code(String),
    #[error("it does not fit the plugin interface of this host ({0}); rebuild it for track {track}", track = super::manifest::TRACK)]
    Link(String),
}

impl Engine {
    /// `places`: where compiled plugins are.
    pub fn new(places: impl Into<CachePlaces>, compiler: Compiler, limits: LoadingLimits) -> wasmtime::Result<Self> {
        let wasmtime = wasmtime()?;
        let mut linker = Linker::new(&wasmtime);
        AllRoles::add_to_linker::<CallState, HasSelf<CallState>>(&mut linker, |state| state)?;
        let cache = Cache::new(&wasmtime, places.into());
        Ok(Self { wasmtime, linker, cache, compiler, limits })
    }

    pub(super) fn wasmtime(&self) -> &Wasmtime {
        &self.wasmtime
    }

    /// Loads a plugin from the cache, or checks, compiles and keeps it. An entry of the cache was
    /// checked when it was compiled: it is found by its digest.
    pub fn load(&self, entry: &IndexedPlugin) -> Result<InstancePre<CallState>, LoadError> {
        let bytes = read_trusted(&entry.component, &self.limits).map_err(LoadError::Unreadable)?;
        let component = match self.cache.load(&self.wasmtime, &bytes) {
            Some(component) => component,
            None => self.compile(&bytes)?,
        };
        self.linker.instantiate_pre(&component).map_err(|e| LoadError::Link(format!("{e:#}")))
    }

    /// Compiles a component and keeps the code, unless the cache has it. Calls `begin`
    /// with the component's size before it is compiled.
    pub fn prepare(&self, component: &Path, begin: impl FnOnce(u64)) -> Result<(), LoadError> {
        let bytes = read_trusted(component, &self.limits).map_err(LoadError::Unreadable)?;
        if self.cache.load(&self.wasmtime, &bytes).is_none() {
            begin(bytes.len() as u64);
            self.compile(&bytes)?;
        }
        Ok(())
    }

    fn compile(&self, bytes: &[u8]) -> Result<Component, LoadError> {
        form::check_world(bytes, &form::manifest(bytes)?)?;
        let code = self.compiler.compile(&self.wasmtime, bytes)?;
        self.cache.store(bytes, &code);
        // SAFETY: the code was made just now, by this program with the engine's own
        // configuration.
        unsafe { Component::deserialize(&self.wasmtime, &code) }.map_err(|e| LoadError::Code(format!("{e:#}")))
    }
}
