use crate::bindings::imports::modsmith::plugin::plan::Builder;
use crate::bindings::packager::exports::modsmith::plugin::packager as wit;
use crate::{Error, Kernel, ModulePackage, Path, Plan, Property, Result, unsupported};

pub use wit::{ExitCodes, Failure, Format, KernelCount, OptionSpec, Refusal, Requirements, State};

/// Package formats, made from the tree and loaded into it.
pub trait Packager {
    /// The formats, their words of the command line and their options.
    fn formats() -> Vec<Format>;

    /// What has to be true before the format is made: asked first, with the
    /// options of the command line, which it checks. A package that is built for
    /// each kernel, if not implemented.
    fn requires(format: &str, options: &[Property]) -> Result<Requirements, Failure> {
        let _ = (format, options);
        Ok(Requirements { state: State::Built, kernels: KernelCount::Any })
    }

    /// Adds the steps that make the format below `staging`; the files that they
    /// leave in `result` there are what was made. `options` are those given on
    /// the command line; a switch has an empty value.
    fn assemble(
        format: &str,
        module: &ModulePackage,
        kernels: &[Kernel],
        options: &[Property],
        staging: &Path,
        plan: &mut Plan,
    ) -> Result<(), Failure>;

    /// Adds the steps that unpack a file below `staging`.
    fn load(format: &str, archive: &Path, options: &[Property], staging: &Path, plan: &mut Plan) -> Result<()> {
        let _ = (archive, options, staging, plan);
        Err(unsupported(format!("{format} is not loaded")))
    }

    /// Asked once the steps of [`load`](Packager::load) have run: looks at what
    /// they left and adds the steps that bring it into the shape of the tree:
    /// `source` or, for an archive without it, `binaries-only` with the
    /// dkms.conf; and `built/KERNEL/ARCH`. modsmith checks it and puts it into
    /// place.
    fn arrange(format: &str, options: &[Property], staging: &Path, plan: &mut Plan) -> Result<()> {
        let _ = (options, staging, plan);
        Err(unsupported(format!("{format} is not loaded")))
    }
}

impl<P: Packager> wit::Guest for P {
    fn formats() -> Vec<Format> {
        crate::panic::enter();
        P::formats()
    }

    fn requires(format: String, options: Vec<Property>) -> Result<Requirements, Failure> {
        crate::panic::enter();
        P::requires(&format, &options)
    }

    fn assemble(
        format: String,
        module: &ModulePackage,
        kernels: Vec<Kernel>,
        options: Vec<Property>,
        staging: Path,
        plan: &Builder,
    ) -> Result<(), Failure> {
        crate::panic::enter();
        P::assemble(&format, module, &kernels, &options, &staging, &mut Plan::new(plan))
    }

    fn load(format: String, archive: Path, options: Vec<Property>, staging: Path, plan: &Builder) -> Result<()> {
        crate::panic::enter();
        P::load(&format, &archive, &options, &staging, &mut Plan::new(plan))
    }

    fn arrange(format: String, options: Vec<Property>, staging: Path, plan: &Builder) -> Result<()> {
        crate::panic::enter();
        P::arrange(&format, &options, &staging, &mut Plan::new(plan))
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
/// code and the reason as a sentence.
pub fn refuse(exit_code: u8, reason: impl Into<String>) -> Refusal {
    Refusal { reason: reason.into(), advice: Vec::new(), exit_code }
}

impl Refusal {
    /// Adds what to do about it: a sentence.
    pub fn advice(mut self, sentence: impl Into<String>) -> Self {
        self.advice.push(sentence.into());
        self
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
