//! The questions that the flows ask plugins, with one file per role.

mod boot_loader;
mod checks;
mod distro;
mod file_owner;
mod initrd;
mod install_policy;
mod kernel_hooks;
mod kernel_layout;
mod kernel_prepare;
mod modprobe_config;
mod packager;
mod settings_check;
mod signer;
mod store;
mod weak_modules;

pub use boot_loader::{BootEntry, BootLoader, BootMenu, BootRule, NextBoot};
pub use checks::{CheckReport, CheckSubject, Checks, Finding, FindingLevel, ModuleNeed, Purpose};
pub use file_owner::FileOwners;
pub use initrd::{Change, Image, Initrd, Occasion, Regeneration};
pub use install_policy::{InstallPolicy, Prune};
pub use kernel_hooks::{Event, KernelHooks};
pub use kernel_layout::KernelLayout;
pub use kernel_prepare::KernelPrepare;
pub use modprobe_config::ModprobeConfig;
pub use packager::{Assembly, Format, Invalid, KernelCount, LoadPurpose, Loading, Packager, Requirements, State};
pub use signer::{Signer, Signing};
pub use store::{StorePlace, StoreQuestion, Stores};
pub use weak_modules::WeakModules;

use std::sync::Arc;

use crate::facade::Plugins;
use modsmith_facts::Places;

/// Whether the host may run a program that a plugin has answered with, on the system as it is.
fn may_ask(plugins: &Plugins, plugin: &str, program: &str, arguments: &[String]) -> Result<(), String> {
    let places = Places::new(&plugins.system.root, plugins.system.roots.clone());
    let reach = plugins.reach(plugin, &Arc::new(places)).expect("a plugin that answered is in the index");
    reach.may_ask(program, arguments)
}
