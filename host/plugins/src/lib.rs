//! Plugins: components that know what differs from one system to the next.
//!
//! A plugin never acts. It answers questions, or adds steps to a plan that it is
//! lent; each step is checked against what the plugin was granted when it is
//! added and again when it runs. `docs/concepts/capabilities.md` has the rules.
//!
//! What a plugin is:
//! * [`manifest`]: its manifest, plugin.toml, with [`settings`], `pattern`s and `variables`
//! * [`form`]: the checks of its file
//! * [`table`]: a plugin without code
//!
//! What a plugin may do:
//! * `grant`: its rights, on real paths too; the record of a grant
//! * `policy`: what the administrator denies to all plugins
//! * `interpreter`: programs of which one grant is a grant of everything
//! * [`limits`]: how much a call, and loading a plugin, may use
//!
//! Which plugins there are:
//! * [`search`]: the directories, with `development`: plugins that are used for some time
//! * [`index`]: what was found there, what was refused, and the order of the plugins
//! * `files`: how the files of administrators and packages are read, and whose are trusted
//! * `inspect`: the views of plugins for the administrator
//! * [`distribution`]: how a plugin comes to this machine
//!
//! How a plugin is called:
//! * [`engine`], [`compile`], `cache`: from a file to something that can be called
//! * `facade`: [`Plugins`], the questions to the plugins of a role, one call, the guard of plans
//! * `imports`: the functions of the host that a plugin may call
//! * `probe`: programs whose output is a fact of the system
//! * `bindings`: the interface, generated from its text
//! * `roles`: what the flows ask, with one file per role
//!
//! * [`error`]: why a plugin was not used, or did not do what it was asked for; `problem`: files that are no
//!   plugins; `exceeded`: a limit that a plugin ran into

mod cache;
pub mod compile;
mod development;
pub mod distribution;
pub mod engine;
pub mod error;
mod exceeded;
mod facade;
mod files;
pub mod form;
mod grant;
mod imports;
pub mod index;
mod inspect;
mod interpreter;
pub mod limits;
pub mod manifest;
mod pattern;
mod policy;
mod probe;
mod problem;
mod roles;
pub mod search;
pub mod settings;
pub mod table;
mod variables;

/// The host's side of the interface, generated from its text.
mod bindings {
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}

pub use development::{Development, LONGEST_HOURS};
pub use error::audience::for_author;
pub use error::{Error, Fault, Kind, Result};
pub use facade::Plugins;
pub use facade::answer::Answer;
pub use facade::asking::observed_by;
pub use files::owner::check_owner;
pub use grant::record::Standing;
pub use grant::rights::{Right, Rights, RightsDifference};
pub use imports::observed::{Observation, Observer};
pub use imports::{Enrolment, FormatOption, HookFile, LOG_TARGET, PackageFacts, SymbolSource};
pub use inspect::{Administration, Inspection, Listed};
pub use problem::Problem;
pub use roles::{
    Assembly, BootEntry, BootLoader, BootMenu, BootRule, Change, CheckReport, CheckSubject, Checks, Event, FileOwners,
    Finding, FindingLevel, Format, Image, Initrd, InstallPolicy, Invalid, KernelCount, KernelHooks, KernelLayout,
    KernelPrepare, LoadPurpose, Loading, ModprobeConfig, ModuleNeed, NextBoot, Occasion, Packager, Prune, Purpose,
    Regeneration, Requirements, Signer, Signing, State, StorePlace, StoreQuestion, Stores, WeakModules,
};
pub use search::{FoundIn, SearchPath};
pub use settings::FrameworkSettings;
