//! modsmith builds, installs and looks after out-of-tree Linux kernel modules.
//!
//! Facts (the tree, dkms.conf, the kernel, the system) become a plan; plugins
//! add to it; one executor carries it out. See `docs/concepts/`.

pub mod conf;
pub mod error;
pub mod kernel;
pub mod plan;
pub mod plugin;
pub mod system;
