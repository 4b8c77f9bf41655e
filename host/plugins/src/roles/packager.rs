//! Package formats, made from the tree and loaded into it.

use std::cell::RefCell;
use std::sync::Arc;

use crate::bindings::exports::modsmith::plugin::packager::GuestIndices;
use crate::bindings::modsmith::plugin::types::{self, ErrorKind};
use crate::error::Error;
use crate::facade::Plugins;
use crate::facade::call::{Call, CallOutcome, Subject, call_outcome, denied, taken};
use crate::imports::{
    AssembleRequest, Declared, FormatOption, FormatRequest, LoadRequest, PackageFacts, RequirementsAnswer, StepBuffer,
};
use crate::manifest::Role;
use crate::roles::may_ask;
use modsmith_facts::kernel::Kernel;
use modsmith_facts::text::prose;
use modsmith_facts::{Location, find_program};
use modsmith_plan::Builder;

/// A format that a plugin makes or loads.
#[derive(Debug, Clone)]
pub struct Format {
    /// The plugin's id.
    pub plugin: String,
    /// As the plugin declares it.
    pub declared: Declared,
}

impl std::ops::Deref for Format {
    type Target = Declared;

    fn deref(&self) -> &Declared {
        &self.declared
    }
}

impl Format {
    /// Whether files of this name are loaded: the length of the suffix that says
    /// so.
    pub fn loads(&self, name: &str) -> Option<usize> {
        self.suffixes.iter().filter(|suffix| name.ends_with(*suffix)).map(String::len).max()
    }

    /// The option of this name.
    pub fn option(&self, name: &str) -> Option<&FormatOption> {
        self.options.iter().find(|option| option.name == name)
    }
}

/// The state that a package must have before a format is made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// In the tree.
    Added,
    /// In the tree, with a copy of its source as it is compiled.
    Prepared,
    /// Built for each kernel.
    Built,
    /// Built for each kernel, which the host does where that is missing.
    BuiltOnDemand,
}

/// For how many kernels a format is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelCount {
    None,
    One,
    Any,
}

/// The requirements of a format: the state of the package, and the number of kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirements {
    pub state: State,
    pub kernels: KernelCount,
}

/// The material of a format.
#[derive(Debug, Clone, Copy)]
pub struct Assembly<'a> {
    pub package: &'a Arc<PackageFacts>,
    pub kernels: &'a [Arc<Kernel>],
    pub options: &'a [(String, String)],
    pub staging: &'a Location,
}

/// The part of an archive that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadPurpose {
    /// A package of modules, in the shape of the tree.
    ModulePackage,
    /// All files that it installs.
    Files,
}

impl LoadPurpose {
    /// The word of the interface.
    pub fn name(self) -> &'static str {
        match self {
            LoadPurpose::ModulePackage => "module-package",
            LoadPurpose::Files => "files",
        }
    }
}

/// The source that a format is unpacked from.
#[derive(Debug, Clone, Copy)]
pub struct Loading<'a> {
    pub archive: &'a Location,
    pub options: &'a [(String, String)],
    pub staging: &'a Location,
    pub purpose: LoadPurpose,
}

/// Why an archive cannot be loaded: a clause without a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(pub String);

/// A format whose words and texts can be shown, completed and put into manuals as
/// they are: a word that is no plain word leaves it out, other texts are escaped.
fn harmless(mut declared: Declared) -> Result<Declared, String> {
    let options = declared.options.iter().map(|option| &option.name);
    let words = [&declared.action].into_iter().chain(&declared.load_action).chain(options);
    let plain = |word: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
        !word.is_empty() && !word.starts_with('-') && word.chars().all(is_plain)
    };
    if let Some(word) = words.into_iter().find(|word| !plain(word)) {
        return Err(format!("`{word}` is no word of a command line: letters, digits, `-`, `_`, `.` and `+`"));
    }
    let escape = |text: &mut String| *text = prose(text).into_owned();
    escape(&mut declared.summary);
    escape(&mut declared.label);
    for option in &mut declared.options {
        escape(&mut option.help);
        option.choices.iter_mut().for_each(escape);
        option.value.iter_mut().for_each(escape);
    }
    Ok(declared)
}

