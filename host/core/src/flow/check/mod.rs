//! The broken states that trees of modules get into: found, explained, repaired.
//!
//! * what is looked at: [`scene`], read once
//! * what is found: [`problem`]; each state is a [`Check`] in a file of its group, and the
//!   list of all of them is [`registry`]
//! * what is done about it: [`repair`] puts what was found in order, kernel by kernel,
//!   and [`steps`] has the plans
//!
//! A check reads facts and changes nothing. A repair is chosen by the check as a value
//! and is carried out later, by plans.

mod boot;
mod builds;
mod duplicates;
mod findings;
mod index;
mod installed;
mod kernels;
mod links;
mod loadable;
mod originals;
mod ours;
mod owners;
mod problem;
mod products;
mod registry;
mod remedies;
mod repair;
mod scene;
mod signatures;
mod sources;
mod spared;
mod steps;

pub use problem::{Check, Problem, Remedy, RemedyKind, Sight};
pub use registry::CHECKS;
pub use repair::{RepairOutcome, Repaired, check, is_unsettled, repair};
