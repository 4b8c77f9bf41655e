//! The `context` interface: the kernel and the package that a call is about.

use std::sync::Arc;

use wasmtime::component::Resource;

use super::{CallState, PackageFacts, SymbolSource};
use crate::bindings::modsmith::plugin::context::{Host, HostKernel, HostModule, HostModulePackage};
use crate::bindings::modsmith::plugin::types::{Error, Path};
use crate::imports::observed::Observation;
use modsmith_facts::Root;
use modsmith_facts::kernel::{Kernel, SymbolVersions, module_stem};

/// A kernel, lent to a plugin.
pub struct KernelFacts(pub Arc<Kernel>);

/// A package, lent to a plugin.
pub struct ModulePackage(pub Arc<PackageFacts>);

/// A module of a package, by its place in the package's list.
pub struct Module {
    package: Arc<PackageFacts>,
    index: usize,
}

/// A name of one directory.
fn is_plain_name(name: &str) -> bool {
    !name.starts_with('.') && !name.is_empty() && !name.contains(['/', '\0'])
}

impl Host for CallState {}

impl HostKernel for CallState {
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
        let value = self.table.get(&this)?.0.config(&symbol).map(str::to_owned);
        if let Some(value) = &value {
            self.observe(|| Observation::Config { symbol, value: value.clone() });
        }
        Ok(value)
    }

    fn compressions(&mut self, this: Resource<KernelFacts>) -> wasmtime::Result<Vec<String>> {
        let compressions = self.table.get(&this)?.0.compressions().to_vec();
        let names = compressions.iter().map(|c| c.name().to_owned()).collect();
        self.observe(|| Observation::Compressions(compressions));
        Ok(names)
    }

    fn running(&mut self, this: Resource<KernelFacts>) -> wasmtime::Result<bool> {
        Ok(self.table.get(&this)?.0.running())
    }

    fn drop(&mut self, this: Resource<KernelFacts>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostModule for CallState {
    fn name(&mut self, this: Resource<Module>) -> wasmtime::Result<String> {
        let Module { package, index } = self.table.get(&this)?;
        Ok(package.modules[*index].clone())
    }

    fn file(&mut self, this: Resource<Module>) -> wasmtime::Result<Option<Path>> {
        let Module { package, index } = self.table.get(&this)?;
        let name = &package.modules[*index];
        let is_own = |file: &&String| {
            module_stem(file.rsplit('/').next().unwrap_or_default()).is_some_and(|(stem, _)| stem == name)
        };
        let file = package.installed.iter().find(is_own);
        Ok(file.map(|relative| Path { root: Root::Modules.name().to_owned(), relative: relative.clone() }))
    }

    fn symbol_versions(&mut self, this: Resource<Module>) -> wasmtime::Result<Result<Vec<(String, u32)>, Error>> {
        let Module { package, index } = self.table.get(&this)?;
        let module = &package.modules[*index];
        let Some(source) = package.symbols.get(module) else {
            // As while an installation is shown that would build it first.
            return Ok(Err(Error::unsupported(format!("{module} is not built yet"))));
        };
        Ok(match source {
            SymbolSource::Known(versions) => Ok(versions.0.clone()),
            SymbolSource::File(file) => SymbolVersions::read(file)
                .map(|versions| versions.0)
                .map_err(|e| Error::other(format!("the symbols of {} cannot be read: {e}", file.display()))),
        })
    }

    fn drop(&mut self, this: Resource<Module>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostModulePackage for CallState {
    fn name(&mut self, this: Resource<ModulePackage>) -> wasmtime::Result<String> {
        Ok(self.table.get(&this)?.0.name.clone())
    }

    fn version(&mut self, this: Resource<ModulePackage>) -> wasmtime::Result<String> {
        Ok(self.table.get(&this)?.0.version.clone())
    }

    fn directive(&mut self, this: Resource<ModulePackage>, name: String) -> wasmtime::Result<Vec<String>> {
        Ok(self.table.get(&this)?.0.directives.get(&name).cloned().unwrap_or_default())
    }

    fn modules(&mut self, this: Resource<ModulePackage>) -> wasmtime::Result<Vec<Resource<Module>>> {
        let package = self.table.get(&this)?.0.clone();
        (0..package.modules.len()).map(|index| self.push(Module { package: package.clone(), index })).collect()
    }

    fn build(&mut self, this: Resource<ModulePackage>, kernel: Resource<KernelFacts>) -> wasmtime::Result<Path> {
        let package = &self.table.get(&this)?.0;
        let kernel = &self.table.get(&kernel)?.0;
        let relative = [&package.name, &package.version, kernel.release(), kernel.arch()].join("/");
        Ok(Path { root: Root::Tree.name().to_owned(), relative })
    }

    fn versions_built(
        &mut self,
        this: Resource<ModulePackage>,
        release: String,
        arch: String,
    ) -> wasmtime::Result<Vec<String>> {
        let package = &self.table.get(&this)?.0;
        let Some(tree) = self.roots.get(Root::Tree) else { return Ok(Vec::new()) };
        if !is_plain_name(&release) || !is_plain_name(&arch) {
            return Ok(Vec::new());
        }
        let entries = std::fs::read_dir(tree.join(&package.name)).into_iter().flatten().flatten();
        let build = |entry: &std::fs::DirEntry| entry.path().join(&release).join(&arch).join("module");
        let built = entries.filter(|entry| build(entry).is_dir()).inspect(|entry| {
            self.observe(|| Observation::Entry(build(entry)));
        });
        let mut versions: Vec<String> = built.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        versions.sort();
        Ok(versions)
    }

    fn drop(&mut self, this: Resource<ModulePackage>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
