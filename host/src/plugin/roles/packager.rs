//! Package formats, made from the tree and loaded into it.

use std::sync::Arc;

use crate::error::{Error, Kind};
use crate::kernel::Kernel;
use crate::plan::Builder;
use crate::plugin::bindings::exports::modsmith::plugin::packager::GuestIndices;
use crate::plugin::bindings::modsmith::plugin::types;
use crate::plugin::call::{Said, Subject};
use crate::plugin::facade::Plugins;
use crate::plugin::imports::PackageFacts;
use crate::plugin::manifest::Role;
use crate::system::Location;

/// A format that a plugin makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    pub plugin: String,
    pub name: String,
    /// The word of the command line that makes it.
    pub action: String,
    /// The word that loads it, if it can be loaded.
    pub load_action: Option<String>,
    /// Suffixes of the files that can be loaded.
    pub suffixes: Vec<String>,
    pub summary: String,
    /// Whether it can be made of a package that is built for no kernel.
    pub source_only: bool,
    pub options: Vec<FormatOption>,
}

/// An option that a format adds to the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatOption {
    /// Long name without dashes.
    pub name: String,
    /// Placeholder of its value; `None` for a switch.
    pub value: Option<String>,
    pub help: String,
}

impl Plugins {
    /// The formats of all packagers that serve this system. A packager that
    /// fails is left out, with a warning.
    pub fn formats(&self) -> Vec<Format> {
        let mut formats = Vec::new();
        for entry in self.candidates(Role::Packager).0 {
            let asked = self.call(entry, Role::Packager, Subject::default(), &self.system.roots, |call| {
                let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
                guest.call_formats(&mut call.store)
            });
            match asked {
                Err(error) => tracing::warn!("{error}"),
                Ok((given, _)) => formats.extend(given.into_iter().map(|format| {
                    Format {
                        plugin: entry.id().to_owned(),
                        name: format.name,
                        action: format.action,
                        load_action: format.load_action,
                        suffixes: format.suffixes,
                        summary: format.summary,
                        source_only: format.source_only,
                        options: format
                            .options
                            .into_iter()
                            .map(|option| FormatOption { name: option.name, value: option.value, help: option.help })
                            .collect(),
                    }
                })),
            }
        }
        formats
    }

    /// Adds the steps that make a format below `staging`.
    pub fn assemble(
        &self,
        format: &Format,
        package: &Arc<PackageFacts>,
        kernels: &[Arc<Kernel>],
        options: &[(String, String)],
        staging: &Location,
        plan: &mut Builder,
    ) -> Result<(), Error> {
        let subject = Subject { kernel: None, package: Some(package) };
        let staging = path(staging);
        self.packager(format, subject, plan, |call, draft| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let package = call.package(package)?;
            let kernels =
                kernels.iter().map(|kernel| call.owned_kernel(kernel)).collect::<wasmtime::Result<Vec<_>>>()?;
            let plan = call.plan(draft)?;
            guest.call_assemble(&mut call.store, &format.name, package, &kernels, options, &staging, plan)
        })
    }

    /// Adds the steps that unpack a file into the shape of the tree below
    /// `staging`.
    pub fn load_archive(
        &self,
        format: &Format,
        archive: &Location,
        options: &[(String, String)],
        staging: &Location,
        plan: &mut Builder,
    ) -> Result<(), Error> {
        let (archive, staging) = (path(archive), path(staging));
        self.packager(format, Subject::default(), plan, |call, draft| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let plan = call.plan(draft)?;
            guest.call_load(&mut call.store, &format.name, &archive, options, &staging, plan)
        })
    }

    fn packager(
        &self,
        format: &Format,
        subject: Subject,
        plan: &mut Builder,
        body: impl Fn(
            &mut crate::plugin::call::Call,
            crate::plugin::imports::Draft,
        ) -> wasmtime::Result<Result<(), types::Error>>,
    ) -> Result<(), Error> {
        let id = &format.plugin;
        let entry = self.index().get(id).expect("a format comes from a plugin of the index");
        match self.steps_of(entry, Role::Packager, subject, plan, body)? {
            Said::Value(()) => Ok(()),
            Said::Unsupported(why) => Err(Error::new(
                Kind::Plugin,
                format!("The plugin `{id}` (packager) does not make or load {}{subject}: {why}.", format.name),
            )
            .hint("Choose another format.")),
        }
    }
}

fn path(at: &Location) -> types::Path {
    types::Path { root: at.root.name().to_owned(), relative: at.relative().display().to_string() }
}
