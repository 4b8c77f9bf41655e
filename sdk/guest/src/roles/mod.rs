//! One trait per role. A plugin implements those it has and names them in
//! [`export!`](crate::export).

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
pub use checks::{CheckReport, Checks, Finding, FindingLevel, ModuleNeed, Purpose};
pub use distro::Distro;
pub use file_owner::{FileOwner, OwnedFile};
pub use initrd::{Initrd, Regeneration, regeneration};
pub use install_policy::{InstallPolicy, Prune};
pub use kernel_hooks::{HookFile, KernelHooks};
pub use kernel_layout::KernelLayout;
pub use kernel_prepare::KernelPrepare;
pub use modprobe_config::ModprobeConfig;
pub use packager::{
    ExitCodes, Format, KernelCount, OptionSpec, Packager, Requirements, State, format, given, option, refuse, switch,
};
pub use settings_check::SettingsCheck;
pub use signer::{EnrolmentStatus, Signer, Signing};
pub use store::{Place, PlaceKind, Store};
pub use weak_modules::WeakModules;
