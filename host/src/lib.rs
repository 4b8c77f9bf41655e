//! modsmith builds, installs and looks after out-of-tree Linux kernel modules.
//!
//! Facts (the tree, dkms.conf, the kernel, the system) become a plan; plugins
//! add to it; one executor carries it out. See `docs/concepts/`.

pub mod build;
pub mod cli;
pub mod conf;
pub mod error;
pub mod flow;
pub mod kernel;
pub mod plan;
pub mod plugin;
pub mod system;
pub mod text;
pub mod tree;

/// The dkms whose behaviour is kept: what `dkms --version` answers.
pub const DKMS_VERSION: &str = "3.4.3";
