//! Plugins: components that know what differs from one system to the next.
//!
//! A plugin never acts. It answers questions, or adds steps to a plan that it is
//! lent; each step is checked against what the plugin was granted when it is
//! added and again when it runs. `docs/concepts/capabilities.md` has the rules.
//!
//! * what a plugin is and asks for: [`manifest`], [`table`], [`pattern`], [`settings`]
//! * what it gets: [`search`], [`index`], [`policy`], [`grant`], [`limits`]
//! * how it is called: [`form`], [`engine`], [`compile`], [`cache`], `imports`, `call`
//! * what the flows ask: [`Plugins`], with one file of it per role
//! * how it comes to this machine: [`distribution`]

mod answer;
mod asking;
mod audience;
pub mod cache;
mod call;
pub mod compile;
mod development;
pub mod distribution;
pub mod engine;
pub mod error;
mod exceeded;
mod facade;
mod files;
pub mod form;
pub mod grant;
mod guard;
mod imports;
pub mod index;
mod inspect;
pub mod interpreter;
mod lifecycle;
pub mod limits;
pub mod manifest;
mod named;
mod observed;
mod observing;
mod order;
mod owner;
pub mod pattern;
pub mod policy;
mod probe;
mod problem;
mod program;
mod roles;
pub mod search;
pub mod settings;
pub mod table;
mod variables;
mod wasm;
mod words;
mod world;

/// The host's side of the interface, generated from its text.
mod bad_manifest;
mod bindings {
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}

pub use answer::Answer;
pub use audience::for_author;
pub use development::{Development, LONGEST_HOURS};
pub use error::{Error, Fault, Kind, Result};
pub use facade::Plugins;
pub use grant::record::Standing;
pub use grant::rights::{Right, Rights, RightsDifference};
pub use imports::{Enrolment, FormatOption, HookFile, LOG_TARGET, PackageFacts, SymbolSource};
pub use inspect::{Administration, Inspection, Listed};
pub use observed::{Observation, Observer};
pub use observing::observed_by;
pub use owner::check_owner;
pub use problem::Problem;
pub use roles::{
    Assembly, BootEntry, BootLoader, BootMenu, BootRule, Change, CheckReport, CheckSubject, Checks, Event, FileOwners,
    Finding, FindingLevel, Format, Image, Initrd, InstallPolicy, Invalid, KernelCount, KernelHooks, KernelLayout,
    KernelPrepare, LoadPurpose, Loading, ModprobeConfig, ModuleNeed, NextBoot, Occasion, Packager, Prune, Purpose,
    Regeneration, Requirements, Signer, Signing, State, StorePlace, StoreQuestion, Stores, WeakModules,
};
pub use search::{FoundIn, SearchPath};
pub use settings::FrameworkSettings;