impl Requirements {
    /// The plugin's answer. A word that this host does not know is an error.
    fn of(answer: &RequirementsAnswer) -> Result<Self, types::Error> {
        let unknown = |what: &str, word: &str, known: &str| {
            types::Error::unsupported(format!("`{word}` is no {what}; this host knows {known}"))
        };
        let state = match answer.state.as_str() {
            "added" => State::Added,
            "prepared" => State::Prepared,
            "built" => State::Built,
            "built-on-demand" => State::BuiltOnDemand,
            other => return Err(unknown("state of a package", other, "added, prepared, built, built-on-demand")),
        };
        let kernels = match answer.kernels.as_str() {
            "none" => KernelCount::None,
            "one" => KernelCount::One,
            "any" => KernelCount::Any,
            other => return Err(unknown("number of kernels", other, "none, one, any")),
        };
        Ok(Self { state, kernels })
    }
}

/// The role `packager`: package formats.
#[derive(Clone, Copy)]
pub struct Packager<'p>(pub &'p Plugins);

impl Packager<'_> {
    /// The formats of all packagers that serve this system. A packager that
    /// fails is left out, with a warning.
    pub fn formats(&self) -> Vec<Format> {
        let mut formats = Vec::new();
        for entry in self.0.candidates(Role::Packager).entries {
            let asked = self.0.call(entry, Role::Packager, Subject::default(), &self.0.system.roots, |call| {
                let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
                match guest.call_formats(&mut call.store)? {
                    Ok(given) => given.into_iter().map(|one| call.take(one)).collect::<wasmtime::Result<_>>().map(Ok),
                    Err(error) => Ok(Err(error)),
                }
            });
            let given = asked
                .and_then(|(answer, _)| call_outcome(entry.id(), Role::Packager.name(), Subject::default(), answer));
            let given: Vec<Declared> = match given {
                Err(error) => {
                    tracing::warn!("{error}");
                    continue;
                }
                Ok(CallOutcome::Unsupported(_)) => continue,
                Ok(CallOutcome::Value(given)) => given,
            };
            formats.extend(given.into_iter().filter_map(|declared| {
                let format = declared.name.clone();
                let usable = harmless(declared).map(|declared| Format { plugin: entry.id().to_owned(), declared });
                usable.map_err(|why| tracing::warn!("plugin `{}`: format `{format}`: {why}", entry.id())).ok()
            }));
        }
        formats
    }

    /// The requirements of the format with these options.
    ///
    /// # Errors
    /// The plugin's refusal, with the exit code that it chose.
    pub fn requirements(&self, format: &Format, options: &[(String, String)]) -> Result<Requirements, Error> {
        let entry = self.0.index().get(&format.plugin).expect("a format comes from a plugin of the index");
        let (answer, _) = self.0.call(entry, Role::Packager, Subject::default(), &self.0.system.roots, |call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let request = FormatRequest { format: format.name.clone(), options: options.to_vec() };
            let request = call.lend(request)?;
            let answer = guest.call_requires(&mut call.store, request)?;
            Ok(taken(call, answer)?.and_then(|answer| Requirements::of(&answer)))
        })?;
        let refused = RefCell::new(None);
        let answer = capture_refusal(answer, format, &refused);
        match (call_outcome(entry.id(), Role::Packager.name(), Subject::default(), answer), refused.into_inner()) {
            (_, Some(refusal)) => Err(refusal),
            (Ok(CallOutcome::Value(needs)), None) => Ok(needs),
            (Ok(CallOutcome::Unsupported(why)), None) => Err(unsupported(format, Subject::default(), &why)),
            (Err(error), None) => Err(error),
        }
    }

    /// Program and leading arguments with which this system installs files of the
    /// format itself, if it does: held to the plugin's grant, where the file's
    /// name counts as one more argument.
    pub fn installer(&self, format: &Format) -> Result<Option<Vec<String>>, Error> {
        let Some((program, arguments)) = format.installer.split_first() else { return Ok(None) };
        if !self.0.system.is_live() {
            return Ok(None);
        }
        let mut asked = arguments.to_vec();
        asked.push("/a/file".into());
        let refused = |why: String| denied(&format.plugin, Role::Packager.name(), Subject::default(), &why);
        may_ask(self.0, &format.plugin, program, &asked).map_err(refused)?;
        Ok(find_program(&self.0.system.root, program).map(|_| format.installer.clone()))
    }

    /// Adds the steps that make a format below `staging`.
    ///
    /// # Errors
    /// The plugin's refusal, with the exit code that it chose.
    pub fn assemble(&self, format: &Format, assembly: Assembly<'_>, plan: &mut Builder) -> Result<(), Error> {
        let Assembly { package, kernels, options, staging } = assembly;
        let subject = Subject { kernel: None, package: Some(package) };
        let staging = types::Path::from(staging);
        let refused = RefCell::new(None);
        let entry = self.0.index().get(&format.plugin).expect("a format comes from a plugin of the index");
        let call_outcome = self.0.steps_of(entry, Role::Packager, subject, plan, |call, buffer| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let request = AssembleRequest {
                format: format.name.clone(),
                options: options.to_vec(),
                package: package.clone(),
                kernels: kernels.to_vec(),
                staging: staging.clone(),
            };
            let (request, plan) = (call.lend(request)?, call.plan(buffer)?);
            let answer = guest.call_assemble(&mut call.store, request, plan)?;
            Ok(capture_refusal(answer, format, &refused))
        });
        match (call_outcome, refused.into_inner()) {
            (_, Some(refusal)) => Err(refusal),
            (Ok(CallOutcome::Value(())), None) => Ok(()),
            (Ok(CallOutcome::Unsupported(why)), None) => Err(unsupported(format, subject, &why)),
            (Err(error), None) => Err(error),
        }
    }

    /// Adds the steps that unpack a file below `staging`.
    pub fn load(
        &self,
        format: &Format,
        loading: Loading<'_>,
        plan: &mut Builder,
    ) -> Result<Result<(), Invalid>, Error> {
        let request = load_request(format, loading);
        self.load_step(format, plan, |call, buffer| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let (request, plan) = (call.lend(request())?, call.plan(buffer)?);
            guest.call_load(&mut call.store, request, plan)
        })
    }

    /// Adds the steps that bring what was unpacked into the shape that is wanted.
    pub fn arrange(
        &self,
        format: &Format,
        loading: Loading<'_>,
        plan: &mut Builder,
    ) -> Result<Result<(), Invalid>, Error> {
        let request = load_request(format, loading);
        self.load_step(format, plan, |call, buffer| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let (request, plan) = (call.lend(request())?, call.plan(buffer)?);
            guest.call_arrange(&mut call.store, request, plan)
        })
    }

    /// `invalid` is about the file that the user gave, so it is the caller's to
    /// report.
    fn load_step(
        &self,
        format: &Format,
        plan: &mut Builder,
        body: impl Fn(&mut Call, StepBuffer) -> wasmtime::Result<Result<(), types::Error>>,
    ) -> Result<Result<(), Invalid>, Error> {
        let entry = self.0.index().get(&format.plugin).expect("a format comes from a plugin of the index");
        let invalid = RefCell::new(None);
        let subject = Subject::default();
        let call_outcome = self.0.steps_of(entry, Role::Packager, subject, plan, |call, buffer| {
            let result = body(call, buffer)?;
            if let Err(error) = &result
                && error.kind == ErrorKind::Invalid
            {
                invalid.replace(Some(Invalid(error.message.trim_end_matches('.').to_owned())));
            }
            Ok(result)
        });
        match (call_outcome, invalid.into_inner()) {
            (Ok(CallOutcome::Value(())), _) => Ok(Ok(())),
            (Ok(CallOutcome::Unsupported(why)), _) => Err(unsupported(format, subject, &why)),
            (Err(_), Some(invalid)) => Ok(Err(invalid)),
            (Err(error), None) => Err(error),
        }
    }
}

