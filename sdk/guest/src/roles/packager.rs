use crate::bindings::imports::modsmith::plugin::answers;
use crate::bindings::imports::modsmith::plugin::plan::Builder;
use crate::bindings::packager::exports::modsmith::plugin::packager as wit;
use crate::{AssembleRequest, Error, FormatRequest, LoadRequest, Plan, Property, Result, invalid, unsupported};

/// A package format. The interface's text says what each field is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the interface's text has each of them")]
pub struct Format {
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
    pub exit_codes: ExitCodes,
    pub options: Vec<OptionSpec>,
}

/// Exit codes for the cases in which a format is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitCodes {
    /// The package is not built for a kernel that the command names.
    pub not_built: u8,
    /// A step of `assemble` failed.
    pub failed: u8,
}

/// An option that a format adds to the command line: a switch, unless it has a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionSpec {
    /// The long name, without dashes.
    pub name: String,
    /// The letter of the short form.
    pub short: Option<char>,
    /// The placeholder of the value.
    pub value: Option<String>,
    /// The explanation of the option, on one line.
    pub help: String,
    /// The values that the option takes. An empty list: any value.
    pub choices: Vec<String>,
    /// Whether the option may be given more than once.
    pub repeatable: bool,
    /// Whether the format is made without any kernel if this option is given.
    pub without_kernels: bool,
    /// Options that exclude this one.
    pub excludes: Vec<String>,
}

/// The state that a package must have before a format is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// The package is in the tree. Kernels for which the package is not built are skipped.
    Added,
    /// The package is in the tree; `source` is a copy of its source as it is compiled.
    Prepared,
    /// The package is built for each kernel.
    Built,
    /// The package is built for each kernel; modsmith builds it where it is not.
    BuiltOnDemand,
}

/// The number of kernels that a format is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KernelCount {
    /// The format is made for no kernel.
    None,
    /// The format is made for one kernel.
    One,
    /// The format is made for any number of kernels.
    Any,
}

/// The requirements of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirements {
    /// The state that the package has to have.
    pub state: State,
    /// The number of kernels that the format is for.
    pub kernels: KernelCount,
}

/// Package formats, made from the tree and loaded into it. The program ends with the
/// exit code of an error that has one ([`refuse`]).
pub trait Packager {
    /// Returns the formats, their words of the command line and their options.
    fn formats() -> Result<Vec<Format>>;

    /// Returns the requirements of the format. The program asks for them first, with the options of the
    /// command line, which this function checks. The default requires a package that is built for
    /// each kernel.
    fn requires(request: &FormatRequest) -> Result<Requirements> {
        let _ = request;
        Ok(Requirements { state: State::Built, kernels: KernelCount::Any })
    }

    /// Adds the steps that make the format below `staging`; the files that they
    /// leave in `result` there are what was made.
    fn assemble(request: &AssembleRequest, plan: &mut Plan) -> Result<()>;

    /// Adds the steps that unpack a file below `staging`.
    fn load(request: &LoadRequest, plan: &mut Plan) -> Result<()> {
        let _ = plan;
        Err(unsupported(format!("{} is not loaded", request.format())))
    }

    /// Asked once the steps of [`load`](Packager::load) have run: looks at what
    /// they left and adds the steps that bring it into the shape of the tree:
    /// `source` or, for an archive without it, `binaries-only` with the
    /// dkms.conf; and `built/KERNEL/ARCH`. modsmith checks it and puts it into
    /// place. A request that [wants files](LoadRequest::wants_files) is answered with all of them, in
    /// `files`.
    fn arrange(request: &LoadRequest, plan: &mut Plan) -> Result<()> {
        let _ = plan;
        Err(unsupported(format!("{} is not loaded", request.format())))
    }
}

