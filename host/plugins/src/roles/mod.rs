//! What the flows can ask plugins for, one file per role.

mod distro;
mod initrd;
mod install_policy;
mod kernel_hooks;
mod kernel_layout;
mod kernel_prepare;
mod modprobe_config;
mod packager;
mod settings_check;
mod signer;
mod weak_modules;

pub use initrd::{Image, Occasion, Regeneration};
pub use install_policy::Prune;
pub use kernel_hooks::{Event, HookFile};
pub use packager::{Assembly, Format, Invalid, KernelCount, OptionSpec, Requirements, State};
pub use signer::{Enrolment, Signing};
