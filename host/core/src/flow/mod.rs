//! The state machine: what each action does to a package.
//!
//! An action is a function of an [`Invocation`]: it reads facts, decides, and hands
//! plans to the runner, which carries them out or, in a dry run, keeps them to be
//! shown.
//!
//! The modules in the order of use; each uses only modules before it: `depmod`, `estimate`,
//! `filter`, `findings`, `product_files`, `invocation`, `boot_contents`, `failure_records`,
//! `kernel`, `package_facts`, `recipe`, `record`, `verify`, `work`, `store`, `transaction`,
//! `install`, `signing`, `build`, `status`, `actions`, `check`, `packages`, `ready`,
//! `packaged_headers`.

mod actions;
mod boot_contents;
mod build;
mod check;
mod depmod;
mod estimate;
mod failure_records;
mod filter;
mod findings;
mod install;
mod invocation;
mod kernel;
mod package_facts;
mod packaged_headers;
mod packages;
mod product_files;
mod ready;
mod recipe;
mod record;
mod signing;
mod status;
mod store;
mod transaction;
mod verify;
mod work;

pub use actions::add::{PackageSource, add, identify};
pub use actions::autoinstall::autoinstall;
pub use actions::build::build;
pub use actions::cell::{CellBuild, build_cell, built_log, enter_private_tree, is_stored, registered};
pub use actions::install::install;
pub use actions::kernel_events::{kernel_postinst, kernel_preinst, kernel_prerm};
pub use actions::matching::match_template;
pub use actions::needed::{NeededFailed, build_depends, with_needed};
pub use actions::rebuild::{Rebuilt, rebuild};
pub use actions::remove::{remove, unbuild};
pub use check::{
    CHECKS, Check, Problem, Remedy, RemedyKind, RepairOutcome as Outcome, Repaired, Sight, check, is_unsettled, repair,
};
pub use failure_records::failures;
pub use filter::Filter;
pub use install::uninstall::uninstall;
pub use invocation::Invocation;
pub use invocation::env::{Env, Options};
pub use invocation::runner::Mode;
pub use packaged_headers::{
    PackageFile, PackagedKernel, UNUSED_DAYS, collect_headers, packaged_headers, packaged_kernels,
};
pub use packages::{FormatRequest, install_archive, load_archive, make_format};
pub use ready::{Judged, Next, NextKernel, Readiness, next_kernel, ready};
pub use recipe::preconditions::kernels_with_headers;
pub use signing::generate_mok;
pub use signing::keys::{KernelKeys, Keys, Known, Place, keys};
pub use signing::signed::signed;
pub use status::inspector::Annotation;
pub use status::lacking::{Lack, Lacking, lacking};
pub use status::listing::{State, StatusLine, status};
pub use store::identity::{Described, identity, identity_of};
pub use store::shared_builds::{
    Base, Profile, Pulled, Purpose, PushOptions, Pushed, SharedStore, SigningKey, Wanted, configured, has, named,
    public_key, pull, push, signing_key,
};
pub use store::stored_builds::{StoredBuild, collect_store, stored_builds, verify_store};
pub use transaction::{post_transaction, settle_killed};
pub use verify::{Verified, verify};
