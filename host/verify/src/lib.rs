//! Would a kernel load this module? The checks that the kernel's loader makes, in the
//! loader's own order, made from files.
//!
//! * what is checked: [`Module`], with the [`Neighbours`] that it needs symbols of
//! * for which kernel: [`Image`], gathered from [`Places`]
//! * how: [`RULES`], one file for each rule
//! * what comes out: a [`Finding`] for each rule
//! * whose signatures a kernel takes: [`trusts`]
//!
//! There are three answers. *No* is a proof: the kernel refuses the file, with words
//! that the finding quotes. *Yes* covers what the rule checks, and nothing else.
//! *Unknown* says which fact could not be read.
//!
//! Nothing is written, no program is run. This crate knows module files and kernels;
//! it knows nothing of plans, plugins and packages.

mod answer;
mod certificate;
mod drift;
mod fact;
mod finding;
mod frame;
mod gather;
mod image;
mod licence;
mod links;
mod module;
mod neighbours;
mod rule;
mod rules;
mod signer;
mod trust;

pub use answer::{Refusal, Verdict};
pub use certificate::Certificate;
pub use drift::drifted_providers;
pub use fact::{Fact, Unknown};
pub use finding::{Answer, Finding, RefusalText};
pub use gather::{Places, gather, read_image};
pub use image::{BuiltIn, Image};
pub use module::Module;
pub use neighbours::{Installed, Neighbours, Provider};
pub use rule::{Case, Gate, Rule};
pub use rules::RULES;
pub use trust::{FirmwareFacts, RunningFacts, Trust, TrustFacts, enrolled, requires_signatures, trusts};

/// Applies every rule to a module, in the kernel's order.
pub fn check(module: &Module, image: &Image, neighbours: &dyn Neighbours) -> Vec<Finding> {
    let case = Case::new(module, image, neighbours);
    RULES.iter().map(|rule| Finding::of(rule, (rule.check)(&case))).collect()
}
