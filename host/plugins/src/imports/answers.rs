//! The `answers` interface: what plugins make and return, where that may grow.

use std::path::PathBuf;

use wasmtime::component::Resource;

use super::CallState;
use super::kept::completes;
use crate::bindings::modsmith::plugin::answers::{
    Host, HostEnrolment, HostFormat, HostFormatOption, HostHookFile, HostRequirements, HostSigning,
};
use crate::bindings::modsmith::plugin::types::Argument;

type Done = wasmtime::Result<()>;

impl Host for CallState {}

/// Whether the machine's kernel would accept a signature, and what to do where
/// it would not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// `None` if it is unknown.
    pub accepted: Option<bool>,
    /// The evidence for that, and what to do.
    pub advice: Vec<String>,
}

/// A file that brings events of kernels to the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookFile {
    /// Absolute on the target, once `@SBINDIR@` and `@LIBDIR@` are filled in.
    pub path: PathBuf,
    pub contents: Vec<u8>,
    pub mode: u32,
}

/// An option that a format adds to the command line: a switch, unless it takes a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormatOption {
    /// Long name without dashes.
    pub name: String,
    pub help: String,
    pub short: Option<char>,
    /// Placeholder of its value.
    pub value: Option<String>,
    /// The values that it takes; empty for any.
    pub choices: Vec<String>,
    pub repeatable: bool,
    /// The format is made without any kernel if this option is given.
    pub without_kernels: bool,
    /// Options that exclude it.
    pub excludes: Vec<String>,
}

/// A format as its plugin declares it. The interface's text says what each field is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    pub name: String,
    pub action: String,
    pub load_action: Option<String>,
    pub suffixes: Vec<String>,
    pub summary: String,
    pub label: String,
    pub directory: String,
    pub archive_option: Option<String>,
    pub from_directory: bool,
    pub installer: Vec<String>,
    /// Exit code where the package is not built for a kernel that the command names.
    pub not_built: u8,
    /// Exit code where a step failed.
    pub failed: u8,
    pub options: Vec<FormatOption>,
}

impl Default for Declared {
    fn default() -> Self {
        Self {
            name: String::new(),
            action: String::new(),
            load_action: None,
            suffixes: Vec::new(),
            summary: String::new(),
            label: String::new(),
            directory: String::new(),
            archive_option: None,
            from_directory: false,
            installer: Vec::new(),
            not_built: 5,
            failed: 7,
            options: Vec::new(),
        }
    }
}

/// The answer `signing`, as the plugin gave it.
#[derive(Debug, Clone)]
pub struct SigningAnswer {
    pub program: Argument,
    pub key: Option<Argument>,
    pub certificate: Option<Argument>,
    pub digest: Option<String>,
}

/// The answer `requirements`, as the plugin gave it.
#[derive(Debug, Clone)]
pub struct RequirementsAnswer {
    pub state: String,
    pub kernels: String,
}

impl HostSigning for CallState {
    fn new(&mut self, program: Argument) -> wasmtime::Result<Resource<SigningAnswer>> {
        self.keep(&[&program])?;
        self.push(SigningAnswer { program, key: None, certificate: None, digest: None })
    }

    completes!(set_key(SigningAnswer, key: Argument) |signing| signing.key = Some(key));
    completes!(set_certificate(SigningAnswer, certificate: Argument) |signing| signing.certificate = Some(certificate));
    completes!(set_digest(SigningAnswer, digest: String) |signing| signing.digest = Some(digest));

    fn program(&mut self, this: Resource<SigningAnswer>) -> wasmtime::Result<Argument> {
        Ok(self.table.get(&this)?.program.clone())
    }

    fn key(&mut self, this: Resource<SigningAnswer>) -> wasmtime::Result<Option<Argument>> {
        Ok(self.table.get(&this)?.key.clone())
    }

