//! The common code of the end-to-end tests: a scratch machine to run programs in, real packages and
//! kernels to run them on, and ways to look at the result.
//!
//! Nothing here touches the machine's own `/lib/modules`, `/var/lib/dkms`,
//! `/usr/src`, `/etc/dkms` or `/boot`: programs run in a mount namespace where a
//! [`World`]'s directories lie over them.

pub mod chroot;
pub mod clock;
pub mod debian;
pub mod debian_kernel;
pub mod debian_packages;
pub mod disk;
pub mod emulated;
pub mod fixture;
pub mod guide;
pub mod kernel;
pub mod kill;
pub mod machine;
pub mod modinfo;
pub mod output;
pub mod paths;
pub mod peer;
pub mod plan;
pub mod points;
pub mod preload;
pub mod prelude;
pub mod real;
pub mod refuse;
pub mod registry;
pub mod rpm;
pub mod schema;
pub mod shipped;
pub mod signature;
pub mod snapshot;
pub mod state;
pub mod stub_registry;
pub mod terminal;
pub mod tool;
pub mod toolchains;
pub mod uses;
pub mod world;

pub use output::Output;
pub use snapshot::Snapshot;
pub use world::World;
