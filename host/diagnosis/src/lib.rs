//! Why a build of a kernel module failed: the first error in its log, what class of
//! failure that is, and what to do about it.
//!
//! The rules are a table. The crate reads the log of a build and the source of the module. It knows dkms.conf
//! and the commands of dkms and modsmith, which remedies name. It knows nothing of the tree in which modules are
//! kept.

mod refusal;
mod remedy;
mod table;
#[cfg(test)]
mod tests;
mod uname;

use std::collections::BTreeSet;
use std::io::{self, BufRead};

use regex::Regex;
use serde::{Deserialize, Serialize};

pub use refusal::Refusal;
pub use remedy::{Facts, remedy};
pub use uname::{Mention, mention};

use refusal::Refusals;
use table::{Rank, Table};

/// Classes of failed builds: few enough that each has one remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The kernel's headers are missing or incomplete.
    HeadersMissing,
    /// The build used another kernel, the running one, than the requested one.
    OtherKernel,
    /// The kernel's interface is not the one that the source was written for.
    ApiChanged,
    /// The compiler, assembler or linker is missing.
    CompilerMissing,
    /// The compiler does not take what the kernel's makefiles ask of it.
    CompilerMismatch,
    /// Another program that the build runs is missing.
    ToolMissing,
    /// No module exports a symbol that the module uses.
    SymbolMissing,
    /// The source lacks a file.
    SourceIncomplete,
    NoSpace,
    OutOfMemory,
    PatchRejected,
    /// A hook script of the package failed.
    ScriptFailed,
    /// A package of BUILD_DEPENDS is not installed.
    DependencyMissing,
    /// The walls around the build refused something.
    Confined,
    /// make succeeded but made no such module.
    ProductMissing,
    /// dkms.conf is invalid for the kernel.
    ConfInvalid,
    #[default]
    Unknown,
}

/// The step at which a build stopped, as the program that ran the build knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// There are no headers.
    Headers,
    /// A package that the build needs is not installed.
    Dependency,
    /// A file of the source is missing.
    Source,
    /// The package's configuration cannot be used.
    Configuration,
    /// A patch did not apply.
    Patch,
    /// A script of the package failed.
    Script,
    /// make failed.
    Make,
    /// make succeeded and a module was not there.
    Product,
    /// Anything else.
    Other,
}

impl Class {
    /// The words of a heading for the class.
    pub fn title(self) -> &'static str {
        match self {
            Class::HeadersMissing => "headers missing",
            Class::OtherKernel => "other kernel",
            Class::ApiChanged => "API changed",
            Class::CompilerMissing => "compiler missing",
            Class::CompilerMismatch => "compiler mismatch",
            Class::ToolMissing => "tool missing",
            Class::SymbolMissing => "symbol missing",
            Class::SourceIncomplete => "source incomplete",
            Class::NoSpace => "no space",
            Class::OutOfMemory => "out of memory",
            Class::PatchRejected => "patch rejected",
            Class::ScriptFailed => "script failed",
            Class::DependencyMissing => "dependency missing",
            Class::Confined => "confined",
            Class::ProductMissing => "product missing",
            Class::ConfInvalid => "dkms.conf invalid",
            Class::Unknown => "unknown",
        }
    }

    /// The class that follows from the stop alone, without the log.
    fn certain(stop: Stop) -> Option<Class> {
        Some(match stop {
            Stop::Headers => Class::HeadersMissing,
            Stop::Dependency => Class::DependencyMissing,
            Stop::Product => Class::ProductMissing,
            Stop::Source => Class::SourceIncomplete,
            Stop::Configuration => Class::ConfInvalid,
            _ => return None,
        })
    }

    /// The class that follows from the stop if the log shows no cause.
    fn likely(stop: Stop) -> Class {
        match stop {
            Stop::Patch => Class::PatchRejected,
            Stop::Script => Class::ScriptFailed,
            _ => Class::Unknown,
        }
    }
}

/// The line of a log that says what went wrong first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorLine {
    /// Counted from 1.
    pub line: u64,
    pub text: String,
}

/// The cause of a failure, as a log or an error shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnosis {
    pub class: Class,
    pub first_error: Option<ErrorLine>,
    /// The program that is missing, for the classes that are about one.
    pub program: Option<String>,
    /// The kernel that was built for instead, for [`Class::OtherKernel`].
    pub other_kernel: Option<String>,
    /// The refused operation, for [`Class::Confined`].
    pub refusal: Option<Refusal>,
    /// Whether PRE_BUILD wrote the line, and succeeded in spite of it.
    pub of_pre_build: bool,
    /// The error in the output of PRE_BUILD, which ran before make.
    early: Option<Early>,
    /// Kernels whose module directory the output is about.
    kernels: BTreeSet<String>,
    /// Whether the command that wrote the line succeeded in spite of it.
    succeeded: bool,
    /// Whether the line is known as an error, and was not merely the last one.
    known: bool,
    /// Whether the line is not known as a cause.
    is_weak: bool,
}

