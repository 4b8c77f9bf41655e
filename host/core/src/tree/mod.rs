//! The on-disk tree: paths, scan, states, lock, records.
//!
//! The tree is the database. Its layout is that of dkms 2.x and 3.x; states are
//! computed from paths each time. Records beside what was built only save
//! looking closely.

mod failures;
mod layout;
mod lock;
mod one_job;
mod record;
mod scan;

pub use failures::{Failure, FailureRecord, Failures};
pub use layout::{BUILDS, Package, PackageId, Target, check_kernel_name, check_kernel_pattern, check_name, name_fault};
pub use lock::TreeLock;
pub use one_job::OneJob;
pub use record::{
    BuildRecord, ConfFile, MissingWall, Origin, RecordedCompatible, RecordedConfinement, RecordedModule, RecordedStore,
};
pub(crate) use scan::is_kernel_name;
pub use scan::not_in_tree;
pub use scan::{ModuleDirectory, PackageEntry, SourceState, Tree};
