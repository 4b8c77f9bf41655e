//! From the built state to a kernel's module directory, and back.

pub(super) mod deletion;
pub(super) mod installed;
pub(super) mod load_modules;
mod modprobe_config;
mod originals;
pub(super) mod overrides;
pub(super) mod package;
mod plan;
pub(super) mod uninstall;
mod uninstall_plan;
pub(super) mod version_check;
pub(super) mod weak_links;
pub(super) mod weak_modules;