/// An error in the output of PRE_BUILD, which succeeded in spite of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Early {
    class: Class,
    program: Option<String>,
    line: ErrorLine,
    /// Whether the error is more than a missing file.
    is_clear: bool,
}

/// A line that may be the one.
struct Candidate {
    rank: Rank,
    class: Class,
    program: Option<String>,
    refusal: Option<Refusal>,
    line: ErrorLine,
}

/// Longer lines are macros and command lines.
const LONGEST: usize = 400;

/// How many kernels are noted.
const MOST_KERNELS: usize = 16;

/// A module directory's kernel.
const KERNEL: &str = r"/lib/modules/([^/\s'\x22`$]+)/";

/// The beginning of the line about the confinement of a build.
pub const CONFINEMENT: &str = "# confinement: ";

/// The first line of PRE_BUILD's block.
const PRE_BUILD: &str = "Running the pre_build script";

/// Finds the first error in the last block of a make.log: those before it are of
/// commands that succeeded. A log without blocks is one block.
pub fn of_log(mut log: impl BufRead) -> io::Result<Diagnosis> {
    let mut reader = LogReader::new();
    let mut bytes = Vec::new();
    while log.read_until(b'\n', &mut bytes)? != 0 {
        reader.line(&String::from_utf8_lossy(&bytes));
        bytes.clear();
    }
    Ok(reader.diagnosis())
}

/// Reads a log line by line.
struct LogReader {
    table: Table,
    kernel: Regex,
    /// The errors of the walls around the build; `None` for a build without walls.
    refusals: Option<Refusals>,
    /// The number of the current line, from 1.
    number: u64,
    /// How many lines say which log this is.
    head: u64,
    /// The last line that is not empty.
    heading: String,
    block: Block,
    /// The error of PRE_BUILD's block, which make's block follows.
    early: Option<Early>,
    kernels: BTreeSet<String>,
}

/// The state of the block of one command.
#[derive(Default)]
struct Block {
    is_pre_build: bool,
    best: Option<Candidate>,
    /// Of the lines before make stopped: the last one that tells of a failure, else the
    /// last one.
    before: Option<(bool, ErrorLine)>,
    succeeded: bool,
}

impl LogReader {
    fn new() -> Self {
        let kernel = Regex::new(KERNEL).expect("the pattern is tested");
        let (block, kernels) = (Block::default(), BTreeSet::new());
        let (refusals, early, heading) = (None, None, String::new());
        Self { table: Table::new(), kernel, refusals, number: 0, head: 0, heading, block, early, kernels }
    }

    fn line(&mut self, whole: &str) {
        self.number += 1;
        let text = whole.trim();
        if self.number == 1 && text.starts_with("DKMS ") {
            // The package and the kernel, and the date.
            self.head = 2;
        }
        if let Some(level) = text.strip_prefix(CONFINEMENT) {
            self.refusals = (!["off", "none"].iter().any(|none| level.starts_with(none))).then(Refusals::new);
        }
        if text.starts_with("# command: ") {
            return self.begin_block();
        }
        if !text.is_empty() {
            self.heading.clear();
            self.heading.push_str(text);
        }
        self.block.succeeded |= text == "# exit code: 0";
        let has_cause = self.block.best.as_ref().is_some_and(|best| best.rank == Rank::Cause);
        // The trials of configure have errors of their own.
        let is_trial = self.block.is_pre_build && text.contains("conftest");
        if !has_cause && !table::is_frame(text) && self.number > self.head && !is_trial {
            self.note_kernel(text);
            self.judge(whole, text);
        }
    }

    /// The line above names what runs.
    fn begin_block(&mut self) {
        let ended = std::mem::take(&mut self.block);
        if ended.is_pre_build {
            self.early = ended.best.filter(|found| found.rank <= Rank::Sign).map(Early::from);
        }
        self.block.is_pre_build = self.heading == PRE_BUILD;
    }

    /// Notes the kernel whose module directory a line names.
    fn note_kernel(&mut self, text: &str) {
        if let Some(found) = self.kernel.captures(text).and_then(|found| found.get(1))
            && self.kernels.len() < MOST_KERNELS
        {
            self.kernels.insert(found.as_str().to_owned());
        }
    }

