//! Regenerating the initial RAM file system image.

use std::sync::Arc;

use crate::answer::Answer;
use crate::bindings::exports::modsmith::plugin::initrd::{self, GuestIndices};
use crate::bindings::modsmith::plugin::types;
use crate::call::{Call, CallOutcome, Subject};
use crate::error::Error;
use crate::facade::{Candidates, Plugins};
use crate::imports::StepBuffer;
use crate::index::Entry;
use crate::manifest::Role;
use modsmith_facts::kernel::Kernel;
use modsmith_plan::Builder;

/// What changed for the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    Installed,
    Removed,
}

/// When a change calls for a new image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regeneration {
    /// When the package asks for it.
    WhenAsked,
    Always,
    Never,
}

/// What becomes of a kernel's image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    /// A plugin added the steps that make a new one.
    Regenerated { plugin: String },
    /// It stays: so says the plugin that serves it.
    Kept { plugin: String, why: &'static str },
    /// None is served: each plugin that was asked, and its reason.
    Unsupported(Vec<(String, String)>),
}

/// The role `initrd`: regenerating boot images.
#[derive(Clone, Copy)]
pub struct Initrd<'p>(pub &'p Plugins);

impl Initrd<'_> {
    /// Adds the steps that regenerate the kernel's image, whether or not that is
    /// wanted.
    pub fn refresh(&self, kernel: &Arc<Kernel>, occasion: Occasion, plan: &mut Builder) -> Result<Answer<()>, Error> {
        let subject = Subject { kernel: Some(kernel), package: None };
        self.0.ask_steps(Role::Initrd, subject, plan, refresh(kernel, occasion))
    }

    /// When the plugin that comes first wants a new image.
    pub fn regeneration(&self) -> Result<Answer<Regeneration>, Error> {
        let Candidates { entries, others, missed } = self.0.candidates(Role::Initrd);
        match entries.first() {
            Some(entry) => Ok(Answer::Given { plugin: entry.id().to_owned(), value: self.when(entry)? }),
            None => missed.map_or(Ok(Answer::Unsupported(others)), Err),
        }
    }

    /// Adds the steps that regenerate the kernel's image, if the plugin that
    /// serves it wants a new one. `asked`: the package asks for it.
    pub fn boot_image(
        &self,
        kernel: &Arc<Kernel>,
        occasion: Occasion,
        asked: bool,
        plan: &mut Builder,
    ) -> Result<Image, Error> {
        let subject = Subject { kernel: Some(kernel), package: None };
        let Candidates { entries, others: mut reasons, missed } = self.0.candidates(Role::Initrd);
        for entry in entries {
            let plugin = entry.id().to_owned();
            let kept = match self.when(entry)? {
                Regeneration::Always => None,
                Regeneration::WhenAsked if asked => None,
                Regeneration::WhenAsked => Some("the package does not ask for a new one"),
                Regeneration::Never => Some("its setting `regenerate` says never"),
            };
            let Some(kept) = kept else {
                match self.0.steps_of(entry, Role::Initrd, subject, plan, refresh(kernel, occasion))? {
                    CallOutcome::Value(()) => return Ok(Image::Regenerated { plugin }),
                    CallOutcome::Unsupported(why) => reasons.push((plugin, why)),
                }
                continue;
            };
            // Asked all the same, to know whether the image is this plugin's.
            let mut unused = Builder::new(String::new(), plan.roots().clone());
            match self.0.steps_of(entry, Role::Initrd, subject, &mut unused, refresh(kernel, occasion)) {
                Ok(CallOutcome::Unsupported(why)) => reasons.push((plugin, why)),
                Ok(CallOutcome::Value(())) | Err(_) => return Ok(Image::Kept { plugin, why: kept }),
            }
        }
        missed.map_or(Ok(Image::Unsupported(reasons)), Err)
    }

    fn when(&self, entry: &Entry) -> Result<Regeneration, Error> {
        let (when, _) = self.0.call(entry, Role::Initrd, Subject::default(), &self.0.system.roots, |call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            guest.call_when(&mut call.store)
        })?;
        Ok(match when {
            initrd::Regeneration::WhenAsked => Regeneration::WhenAsked,
            initrd::Regeneration::Always => Regeneration::Always,
            initrd::Regeneration::Never => Regeneration::Never,
        })
    }
}

/// The question for the steps.
fn refresh(
    kernel: &Arc<Kernel>,
    occasion: Occasion,
) -> impl Fn(&mut Call, StepBuffer) -> wasmtime::Result<Result<(), types::Error>> {
    let occasion = match occasion {
        Occasion::Installed => initrd::Occasion::Installed,
        Occasion::Removed => initrd::Occasion::Removed,
    };
    move |call, buffer| {
        let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
        let (kernel, plan) = (call.kernel(kernel)?, call.plan(buffer)?);
        guest.call_refresh(&mut call.store, kernel, occasion, plan)
    }
}
