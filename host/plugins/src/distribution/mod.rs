//! Plugins on their way from an author to this machine.
//!
//! * what a plugin looks like in a registry: [`artefact`]
//! * what the administrator says about places that plugins come from: [`sources`]
//! * how a word of the command line becomes a file that is checked: [`Origin`]
//! * where installed plugins came from, and what they were then: [`lock`]
//! * what changes the directory of plugins, and looks for others: [`Installer`]
//!
//! To install a plugin grants nothing. Its file has the digest that the lock file names, and is
//! checked as any other file in the directory is.

pub mod artefact;
mod fetch;
mod finder;
mod installer;
pub mod lock;
mod origin;
pub mod sources;

pub use finder::{Offer, Offers};
pub use installer::{Change, Installed, Installer, Removed, Update};
pub use origin::Origin;
