//! Write a [modsmith] plugin: implement a trait per role, name the roles once.
//!
//! A plugin never acts. It reads facts (the kernel, os-release, granted files,
//! its settings) and answers with a value, or adds steps to the plan that it was
//! lent; modsmith checks, shows, runs and undoes them.
//!
//! ```ignore
//! use modsmith_plugin::prelude::*;
//!
//! struct Dracut;
//!
//! impl Initrd for Dracut {
//!     fn images(request: &ImageRequest) -> Result<Vec<Path>> {
//!         Ok(vec![Path::boot(format!("initramfs-{}.img", request.kernel().release()))])
//!     }
//!
//!     fn refresh(request: &ImageRequest, plan: &mut Plan) -> Result<()> {
//!         let image = request.existing_image::<Self>()?;
//!         request.back_up(&image, plan)?;
//!         plan.run(cmd!("dracut", "-f", image, request.kernel().release()))
//!     }
//! }
//!
//! export!(Dracut: Initrd);
//! ```
//!
//! The crate is compiled for `wasm32-unknown-unknown` by `modsmith plugin build`.
//! Beside it lies a `plugin.toml`: what the plugin serves, reads, writes and runs.
//!
//! [modsmith]: https://crates.io/crates/modsmith

#![warn(missing_docs)]

#[doc(hidden)]
/// Generated from the interface's text: the imports once, and each role's export on
/// top of the same types.
///
/// A component exports what its plugin invokes an export macro for, and imports
/// what it really calls; so one crate with all roles still gives plugins with
/// minimal lists.
#[allow(missing_docs, clippy::all)]
pub mod bindings;
mod command;
mod error;
mod export;
mod file;
pub mod kernel;
pub mod log;
pub mod name;
#[cfg(feature = "packaging")]
pub mod packaging;
mod panic;
mod path;
mod plan;
mod requests;
pub mod roles;
pub mod settings;
pub mod system;

pub use command::Command;
pub use error::{Error, ErrorKind, Result, invalid, missing, other, unsupported};
pub use file::{File, Pieces};
pub use kernel::{Compression, Kernel, Module, ModulePackage};
pub use path::Path;
pub use plan::Plan;
pub use requests::*;

pub use bindings::imports::modsmith::plugin::types::Argument;

/// A name and its value.
pub type Property = (String, String);

/// Everything that a plugin usually needs.
pub mod prelude {
    pub use crate::kernel::kernel_arch;
    pub use crate::requests::*;
    pub use crate::roles::*;
    pub use crate::settings::{setting, setting_bool, setting_list, setting_or};
    pub use crate::system::{distro_ids, has_program, os_release, probe};
    pub use crate::{
        Argument, Command, Compression, Error, ErrorKind, Kernel, Module, ModulePackage, Path, Pieces, Plan, Property,
        Result,
    };
    pub use crate::{cmd, debug, export, info, invalid, missing, other, unsupported, warn};
}