/// Keeps a refusal apart from failures: it is for the user, not about the plugin.
fn capture_refusal<T>(
    answer: Result<T, types::Error>,
    format: &Format,
    refused: &RefCell<Option<Error>>,
) -> Result<T, types::Error> {
    if let Err(error) = &answer {
        let hints = error.hints.clone();
        let refusal = match (error.kind, error.code) {
            (_, Some(code)) => {
                Some(Error::FormatRefused { exit_code: code.max(1), reason: error.message.clone(), advice: hints })
            }
            (ErrorKind::Invalid, None) => {
                let reason = error.message.trim_end_matches('.').to_owned();
                Some(Error::FormatImpossible { format: format.name.clone(), reason, hints })
            }
            _ => None,
        };
        refused.replace(refusal);
    }
    answer
}

fn unsupported(format: &Format, subject: Subject, why: &str) -> Error {
    Error::FormatUnsupported {
        plugin: format.plugin.clone(),
        format: format.name.clone(),
        subject: subject.to_string(),
        reason: why.to_owned(),
    }
}

fn load_request(format: &Format, loading: Loading<'_>) -> impl Fn() -> LoadRequest + use<> {
    let (format, options) = (format.name.clone(), loading.options.to_vec());
    let (archive, staging) = (types::Path::from(loading.archive), types::Path::from(loading.staging));
    move || LoadRequest {
        format: format.clone(),
        options: options.clone(),
        archive: archive.clone(),
        staging: staging.clone(),
        purpose: loading.purpose.name(),
    }
}
