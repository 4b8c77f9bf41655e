//! The state machine: what each action does to a package.
//!
//! An action is a function of an [`Invocation`]: it reads facts, decides, and hands
//! plans to the runner, which carries them out or, in a dry run, keeps them to be
//! shown.

mod add;
mod autoinstall;
mod boot_contents;
mod boot_image;
mod build;
mod build_environment;
mod cache;
mod cell;
mod check;
mod compatible;
mod confinement;
mod deletion;
mod dependents;
mod depmod;
mod env;
mod estimate;
mod facts;
mod failures;
mod findings;
mod identity;
mod image;
mod install;
mod install_plan;
mod installed;
mod invocation;
mod kept;
mod kernel_events;
mod kernel_inputs;
mod kernel_tree;
mod kernels;
mod keys;
mod lacking;
mod load_modules;
mod make_command;
mod matching;
mod modprobe_config;
mod needed;
mod notices;
mod one_job;
mod origin;
mod originals;
mod overrides;
mod package_facts;
mod packaged_headers;
mod packages;
mod parallel;
mod preconditions;
mod products;
mod questions;
mod ready;
mod rebuild;
mod record;
mod remove;
mod reuse;
mod runner;
mod safe_upgrade;
mod script;
mod shared_builds;
mod signed;
mod signing;
mod source;
mod status;
mod status_inspector;
mod store;
mod stored_builds;
mod system_script;
mod toolchain;
mod transaction;
mod trust_facts;
mod uninstall;
mod uninstall_plan;
mod verify;
mod version_check;
mod voice;
mod weak_links;
mod weak_modules;
mod work;
mod workplace;

use package_facts::package_facts;

pub use add::{PackageSource, add, identify};
pub use autoinstall::autoinstall;
pub use build::build;
pub use cell::{CellBuild, build_cell, built_log, enter_private_tree, is_stored, registered};
pub use check::{CHECKS, Check, Outcome, Problem, Remedy, RemedyKind, Repaired, Sight, check, is_unsettled, repair};
pub use env::{Env, Options};
pub use failures::failures;
pub use identity::{Described, identity, identity_of};
pub use install::install;
pub use invocation::Invocation;
pub use kernel_events::{kernel_postinst, kernel_preinst, kernel_prerm};
pub use keys::{KernelKeys, Keys, Known, Place, keys};
pub use lacking::{Lack, Lacking, lacking};
pub use matching::match_template;
pub use needed::{NeededFailed, build_depends, with_needed};
pub use packaged_headers::{
    PackageFile, PackagedKernel, UNUSED_DAYS, collect_headers, packaged_headers, packaged_kernels,
};
pub use packages::{FormatRequest, install_archive, load_archive, make_format};
pub use preconditions::kernels_with_headers;
pub use ready::{Judged, Next, NextKernel, Readiness, next_kernel, ready};
pub use rebuild::{Rebuilt, rebuild};
pub use remove::{remove, unbuild};
pub use runner::Mode;
pub use shared_builds::{
    Base, Profile, Pulled, Purpose, PushOptions, Pushed, SharedStore, SigningKey, Wanted, configured, has, named,
    public_key, pull, push, signing_key,
};
pub use signed::signed;
pub use signing::generate_mok;
pub use status::{Annotation, Filter, State, StatusLine, status};
pub use stored_builds::{StoredBuild, collect_store, stored_builds, verify_store};
pub use transaction::{post_transaction, settle_killed};
pub use uninstall::uninstall;
pub use verify::{Verified, verify};
