//! Why a build failed: the first error in its log, what class of failure that
//! is, and what to do about it.

mod remedy;
mod table;
#[cfg(test)]
mod tests;

use std::io::{self, BufRead};

use serde::{Deserialize, Serialize};

pub use remedy::{Facts, remedy};

use crate::error::Kind;
use table::{Rank, Table};

/// Classes of failed builds: few enough that each has one remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The kernel's headers are missing or incomplete.
    HeadersMissing,
    /// The kernel's interface is not the one that the source was written for.
    ApiChanged,
    /// The compiler, assembler or linker is missing.
    CompilerMissing,
    /// The compiler does not take what the kernel's makefiles ask of it.
    CompilerMismatch,
    /// Another program that the build runs is missing.
    ToolMissing,
    /// Nobody exports a symbol that the module uses.
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
    /// make succeeded but made no such module.
    ProductMissing,
    /// dkms.conf is invalid for the kernel.
    ConfInvalid,
    #[default]
    Unknown,
}

impl Class {
    /// In words, as a heading has it.
    pub fn title(self) -> &'static str {
        match self {
            Class::HeadersMissing => "headers missing",
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
            Class::ProductMissing => "product missing",
            Class::ConfInvalid => "dkms.conf invalid",
            Class::Unknown => "unknown",
        }
    }

    /// What a kind of error says by itself, whatever the log says.
    fn certain(kind: Kind) -> Option<Class> {
        Some(match kind {
            Kind::HeadersMissing => Class::HeadersMissing,
            Kind::DependencyMissing => Class::DependencyMissing,
            Kind::ProductMissing => Class::ProductMissing,
            Kind::PatchMissing | Kind::SourceEmpty => Class::SourceIncomplete,
            Kind::ConfInvalid | Kind::ConfUnreadable => Class::ConfInvalid,
            _ => return None,
        })
    }

    /// What a kind of error comes to when the log does not say more.
    fn likely(kind: Kind) -> Class {
        match kind {
            Kind::PatchFailed => Class::PatchRejected,
            Kind::Script(_) => Class::ScriptFailed,
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

/// What a log, or an error, says about a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnosis {
    pub class: Class,
    pub first_error: Option<ErrorLine>,
    /// The program that is missing, for the classes that are about one.
    pub program: Option<String>,
    /// Whether the command whose output it is ended well all the same.
    succeeded: bool,
    /// Whether the line is known for an error, and not only the last one.
    known: bool,
}

/// A line that may be the one.
struct Candidate {
    rank: Rank,
    class: Class,
    program: Option<String>,
    line: ErrorLine,
}

/// Longer lines are macros and command lines.
const LONGEST: usize = 400;

/// Finds the first error in the last block of a make.log: those before it are of
/// commands that succeeded. A log without blocks is one block.
pub fn of_log(mut log: impl BufRead) -> io::Result<Diagnosis> {
    let table = Table::new();
    let mut best: Option<Candidate> = None;
    let mut succeeded = false;
    let (mut bytes, mut number, mut head) = (Vec::new(), 0, 0);
    loop {
        bytes.clear();
        if log.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        number += 1;
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim();
        if number == 1 && text.starts_with("DKMS ") {
            // What the log is of, and the date.
            head = 2;
        }
        if text.starts_with("# command: ") {
            (best, succeeded) = (None, false);
            continue;
        }
        succeeded |= text == "# exit code: 0";
        if best.as_ref().is_some_and(|best| best.rank == Rank::Cause) || table::is_frame(text) || number <= head {
            continue;
        }
        let (rank, class, program) = table.judge(text);
        // Of what only may be the reason, the first; of plain output, the last.
        let better = |best: &Candidate| rank < best.rank || (rank == Rank::Output && best.rank == Rank::Output);
        if best.as_ref().is_none_or(better) {
            let text = table::plain(text).chars().take(LONGEST).collect();
            best = Some(Candidate { rank, class, program, line: ErrorLine { line: number, text } });
        }
    }
    Ok(best.map_or(Diagnosis::default(), |found| Diagnosis {
        class: found.class,
        first_error: Some(found.line),
        program: found.program,
        succeeded,
        known: found.rank != Rank::Output,
    }))
}

impl Diagnosis {
    /// The same with what the error itself says: of which kind it is, and in the
    /// words of the system.
    pub fn with_error<'t>(mut self, kind: Kind, texts: impl IntoIterator<Item = &'t str>) -> Self {
        // What a command said that succeeded is not why the build failed, but for
        // errors of a make that hides them.
        if self.succeeded && !(kind == Kind::ProductMissing && self.known) {
            self = Self::default();
        }
        if let Some(certain) = Class::certain(kind) {
            self.class = certain;
            return self;
        }
        if self.class == Class::Unknown {
            let table = Table::new();
            let told = texts.into_iter().map(|text| table.judge(text)).find(|told| told.1 != Class::Unknown);
            (self.class, self.program) = match told {
                Some((_, class, program)) => (class, program),
                None => (Class::likely(kind), None),
            };
        }
        self
    }
}
