//! The `requests` interface: what the host asks, one resource for each kind of
//! question.

use std::sync::Arc;

use wasmtime::component::Resource;

use super::CallState;
use super::answers::SigningAnswer;
use super::context::{KernelFacts, ModulePackage};
use crate::bindings::modsmith::plugin::requests::{self as wit, Host};
use crate::bindings::modsmith::plugin::types::{Path, Property};
use modsmith_facts::kernel::Kernel;

use super::PackageFacts;

pub struct MachineRequest {
    pub machine: String,
}

pub struct HeadersRequest {
    pub kernel: Arc<Kernel>,
}

pub struct InstallRequest {
    pub kernel: Arc<Kernel>,
    pub package: Option<Arc<PackageFacts>>,
    pub directory: String,
}

pub struct RemovalRequest {
    pub package: Option<Arc<PackageFacts>>,
}

pub struct PrepareRequest {
    pub kernel: Arc<Kernel>,
    pub config: Option<Vec<u8>>,
}

pub struct ImageRequest {
    pub kernel: Arc<Kernel>,
    pub occasion: &'static str,
    pub packages: Vec<Arc<PackageFacts>>,
}

pub struct KeyRequest {
    pub kernel: Arc<Kernel>,
}

pub struct SignRequest {
    pub kernel: Arc<Kernel>,
    pub package: Option<Arc<PackageFacts>>,
    pub file: Path,
    pub signing: SigningAnswer,
}

pub struct ConfigRequest {
    pub kernel: Arc<Kernel>,
    pub package: Arc<PackageFacts>,
}

pub struct LinkRequest {
    pub kernel: Arc<Kernel>,
    pub package: Arc<PackageFacts>,
}

pub struct RemovedKernelRequest {
    pub kernel: Arc<Kernel>,
}

pub struct EventRequest {
    pub kernel: Arc<Kernel>,
    pub event: &'static str,
    pub packages: Vec<Arc<PackageFacts>>,
}

pub struct FormatRequest {
    pub format: String,
    pub options: Vec<Property>,
}

pub struct AssembleRequest {
    pub format: String,
    pub options: Vec<Property>,
    pub package: Arc<PackageFacts>,
    pub kernels: Vec<Arc<Kernel>>,
    pub staging: Path,
}

pub struct LoadRequest {
    pub format: String,
    pub options: Vec<Property>,
    pub archive: Path,
    pub staging: Path,
    pub purpose: &'static str,
}

impl Host for CallState {}

impl CallState {
    fn lend_package(&mut self, package: Arc<PackageFacts>) -> wasmtime::Result<Resource<ModulePackage>> {
        self.push(ModulePackage(package))
    }

    fn lend_kernels(&mut self, kernels: Vec<Arc<Kernel>>) -> wasmtime::Result<Vec<Resource<KernelFacts>>> {
        kernels.into_iter().map(|kernel| self.push(KernelFacts(kernel))).collect()
    }

    fn lend_packages(&mut self, packages: Vec<Arc<PackageFacts>>) -> wasmtime::Result<Vec<Resource<ModulePackage>>> {
        packages.into_iter().map(|package| self.lend_package(package)).collect()
    }
}

/// Implements a request: for each field the function of the same name, which
/// answers with a copy of the field, or lends the resource that it is.
macro_rules! request {
    ($trait:ident for $request:ident { $($field:ident: $kind:ident),+ }) => {
        impl wit::$trait for CallState {
            $(request!(@$kind $request $field);)+

            fn drop(&mut self, this: Resource<$request>) -> wasmtime::Result<()> {
                self.table.delete(this)?;
                Ok(())
            }
        }
    };
    (@kernel $request:ident $field:ident) => {
        fn $field(&mut self, this: Resource<$request>) -> wasmtime::Result<Resource<KernelFacts>> {
            let kernel = self.table.get(&this)?.$field.clone();
            self.push(KernelFacts(kernel))
        }
    };
    (@kernels $request:ident $field:ident) => {
        fn $field(&mut self, this: Resource<$request>) -> wasmtime::Result<Vec<Resource<KernelFacts>>> {
            let kernels = self.table.get(&this)?.$field.clone();
            self.lend_kernels(kernels)
        }
    };
    (@package $request:ident $field:ident) => {
        fn $field(&mut self, this: Resource<$request>) -> wasmtime::Result<Resource<ModulePackage>> {
            let package = self.table.get(&this)?.$field.clone();
            self.lend_package(package)
        }
    };
    (@maybe_package $request:ident $field:ident) => {
        fn $field(&mut self, this: Resource<$request>) -> wasmtime::Result<Option<Resource<ModulePackage>>> {
            let package = self.table.get(&this)?.$field.clone();
            package.map(|package| self.lend_package(package)).transpose()
        }
    };
    (@packages $request:ident $field:ident) => {
        fn $field(&mut self, this: Resource<$request>) -> wasmtime::Result<Vec<Resource<ModulePackage>>> {
            let packages = self.table.get(&this)?.$field.clone();
            self.lend_packages(packages)
        }
    };
    (@signing $request:ident $field:ident) => {
        fn $field(&mut self, this: Resource<$request>) -> wasmtime::Result<Resource<SigningAnswer>> {
            let signing = self.table.get(&this)?.$field.clone();
            self.push(signing)
        }
    };
    (@text $request:ident $field:ident) => {
        fn $field(&mut self, this: Resource<$request>) -> wasmtime::Result<String> {
            Ok(self.table.get(&this)?.$field.to_owned())
        }
    };
    (@bytes $request:ident $field:ident) => {
        fn $field(&mut self, this: Resource<$request>) -> wasmtime::Result<Option<Vec<u8>>> {
            Ok(self.table.get(&this)?.$field.clone())
        }
    };
    (@path $request:ident $field:ident) => {
        fn $field(&mut self, this: Resource<$request>) -> wasmtime::Result<Path> {
            Ok(self.table.get(&this)?.$field.clone())
        }
    };
    (@options $request:ident $field:ident) => {
        fn $field(&mut self, this: Resource<$request>) -> wasmtime::Result<Vec<Property>> {
            Ok(self.table.get(&this)?.$field.clone())
        }
    };
}

request!(HostMachineRequest for MachineRequest { machine: text });
request!(HostHeadersRequest for HeadersRequest { kernel: kernel });
request!(HostInstallRequest for InstallRequest { kernel: kernel, package: maybe_package, directory: text });
request!(HostRemovalRequest for RemovalRequest { package: maybe_package });
request!(HostPrepareRequest for PrepareRequest { kernel: kernel, config: bytes });
request!(HostImageRequest for ImageRequest { kernel: kernel, occasion: text, packages: packages });
request!(HostKeyRequest for KeyRequest { kernel: kernel });
request!(HostSignRequest for SignRequest { kernel: kernel, package: maybe_package, file: path, signing: signing });
request!(HostConfigRequest for ConfigRequest { kernel: kernel, package: package });
request!(HostLinkRequest for LinkRequest { kernel: kernel, package: package });
request!(HostRemovedKernelRequest for RemovedKernelRequest { kernel: kernel });
request!(HostEventRequest for EventRequest { kernel: kernel, event: text, packages: packages });
request!(HostFormatRequest for FormatRequest { format: text, options: options });
request!(HostAssembleRequest for AssembleRequest {
    format: text,
    options: options,
    package: package,
    kernels: kernels,
    staging: path
});
request!(HostLoadRequest for LoadRequest {
    format: text,
    options: options,
    archive: path,
    staging: path,
    purpose: text
});