impl Format {
    fn answer(&self) -> answers::Format {
        let answer = answers::Format::new(&self.name, &self.action, &self.summary, &self.label);
        answer.set_directory(&self.directory);
        self.load_action.iter().for_each(|action| answer.set_load_action(action));
        self.suffixes.iter().for_each(|suffix| answer.add_suffix(suffix));
        self.archive_option.iter().for_each(|name| answer.set_archive_option(name));
        if self.from_directory {
            answer.set_from_directory();
        }
        if !self.installer.is_empty() {
            answer.set_installer(&self.installer);
        }
        answer.set_exit_codes(self.exit_codes.not_built, self.exit_codes.failed);
        self.options.iter().for_each(|option| answer.add_option(option.answer()));
        answer
    }
}

impl OptionSpec {
    fn answer(&self) -> answers::FormatOption {
        let answer = answers::FormatOption::new(&self.name, &self.help);
        self.short.iter().for_each(|letter| answer.set_short(*letter));
        self.value.iter().for_each(|placeholder| answer.set_value(placeholder));
        self.choices.iter().for_each(|choice| answer.add_choice(choice));
        if self.repeatable {
            answer.set_repeatable();
        }
        if self.without_kernels {
            answer.set_without_kernels();
        }
        self.excludes.iter().for_each(|name| answer.exclude(name));
        answer
    }
}

impl Requirements {
    fn answer(self) -> answers::Requirements {
        let answer = answers::Requirements::new(match self.state {
            State::Added => "added",
            State::Prepared => "prepared",
            State::Built => "built",
            State::BuiltOnDemand => "built-on-demand",
        });
        answer.set_kernels(match self.kernels {
            KernelCount::None => "none",
            KernelCount::One => "one",
            KernelCount::Any => "any",
        });
        answer
    }
}

impl<P: Packager> wit::Guest for P {
    fn formats() -> Result<Vec<answers::Format>> {
        crate::panic::enter();
        Ok(P::formats()?.iter().map(Format::answer).collect())
    }

    fn requires(request: &FormatRequest) -> Result<answers::Requirements> {
        crate::panic::enter();
        P::requires(request).map(Requirements::answer)
    }

    fn assemble(request: &AssembleRequest, plan: &Builder) -> Result<()> {
        crate::panic::enter();
        P::assemble(request, &mut Plan::new(plan))
    }

    fn load(request: &LoadRequest, plan: &Builder) -> Result<()> {
        crate::panic::enter();
        P::load(request, &mut Plan::new(plan))
    }

    fn arrange(request: &LoadRequest, plan: &Builder) -> Result<()> {
        crate::panic::enter();
        P::arrange(request, &mut Plan::new(plan))
    }
}

/// A format with customary values: fill in the rest with `..format(…)`.
pub fn format(name: &str, action: &str, summary: &str, label: &str) -> Format {
    Format {
        name: name.into(),
        action: action.into(),
        load_action: None,
        suffixes: Vec::new(),
        summary: summary.into(),
        label: label.into(),
        directory: name.into(),
        archive_option: None,
        from_directory: false,
        installer: Vec::new(),
        exit_codes: ExitCodes { not_built: 5, failed: 7 },
        options: Vec::new(),
    }
}

/// A switch of a format's command line.
pub fn switch(name: &str, help: &str) -> OptionSpec {
    OptionSpec {
        name: name.into(),
        short: None,
        value: None,
        help: help.into(),
        choices: Vec::new(),
        repeatable: false,
        without_kernels: false,
        excludes: Vec::new(),
    }
}

/// An option of a format's command line that takes a value; `value` is its
/// placeholder.
pub fn option(name: &str, value: &str, help: &str) -> OptionSpec {
    OptionSpec { value: Some(value.into()), ..switch(name, help) }
}

/// The value that an option was given: an empty text for a switch, `None` if it
/// was not given.
pub fn given<'o>(options: &'o [Property], name: &str) -> Option<&'o str> {
    options.iter().find(|(option, _)| option == name).map(|(_, value)| value.as_str())
}

/// A refusal to make the format as it was asked for, with the program's exit
/// code and the reason as a sentence. [`Error::hint`] adds what to do.
pub fn refuse(exit_code: u8, reason: impl Into<String>) -> Error {
    invalid(reason).exit_code(exit_code)
}
