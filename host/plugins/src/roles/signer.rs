//! Signing module files.

use std::sync::Arc;

use crate::bindings::exports::modsmith::plugin::signer::GuestIndices;
use crate::bindings::modsmith::plugin::types;
use crate::error::Error;
use crate::facade::Plugins;
use crate::facade::answer::Answer;
use crate::facade::call::{CallOutcome, Subject, taken};
use crate::imports::{Enrolment, KeyRequest, PackageFacts, SignRequest, SigningAnswer};
use crate::manifest::Role;
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{Location, Root};
use modsmith_plan::{Argument, Builder};

/// The program and the keys that signatures for a kernel are made with, and the plugin that chose them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    pub plugin: String,
    /// A program, or the name of the plugin that asks the host to sign.
    pub program: Argument,
    /// `None` where the program alone knows it.
    pub key: Option<Argument>,
    pub certificate: Option<Argument>,
    /// As the kernel's configuration names it: `sha256`. `None` where the program
    /// alone knows it.
    pub digest: Option<String>,
}

/// The role `signer`: signing module files.
#[derive(Clone, Copy)]
pub struct Signer<'p>(pub &'p Plugins);

impl Signer<'_> {
    /// Chooses program and keys, and adds the steps that make a key pair where
    /// there is none. Unsupported leaves modules unsigned, with the reasons.
    pub fn prepare(&self, kernel: &Arc<Kernel>, plan: &mut Builder) -> Result<Answer<Signing>, Error> {
        let subject = Subject { kernel: Some(kernel), package: None };
        let answer = self.0.ask_steps(Role::Signer, subject, plan, |call, buffer| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let (request, plan) = (call.lend(KeyRequest { kernel: kernel.clone() })?, call.plan(buffer)?);
            let answer = guest.call_prepare(&mut call.store, request, plan)?;
            taken(call, answer)
        })?;
        Ok(match answer {
            Answer::Given { plugin, value } => Answer::Given { value: signing(plugin.clone(), value)?, plugin },
            Answer::Unsupported(reasons) => Answer::Unsupported(without_repeats(reasons)),
        })
    }

    /// Adds the steps that sign one file in place.
    pub fn sign(
        &self,
        signing: &Signing,
        kernel: &Arc<Kernel>,
        package: Option<&Arc<PackageFacts>>,
        file: &Location,
        plan: &mut Builder,
    ) -> Result<(), Error> {
        let id = &signing.plugin;
        let entry = self.0.index().get(id);
        let entry = entry.ok_or_else(|| Error::SignerMissing { plugin: id.clone(), file: file.to_string() })?;
        let subject = Subject { kernel: Some(kernel), package };
        let request = || SignRequest {
            kernel: kernel.clone(),
            package: package.cloned(),
            file: types::Path::from(file),
            signing: answered(signing),
        };
        let call_outcome = self.0.steps_of(entry, Role::Signer, subject, plan, |call, buffer| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let (request, plan) = (call.lend(request())?, call.plan(buffer)?);
            guest.call_sign(&mut call.store, request, plan)
        })?;
        match call_outcome {
            CallOutcome::Value(()) => Ok(()),
            CallOutcome::Unsupported(reason) => {
                Err(Error::SignerUnwilling { plugin: id.clone(), file: file.to_string(), reason })
            }
        }
    }

    /// Whether this machine would accept what the first responsible plugin signs.
    pub fn enrolment(&self, kernel: &Arc<Kernel>) -> Result<Answer<Enrolment>, Error> {
        let subject = Subject { kernel: Some(kernel), package: None };
        self.0.ask(Role::Signer, subject, |call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let request = call.lend(KeyRequest { kernel: kernel.clone() })?;
            let answer = guest.call_status(&mut call.store, request)?;
            taken(call, answer)
        })
    }
}

/// The reasons that are not empty, each once.
fn without_repeats(reasons: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut kept: Vec<(String, String)> = Vec::new();
    for (plugin, reason) in reasons {
        if !reason.trim().is_empty() && kept.iter().all(|(_, known)| *known != reason) {
            kept.push((plugin, reason));
        }
    }
    kept
}

fn signing(plugin: String, given: SigningAnswer) -> Result<Signing, Error> {
    let argument = |argument: types::Argument| match argument {
        types::Argument::Text(text) => Ok(Argument::Text(text)),
        types::Argument::Location(path) => {
            // Of the whole system's paths, a plugin has only those that a setting names;
            // here they are only shown.
            let system = (path.root == Root::System.name()).then_some(Root::System);
            let root = Root::narrow(&path.root).or(system);
            let known = root.and_then(|root| Location::new(root, &path.relative).ok());
            known.map(Argument::Location).ok_or_else(|| Error::BadSigningPath {
                plugin: plugin.clone(),
                path: format!("{}/{}", path.root, path.relative),
            })
        }
    };
    Ok(Signing {
        program: argument(given.program)?,
        key: given.key.map(argument).transpose()?,
        certificate: given.certificate.map(argument).transpose()?,
        digest: given.digest,
        plugin: plugin.clone(),
    })
}

/// A choice as the plugin answered it.
fn answered(signing: &Signing) -> SigningAnswer {
    let argument = |argument: &Argument| match argument {
        Argument::Text(text) => types::Argument::Text(text.clone()),
        Argument::Location(location) => types::Argument::Location(location.into()),
    };
    SigningAnswer {
        program: argument(&signing.program),
        key: signing.key.as_ref().map(argument),
        certificate: signing.certificate.as_ref().map(argument),
        digest: signing.digest.clone(),
    }
}
