//! Package formats, made from the tree and loaded into it.

use std::cell::RefCell;
use std::sync::Arc;

use crate::error::{Error, Kind};
use crate::kernel::Kernel;
use crate::plan::Builder;
use crate::plugin::bindings::exports::modsmith::plugin::packager::{self, GuestIndices};
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
    /// The option that names the archive to make or to load.
    pub archive_option: Option<String>,
    pub options: Vec<FormatOption>,
}

/// Why a format cannot be made or loaded as it was asked for: a clause without
/// a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(pub String);

/// An option that a format adds to the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatOption {
    /// Long name without dashes.
    pub name: String,
    /// Placeholder of its value; `None` for a switch.
    pub value: Option<String>,
    pub help: String,
    /// Whether it makes the format without any kernel.
    pub without_kernels: bool,
    /// Options that cannot be given together with it.
    pub excludes: Vec<String>,
}

impl From<packager::Format> for Format {
    /// Whose it is, is not known here.
    fn from(given: packager::Format) -> Self {
        let option = |option: packager::OptionSpec| FormatOption {
            name: option.name,
            value: option.value,
            help: option.help,
            without_kernels: option.without_kernels,
            excludes: option.excludes,
        };
        Self {
            plugin: String::new(),
            name: given.name,
            action: given.action,
            load_action: given.load_action,
            suffixes: given.suffixes,
            summary: given.summary,
            source_only: given.source_only,
            archive_option: given.archive_option,
            options: given.options.into_iter().map(option).collect(),
        }
    }
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
                Ok((given, _)) => formats.extend(
                    given.into_iter().map(|format| Format { plugin: entry.id().to_owned(), ..Format::from(format) }),
                ),
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
    ) -> Result<Result<(), Invalid>, Error> {
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

    /// Adds the steps that unpack a file below `staging`.
    pub fn load_archive(
        &self,
        format: &Format,
        archive: &Location,
        options: &[(String, String)],
        staging: &Location,
        plan: &mut Builder,
    ) -> Result<Result<(), Invalid>, Error> {
        let (archive, staging) = (path(archive), path(staging));
        self.packager(format, Subject::default(), plan, |call, draft| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let plan = call.plan(draft)?;
            guest.call_load(&mut call.store, &format.name, &archive, options, &staging, plan)
        })
    }

    /// Adds the steps that bring what was unpacked into the shape of the tree.
    pub fn arrange(
        &self,
        format: &Format,
        options: &[(String, String)],
        staging: &Location,
        plan: &mut Builder,
    ) -> Result<Result<(), Invalid>, Error> {
        let staging = path(staging);
        self.packager(format, Subject::default(), plan, |call, draft| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let plan = call.plan(draft)?;
            guest.call_arrange(&mut call.store, &format.name, options, &staging, plan)
        })
    }

    /// `invalid` is about what the user gave, so it is the caller's to report.
    fn packager(
        &self,
        format: &Format,
        subject: Subject,
        plan: &mut Builder,
        body: impl Fn(
            &mut crate::plugin::call::Call,
            crate::plugin::imports::Draft,
        ) -> wasmtime::Result<Result<(), types::Error>>,
    ) -> Result<Result<(), Invalid>, Error> {
        let id = &format.plugin;
        let entry = self.index().get(id).expect("a format comes from a plugin of the index");
        let invalid = RefCell::new(None);
        let said = self.steps_of(entry, Role::Packager, subject, plan, |call, draft| {
            let result = body(call, draft)?;
            if let Err(types::Error::Invalid(why)) = &result {
                invalid.replace(Some(Invalid(why.trim_end_matches('.').to_owned())));
            }
            Ok(result)
        });
        match (said, invalid.into_inner()) {
            (Ok(Said::Value(())), _) => Ok(Ok(())),
            (Ok(Said::Unsupported(why)), _) => Err(Error::new(
                Kind::Plugin,
                format!("The plugin `{id}` (packager) does not make or load {}{subject}: {why}.", format.name),
            )
            .hint("Choose another format.")),
            (Err(_), Some(invalid)) => Ok(Err(invalid)),
            (Err(error), None) => Err(error),
        }
    }
}

fn path(at: &Location) -> types::Path {
    types::Path { root: at.root.name().to_owned(), relative: at.relative().display().to_string() }
}
