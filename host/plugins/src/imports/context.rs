//! The `context` interface: the kernel and the package that a call is about.

use std::sync::Arc;

use wasmtime::component::Resource;

use super::{PackageFacts, State, SymbolSource};
use crate::bindings::modsmith::plugin::context::{Host, HostKernel, HostModulePackage};
use crate::bindings::modsmith::plugin::types::{Compression, Error};
use modsmith_facts::kernel::{Kernel, SymbolVersions};

/// A kernel, lent to a plugin.
pub struct KernelFacts(pub Arc<Kernel>);

/// A package, lent to a plugin.
pub struct ModulePackage(pub Arc<PackageFacts>);

impl Host for State {}

impl HostKernel for State {
    fn release(&mut self, this: Resource<KernelFacts>) -> wasmtime::Result<String> {
        Ok(self.table.get(&this)?.0.release().to_owned())
    }

    fn machine(&mut self, this: Resource<KernelFacts>) -> wasmtime::Result<String> {
        Ok(self.table.get(&this)?.0.machine().to_owned())
    }

    fn arch(&mut self, this: Resource<KernelFacts>) -> wasmtime::Result<String> {
        Ok(self.table.get(&this)?.0.arch().to_owned())
    }

    fn config(&mut self, this: Resource<KernelFacts>, symbol: String) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&this)?.0.config(&symbol).map(str::to_owned))
    }

    fn compressions(&mut self, this: Resource<KernelFacts>) -> wasmtime::Result<Vec<Compression>> {
        Ok(self.table.get(&this)?.0.compressions().iter().map(|c| Compression::from(*c)).collect())
    }

    fn running(&mut self, this: Resource<KernelFacts>) -> wasmtime::Result<bool> {
        Ok(self.table.get(&this)?.0.running())
    }

    fn drop(&mut self, this: Resource<KernelFacts>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostModulePackage for State {
    fn name(&mut self, this: Resource<ModulePackage>) -> wasmtime::Result<String> {
        Ok(self.table.get(&this)?.0.name.clone())
    }

    fn version(&mut self, this: Resource<ModulePackage>) -> wasmtime::Result<String> {
        Ok(self.table.get(&this)?.0.version.clone())
    }

    fn directive(&mut self, this: Resource<ModulePackage>, name: String) -> wasmtime::Result<Vec<String>> {
        Ok(self.table.get(&this)?.0.directives.get(&name).cloned().unwrap_or_default())
    }

    fn modules(&mut self, this: Resource<ModulePackage>) -> wasmtime::Result<Vec<String>> {
        Ok(self.table.get(&this)?.0.modules.clone())
    }

    fn installed(&mut self, this: Resource<ModulePackage>) -> wasmtime::Result<Vec<String>> {
        Ok(self.table.get(&this)?.0.installed.clone())
    }

    fn symbol_versions(
        &mut self,
        this: Resource<ModulePackage>,
        module: String,
    ) -> wasmtime::Result<Result<Vec<(String, u32)>, Error>> {
        let package = self.table.get(&this)?.0.clone();
        let Some(source) = package.symbols.get(&module) else {
            // As while an installation is shown that would build it first.
            if package.modules.contains(&module) && package.symbols.is_empty() {
                return Ok(Err(Error::Unsupported(format!("{module} is not built yet"))));
            }
            let known: Vec<&str> = package.symbols.keys().map(String::as_str).collect();
            return Ok(Err(Error::Invalid(format!(
                "{}/{} has no built module `{module}` here, but: {}",
                package.name,
                package.version,
                known.join(", ")
            ))));
        };
        Ok(match source {
            SymbolSource::Known(versions) => Ok(versions.0.clone()),
            SymbolSource::File(file) => SymbolVersions::read(file)
                .map(|versions| versions.0)
                .map_err(|e| Error::Other(format!("the symbols of {} cannot be read: {e}", file.display()))),
        })
    }

    fn drop(&mut self, this: Resource<ModulePackage>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