    fn certificate(&mut self, this: Resource<SigningAnswer>) -> wasmtime::Result<Option<Argument>> {
        Ok(self.table.get(&this)?.certificate.clone())
    }

    fn digest(&mut self, this: Resource<SigningAnswer>) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&this)?.digest.clone())
    }

    fn drop(&mut self, this: Resource<SigningAnswer>) -> Done {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostEnrolment for CallState {
    fn new(&mut self) -> wasmtime::Result<Resource<Enrolment>> {
        self.push(Enrolment { accepted: None, advice: Vec::new() })
    }

    completes!(set_accepted(Enrolment, accepted: bool) |enrolment| enrolment.accepted = Some(accepted));
    completes!(advise(Enrolment, sentence: String) |enrolment| enrolment.advice.push(sentence));

    fn drop(&mut self, this: Resource<Enrolment>) -> Done {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostHookFile for CallState {
    fn new(&mut self, at: String, contents: Vec<u8>, mode: u32) -> wasmtime::Result<Resource<HookFile>> {
        self.keep(&[&at, &contents])?;
        self.push(HookFile { path: at.into(), contents, mode })
    }

    fn drop(&mut self, this: Resource<HookFile>) -> Done {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostRequirements for CallState {
    fn new(&mut self, state: String) -> wasmtime::Result<Resource<RequirementsAnswer>> {
        self.keep(&[&state])?;
        self.push(RequirementsAnswer { state, kernels: "any".to_owned() })
    }

    completes!(set_kernels(RequirementsAnswer, count: String) |requirements| requirements.kernels = count);

    fn drop(&mut self, this: Resource<RequirementsAnswer>) -> Done {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostFormatOption for CallState {
    fn new(&mut self, name: String, help: String) -> wasmtime::Result<Resource<FormatOption>> {
        self.keep(&[&name, &help])?;
        self.push(FormatOption { name, help, ..FormatOption::default() })
    }

    completes!(set_short(FormatOption, letter: char) |option| option.short = Some(letter));
    completes!(set_value(FormatOption, placeholder: String) |option| option.value = Some(placeholder));
    completes!(add_choice(FormatOption, value: String) |option| option.choices.push(value));
    completes!(set_repeatable(FormatOption) | option | option.repeatable = true);
    completes!(set_without_kernels(FormatOption) | option | option.without_kernels = true);
    completes!(exclude(FormatOption, name: String) |option| option.excludes.push(name));

    fn drop(&mut self, this: Resource<FormatOption>) -> Done {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostFormat for CallState {
    fn new(
        &mut self,
        name: String,
        action: String,
        summary: String,
        label: String,
    ) -> wasmtime::Result<Resource<Declared>> {
        self.keep(&[&name, &action, &summary, &label])?;
        self.push(Declared { directory: name.clone(), name, action, summary, label, ..Declared::default() })
    }

    completes!(set_directory(Declared, directory: String) |format| format.directory = directory);
    completes!(set_load_action(Declared, action: String) |format| format.load_action = Some(action));
    completes!(add_suffix(Declared, suffix: String) |format| format.suffixes.push(suffix));
    completes!(set_archive_option(Declared, name: String) |format| format.archive_option = Some(name));
    completes!(set_from_directory(Declared) | format | format.from_directory = true);
    completes!(set_installer(Declared, command: Vec<String>) |format| format.installer = command);

    fn set_exit_codes(&mut self, this: Resource<Declared>, not_built: u8, failed: u8) -> Done {
        let format = self.table.get_mut(&this)?;
        (format.not_built, format.failed) = (not_built, failed);
        Ok(())
    }

    fn add_option(&mut self, this: Resource<Declared>, added: Resource<FormatOption>) -> Done {
        let option = self.table.delete(added)?;
        self.table.get_mut(&this)?.options.push(option);
        Ok(())
    }

    fn drop(&mut self, this: Resource<Declared>) -> Done {
        self.table.delete(this)?;
        Ok(())
    }
}
