//! Questions to plugins about a restart into a kernel, and their answers.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use wasmtime::component::Resource;

use super::kept::completes;
use super::{CallState, KernelFacts};
use crate::bindings::modsmith::plugin::answers::{HostCheckReport, HostFinding};
use crate::bindings::modsmith::plugin::requests::HostCheckRequest;
use crate::bindings::modsmith::plugin::types::Error;
use modsmith_facts::kernel::{Kernel, ModInfo, builtin_modules, indexed_modules};
use modsmith_facts::machine::Machine;

type Done = wasmtime::Result<()>;
type Answer<T> = wasmtime::Result<Result<T, Error>>;

/// A machine, and the kernel that it may be restarted into.
pub struct CheckRequest {
    pub kernel: Arc<Kernel>,
    pub machine: Machine,
    /// Names of modules that packages make, each with the package.
    pub makers: Vec<(String, String)>,
    index: OnceLock<Result<HashMap<String, PathBuf>, String>>,
}

impl CheckRequest {
    pub fn new(kernel: Arc<Kernel>, machine: Machine, makers: Vec<(String, String)>) -> Self {
        Self { kernel, machine, makers, index: OnceLock::new() }
    }

    fn file(&self, module: &str) -> Result<Option<PathBuf>, Error> {
        let module_dir = self.kernel.module_dir();
        let index = self.index.get_or_init(|| {
            let modules = or_none(indexed_modules(module_dir)).map_err(|error| error.to_string())?;
            Ok(modules.into_iter().map(|module| (module.name, module.file)).collect())
        });
        match index {
            Ok(index) => Ok(index.get(&kernel_name(module)).map(|file| module_dir.join(file))),
            Err(why) => Err(Error::other(why.clone())),
        }
    }

    fn has_module(&self, name: &str) -> Result<bool, Error> {
        if self.file(name)?.is_some() {
            return Ok(true);
        }
        let builtin = or_none(builtin_modules(self.kernel.module_dir()));
        let builtin = builtin.map_err(|error| Error::other(error.to_string()))?;
        Ok(builtin.contains(&kernel_name(name)))
    }

    fn module_info(&self, module: &str, field: &str) -> Result<Vec<String>, Error> {
        let release = self.kernel.release();
        let missing = || Error::missing(format!("kernel {release} has no file of the module {module}"));
        let file = self.file(module)?.ok_or_else(missing)?;
        let info = ModInfo::read(&file)
            .map_err(|error| Error::other(format!("the module file of {module} cannot be read: {error}")))?;
        Ok(info.all(field).map(str::to_owned).collect())
    }

    fn packages_of(&self, module: &str) -> Vec<String> {
        let name = kernel_name(module);
        let makers = self.makers.iter().filter(|(made, _)| *made == name);
        let mut packages: Vec<String> = makers.map(|(_, package)| package.clone()).collect();
        packages.sort();
        packages.dedup();
        packages
    }
}

/// A list that is missing names no module: modprobe(8) finds none without it.
fn or_none<T>(list: io::Result<Vec<T>>) -> io::Result<Vec<T>> {
    match list {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        list => list,
    }
}

/// A module's name as the kernel has it.
fn kernel_name(name: &str) -> String {
    name.replace('-', "_")
}

/// The answer `finding`, as the plugin gave it.
#[derive(Debug, Clone, Default)]
pub struct FindingAnswer {
    pub id: String,
    pub subject: String,
    pub level: String,
    pub message: String,
    pub evidence: Option<String>,
    pub remedy: Option<String>,
}

/// A module that the machine needs, as the plugin gave it.
#[derive(Debug, Clone)]
pub struct NeedAnswer {
    pub module: String,
    pub purpose: String,
    pub why: String,
}

/// The answer `check-report`, as the plugin gave it.
#[derive(Debug, Clone, Default)]
pub struct CheckReportAnswer {
    pub findings: Vec<FindingAnswer>,
    pub needs: Vec<NeedAnswer>,
}

impl HostCheckRequest for CallState {
    fn kernel(&mut self, this: Resource<CheckRequest>) -> wasmtime::Result<Resource<KernelFacts>> {
        let kernel = self.table.get(&this)?.kernel.clone();
        self.push(KernelFacts(kernel))
    }

    fn has_module(&mut self, this: Resource<CheckRequest>, name: String) -> Answer<bool> {
        Ok(self.table.get(&this)?.has_module(&name))
    }

    fn module_info(&mut self, this: Resource<CheckRequest>, module: String, field: String) -> Answer<Vec<String>> {
        Ok(self.table.get(&this)?.module_info(&module, &field))
    }

    fn packages_of(&mut self, this: Resource<CheckRequest>, module: String) -> wasmtime::Result<Vec<String>> {
        Ok(self.table.get(&this)?.packages_of(&module))
    }

    fn mounted(&mut self, this: Resource<CheckRequest>, at: String) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&this)?.machine.mounted(&at))
    }

    fn drop(&mut self, this: Resource<CheckRequest>) -> Done {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostFinding for CallState {
    fn new(
        &mut self,
        id: String,
        subject: String,
        level: String,
        message: String,
    ) -> wasmtime::Result<Resource<FindingAnswer>> {
        self.keep(&[&id, &subject, &level, &message])?;
        self.push(FindingAnswer { id, subject, level, message, ..FindingAnswer::default() })
    }

    completes!(set_evidence(FindingAnswer, text: String) |answer| answer.evidence = Some(text));
    completes!(set_remedy(FindingAnswer, sentence: String) |answer| answer.remedy = Some(sentence));

    fn drop(&mut self, this: Resource<FindingAnswer>) -> Done {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostCheckReport for CallState {
    fn new(&mut self) -> wasmtime::Result<Resource<CheckReportAnswer>> {
        self.push(CheckReportAnswer::default())
    }

    fn add(&mut self, this: Resource<CheckReportAnswer>, found: Resource<FindingAnswer>) -> Done {
        let found = self.table.delete(found)?;
        self.table.get_mut(&this)?.findings.push(found);
        Ok(())
    }

    completes!(need(CheckReportAnswer, module: String, purpose: String, why: String) |answer| answer.needs.push(NeedAnswer { module, purpose, why }));

    fn drop(&mut self, this: Resource<CheckReportAnswer>) -> Done {
        self.table.delete(this)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_list_names_nothing_and_an_unreadable_one_is_an_error() {
        let list = |kind| or_none::<String>(Err(io::Error::from(kind)));
        assert!(list(io::ErrorKind::NotFound).unwrap().is_empty());
        assert!(list(io::ErrorKind::PermissionDenied).is_err());
    }
}
