//! Regenerating the initial RAM file system image.

use std::sync::Arc;

use crate::bindings::exports::modsmith::plugin::initrd::GuestIndices;
use crate::bindings::modsmith::plugin::types;
use crate::error::Error;
use crate::facade::answer::Answer;
use crate::facade::call::{Call, CallOutcome, Subject, call_outcome};
use crate::facade::{Candidates, Plugins};
use crate::imports::{ImageRequest, PackageFacts, StepBuffer, roots_of};
use crate::index::IndexedPlugin;
use crate::manifest::Role;
use modsmith_facts::Location;
use modsmith_facts::kernel::Kernel;
use modsmith_plan::Builder;

/// A change of the modules of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    Installed,
    Removed,
}

impl Occasion {
    fn name(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Removed => "removed",
        }
    }
}

/// A change of a kernel's modules.
#[derive(Debug, Clone, Copy)]
pub struct Change<'c> {
    pub kernel: &'c Arc<Kernel>,
    pub occasion: Occasion,
    /// The packages whose modules changed.
    pub packages: &'c [Arc<PackageFacts>],
}

impl<'c> Change<'c> {
    fn subject(self) -> Subject<'c> {
        Subject { kernel: Some(self.kernel), package: None }
    }

    fn request(self) -> ImageRequest {
        let Self { kernel, occasion, packages } = self;
        ImageRequest { kernel: kernel.clone(), occasion: occasion.name(), packages: packages.to_vec() }
    }
}

/// When a change calls for a new image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regeneration {
    /// When the package asks for it.
    WhenAsked,
    Always,
    Never,
}

/// The plugin's decision about a kernel's image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    /// A plugin added the steps that make a new one.
    Regenerated { plugin: String },
    /// The image stays: the plugin that serves the image says so.
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
    pub fn refresh(&self, change: Change<'_>, plan: &mut Builder) -> Result<Answer<()>, Error> {
        self.0.ask_steps(Role::Initrd, change.subject(), plan, refresh(change))
    }

    /// The kernel's image files, whether they exist or not.
    pub fn images(&self, change: Change<'_>) -> Result<Answer<Vec<Location>>, Error> {
        self.0.ask(Role::Initrd, change.subject(), |call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let request = call.lend(change.request())?;
            let answer = guest.call_images(&mut call.store, request)?;
            Ok(answer.and_then(|paths| paths.iter().map(|path| call.store.data().location(path)).collect()))
        })
    }

    /// When the plugin that comes first wants a new image.
    pub fn regeneration(&self, change: Change<'_>) -> Result<Answer<Regeneration>, Error> {
        let Candidates { entries, others, missed } = self.0.candidates(Role::Initrd);
        match entries.first() {
            Some(entry) => Ok(Answer::Given { plugin: entry.id().to_owned(), value: self.when(entry, change)? }),
            None => missed.map_or(Ok(Answer::Unsupported(others)), Err),
        }
    }

    /// Adds the steps that regenerate the kernel's image, if the plugin that
    /// serves it wants a new one. `asked`: the package asks for it.
    pub fn boot_image(&self, change: Change<'_>, asked: bool, plan: &mut Builder) -> Result<Image, Error> {
        let subject = change.subject();
        let Candidates { entries, others: mut reasons, missed } = self.0.candidates(Role::Initrd);
        for entry in entries {
            let plugin = entry.id().to_owned();
            let kept = match self.when(entry, change)? {
                Regeneration::Always => None,
                Regeneration::WhenAsked if asked => None,
                Regeneration::WhenAsked => Some("the package does not ask for a new one"),
                Regeneration::Never => Some("its setting `regenerate` says never"),
            };
            let Some(kept) = kept else {
                match self.0.steps_of(entry, Role::Initrd, subject, plan, refresh(change))? {
                    CallOutcome::Value(()) => return Ok(Image::Regenerated { plugin }),
                    CallOutcome::Unsupported(why) => reasons.push((plugin, why)),
                }
                continue;
            };
            // Asked all the same, to know whether the image is this plugin's.
            let mut unused = Builder::new(String::new(), plan.roots().clone());
            match self.0.steps_of(entry, Role::Initrd, subject, &mut unused, refresh(change)) {
                Ok(CallOutcome::Unsupported(why)) => reasons.push((plugin, why)),
                Ok(CallOutcome::Value(())) | Err(_) => return Ok(Image::Kept { plugin, why: kept }),
            }
        }
        missed.map_or(Ok(Image::Unsupported(reasons)), Err)
    }

    fn when(&self, entry: &IndexedPlugin, change: Change<'_>) -> Result<Regeneration, Error> {
        let roots = roots_of(&self.0.system, Some(change.kernel));
        let (when, _) = self.0.call(entry, Role::Initrd, change.subject(), &roots, |call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let request = call.lend(change.request())?;
            guest.call_when(&mut call.store, request)
        })?;
        let when = when.and_then(|word| match word.as_str() {
            "when-asked" => Ok(Regeneration::WhenAsked),
            "always" => Ok(Regeneration::Always),
            "never" => Ok(Regeneration::Never),
            other => {
                Err(types::Error::other(format!("it answers `{other}`; that is none of when-asked, always, never")))
            }
        });
        match call_outcome(entry.id(), Role::Initrd.name(), change.subject(), when)? {
            CallOutcome::Value(when) => Ok(when),
            CallOutcome::Unsupported(_) => Ok(Regeneration::WhenAsked),
        }
    }
}

/// The question for the steps.
fn refresh(
    change: Change<'_>,
) -> impl Fn(&mut Call, StepBuffer) -> wasmtime::Result<Result<(), types::Error>> + use<'_> {
    move |call, buffer| {
        let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
        let (request, plan) = (call.lend(change.request())?, call.plan(buffer)?);
        guest.call_refresh(&mut call.store, request, plan)
    }
}