    /// Compares a line with the best candidate of its block.
    fn judge(&mut self, whole: &str, text: &str) {
        let (mut rank, mut class, program) = self.table.judge(text);
        let refusal = self.refusals.as_ref().and_then(|refusals| refusals.of_line(text));
        if refusal.is_some() && (class == Class::Unknown || rank >= Rank::Sign) {
            (rank, class) = (rank.min(Rank::Sign), Class::Confined);
        }
        let plain = table::plain(text).chars().take(LONGEST).collect();
        let mut line = ErrorLine { line: self.number, text: plain };
        let block = &mut self.block;
        if rank == Rank::Output
            && let Some(tells) = self.table.may_explain(whole.trim_end())
            && (tells || block.before.as_ref().is_none_or(|(told, _)| !told))
        {
            block.before = Some((tells, line.clone()));
        }
        if rank == Rank::Consequence
            && let Some((_, said)) = block.before.take()
        {
            (rank, line) = (Rank::Before, said);
        }
        // Of lines that only may be the reason, the first; of plain output, the last.
        let better = |best: &Candidate| rank < best.rank || (rank == Rank::Output && best.rank == Rank::Output);
        if block.best.as_ref().is_none_or(better) {
            block.best = Some(Candidate { rank, class, program, refusal, line });
        }
    }

    fn diagnosis(self) -> Diagnosis {
        let Self { block, early, kernels, .. } = self;
        let early = early.filter(|_| !block.is_pre_build);
        let succeeded = block.succeeded;
        match block.best {
            None => Diagnosis { early, kernels, succeeded, ..Diagnosis::default() },
            Some(found) => Diagnosis {
                class: found.class,
                first_error: Some(found.line),
                program: found.program,
                refusal: found.refusal.filter(|_| found.class == Class::Confined),
                succeeded,
                known: found.rank != Rank::Output,
                is_weak: found.rank > Rank::Sign,
                early,
                kernels,
                ..Diagnosis::default()
            },
        }
    }
}

impl From<Candidate> for Early {
    fn from(found: Candidate) -> Self {
        let is_clear = found.rank == Rank::Cause || found.class != Class::SourceIncomplete;
        Self { class: found.class, program: found.program, line: found.line, is_clear }
    }
}

impl Diagnosis {
    /// Adds the facts that are known beside the log: the step at which the build stopped, and the
    /// system's errors.
    pub fn with_error<'t>(mut self, stop: Stop, texts: impl IntoIterator<Item = &'t str>) -> Self {
        // What a command said that succeeded is not why the build failed, but for
        // errors of a make that hides them.
        if self.succeeded && !(stop == Stop::Product && self.known) {
            self = Self { early: self.early, ..Self::default() };
        }
        self = self.with_pre_build(stop);
        if let Some(certain) = Class::certain(stop) {
            self.class = certain;
            return self;
        }
        if self.class == Class::Unknown {
            let table = Table::new();
            let told = texts.into_iter().map(|text| table.judge(text)).find(|told| told.1 != Class::Unknown);
            (self.class, self.program) = match told {
                Some((_, class, program)) => (class, program),
                None => (Class::likely(stop), None),
            };
        }
        self
    }

    /// Takes the error of a PRE_BUILD that ended well for the cause, if the build that follows has
    /// no error of its own, or lacks a file.
    fn with_pre_build(mut self, stop: Stop) -> Self {
        let Some(early) = self.early.take().filter(|_| matches!(stop, Stop::Make | Stop::Product)) else {
            return self;
        };
        let follows = self.first_error.is_none() || self.is_weak;
        if !(follows || (early.is_clear && self.class == Class::SourceIncomplete)) {
            return self;
        }
        self.class = if early.class == Class::Unknown { Class::ScriptFailed } else { early.class };
        (self.program, self.first_error, self.of_pre_build) = (early.program, Some(early.line), true);
        self
    }

    /// Compares the diagnosis with the kernel that was to be built for: if the build was made for
    /// another one, that is the cause, and no other text of the log counts. `running` is the kernel
    /// that `uname -r` names.
    pub fn for_kernel(mut self, kernel: &str, running: &str) -> Self {
        let line = self.first_error.as_ref().map_or("", |line| line.text.as_str());
        let pattern = Regex::new(KERNEL).expect("the pattern is tested");
        let named = pattern.captures_iter(line).filter_map(|found| Some(found.get(1)?.as_str()));
        let named = named.last().filter(|named| *named != kernel).map(str::to_owned);
        let went = running != kernel && self.kernels.contains(running) && !self.kernels.contains(kernel);
        let other = named.or_else(|| went.then(|| running.to_owned()));
        if let Some(other) = other.filter(|_| !self.of_pre_build && !self.succeeded) {
            (self.class, self.other_kernel) = (Class::OtherKernel, Some(other));
        }
        self
    }
}
