//! The lines by which failures are known.

use regex::{Regex, RegexSet};

use super::Class::{self, *};

/// The rank of a line; a smaller one says more about the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// The line is the reason.
    Cause,
    /// The line may be the reason, or a remark.
    Sign,
    /// Output of a recipe before make stopped, without a known sign of an error.
    Before,
    /// The line follows from a reason: make says that it stops.
    Consequence,
    /// Nothing that is known.
    Output,
}

use Rank::{Cause, Consequence, Sign};

/// For each line the first row that matches it counts.
const ROWS: &[(Rank, Class, &str)] = &[
    (Cause, NoSpace, r"No space left on device|Disk quota exceeded|not all data was written to the output"),
    (Cause, OutOfMemory, r"virtual memory exhausted|Cannot allocate memory|(?i-u:\bout of memory\b)|memory exhausted"),
    (Cause, OutOfMemory, r"^Killed$|Killed signal terminated program|compiler error: Killed|failed to map segment"),
    (Cause, OutOfMemory, r"\*\*\* .*\] Killed$"),
    (Sign, OutOfMemory, r"\*\*\* .*\] Error 137$"),
    (Cause, PatchRejected, r"^Hunk #\d+ FAILED|^can't find file to patch|malformed patch|previously applied\) patch"),
    (Cause, HeadersMissing, r"^make.*: \*\*\* \S+/build: No such file or directory\.  Stop\.$"),
    (
        Cause,
        HeadersMissing,
        r"Kernel configuration is invalid|include/(generated/autoconf\.h|config/auto\.conf).* missing",
    ),
    (Cause, HeadersMissing, r"fatal error: (generated|config)/\S+: No such file"),
    (
        Cause,
        HeadersMissing,
        r"(scripts/(basic/fixdep|mod/modpost)|objtool/objtool): (not found|No such file|cannot execute|.*Exec format)",
    ),
    (
        Cause,
        HeadersMissing,
        r"\*\*\* .*(?i-u:headers?\b(?u:.*)(not|missing|unable|cannot)|(no|find|install) (?u:.*)headers?\b).*  Stop\.$",
    ),
    (Cause, ToolMissing, r"please install libelf|cannot generate ORC metadata"),
    // A module of Perl or Python, which a script of the recipe is written in.
    (Cause, ToolMissing, r"^Can't locate \S+ in @INC|^(ModuleNotFound|Import)Error: No module named"),
    (
        Cause,
        CompilerMismatch,
        r"unrecognized (command.line option|argument in option)|error: (unknown argument|unsupported option)",
    ),
    (
        Cause,
        CompilerMismatch,
        r"cannot load plugin|incompatible gcc/plugin versions|[Cc]ompiler (lacks|does not support)|non-retpoline compiler",
    ),
    (Cause, ApiChanged, r"error: (implicit declaration of|call to undeclared) (library )?function"),
    (
        Cause,
        ApiChanged,
        r"error: .*incompatible (function )?(pointer|type|integer)|error: .*(pointer from integer|integer from pointer)",
    ),
    (Cause, ApiChanged, r"error: too (few|many) arguments|error: macro .* (passed|requires) \d+ arguments"),
    (
        Cause,
        ApiChanged,
        r"error: .*(has no member named|no member named|has incomplete type|incomplete type|undefined type)",
    ),
    (
        Cause,
        ApiChanged,
        r"error: (conflicting types for|redefinition of|static declaration of .* follows|unknown type name)",
    ),
    (
        Cause,
        ApiChanged,
        r"error: .*(undeclared|storage size of|void value not ignored|invalid initializer|return type)",
    ),
    (
        Cause,
        ApiChanged,
        r"fatal error: (linux|asm|net|uapi|drm|media|sound|scsi|rdma|trace|crypto|video|xen)/\S+: No such file",
    ),
    (Cause, ApiChanged, r"fatal error: (stdarg|stddef|stdbool|limits)\.h: No such file|uses symbol .* from namespace"),
    (Cause, SymbolMissing, r#"^(ERROR|WARNING): .*"\S+" \[\S+\] undefined!|uses GPL-only symbol"#),
    (Cause, SourceIncomplete, r"fatal error: \S+: No such file|error: \S+\.[ch]: No such file"),
    (Cause, SourceIncomplete, r"No rule to make target|No targets specified and no makefile found"),
    (
        Cause,
        Unknown,
        r": (fatal )?error: |^ERROR: modpost|multiple definition of|undefined reference to|internal compiler error|: its first line ends in a carriage return",
    ),
    (Sign, CompilerMismatch, r"the compiler differs from the one used to build the kernel"),
    (Sign, SourceIncomplete, r": No such file or directory$"),
    (
        Sign,
        Unknown,
        r"\*\*\* .*  Stop\.$|^\W*(?i-u:(fatal )?error\b[:! ])|: [Ee]rror: |^E: |Permission denied|Segmentation fault",
    ),
    (Consequence, Unknown, r"^g?make.*: \*\*\* "),
];

/// Words of lines that tell of a failure in their own way.
const TELLING: &str = r"(?i-u)\b(errors?|fail(ed|s|ure)?|cannot|can't|could ?n(?u:.)t|unable|invalid|denied|missing|undefined|unknown|unexpected|not (found|exist|supported|a )|no such|refus(ed|es)|abort(ed|ing)?|bad|conflict\w*|busy|exists)\b";

/// Lines that only say what is being done: of the kernel's makefiles, of makes, of
/// compilers' remarks, and commands as makes echo them.
const PROGRESS: &str = r"^\s+[A-Z][A-Z0-9_]+ +(\[\w+\] +)?\S+$|^g?make(\[\d+\])?:|^g?make |: (warning|note): |^\s*\||^In file included|: In function |\.\.\.$|^#";

/// Lines that say which program is missing, each with the program in brackets.
const MISSING: &[&str] = &[
    r"^\S+: (?:line )?\d+: (?:exec: )?(\S+): (?:command )?not found$",
    r"^\S+: (\S+): command not found$",
    r"^g?make(?:\[\d+\])?: (\S+): (?:No such file or directory|Command not found)$",
    r"cannot execute [‘'`]([^’']+)['’]",
    r"\benv: [‘'`]([^’']+)['’]: No such file",
    r"^`([^`]+)` is not installed",
    r"^\S+: its interpreter `(?:[^`]*/)?([^`/]+)` is not installed",
];

/// Programs that are a part of the compiler: with a prefix for the machine and a
/// version, or without.
const COMPILER: &str = r"^(?:\S+-)?(?:gcc|cc|clang|g\+\+|c\+\+|cc1|cc1plus|as|ld|ld\.lld|ld\.bfd)(?:-[\d.]+)?$";

/// The table, ready for use.
pub struct Table {
    rows: RegexSet,
    missing: Vec<Regex>,
    compiler: Regex,
    telling: Regex,
    progress: Regex,
}

impl Table {
    pub fn new() -> Self {
        let valid = "the patterns of the table are tested";
        Self {
            rows: RegexSet::new(ROWS.iter().map(|row| row.2)).expect(valid),
            missing: MISSING.iter().map(|pattern| Regex::new(pattern).expect(valid)).collect(),
            compiler: Regex::new(COMPILER).expect(valid),
            telling: Regex::new(TELLING).expect(valid),
            progress: Regex::new(PROGRESS).expect(valid),
        }
    }

    /// Whether a line of plain output may be about a failure that follows, and
    /// whether it says so. Its indentation counts.
    pub fn may_explain(&self, line: &str) -> Option<bool> {
        (!self.progress.is_match(line)).then(|| self.telling.is_match(line))
    }

    /// Rank and class of a line, and the program that it misses.
    pub fn judge(&self, line: &str) -> (Rank, Class, Option<String>) {
        let row = self.rows.matches(line).iter().next().map(|index| ROWS[index]);
        if let Some((Cause, class, _)) = row.filter(|row| row.1 == HeadersMissing) {
            return (Cause, class, None);
        }
        let missing = self.missing.iter().find_map(|pattern| pattern.captures(line)?.get(1));
        if let Some(program) = missing.map(|found| found.as_str()) {
            let class = match program {
                program if self.compiler.is_match(program) => CompilerMissing,
                // A file of the source, or one that an earlier step had to make.
                program if program.contains('/') => SourceIncomplete,
                _ => ToolMissing,
            };
            return (Cause, class, Some(program.to_owned()));
        }
        row.map_or((Rank::Output, Unknown, None), |(rank, class, _)| (rank, class, None))
    }
}

/// The parts of a log that are not a program's output.
pub fn is_frame(line: &str) -> bool {
    line.is_empty()
        || line.starts_with("# exit code: ")
        || line.starts_with("# elapsed time: ")
        || line.starts_with(crate::CONFINEMENT)
        || (line.len() == 64 && line.bytes().all(|b| b == b'-'))
        || line.contains(": Leaving directory ")
        || line.contains(": Entering directory ")
}

/// Without the sequences that colour a terminal, and without other control characters.
pub fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            // `ESC [ … letter`; a lone escape is dropped as well.
            if chars.next() == Some('[') {
                chars.by_ref().find(char::is_ascii_alphabetic);
            }
        } else if !c.is_control() || c == '\t' {
            out.push(c);
        }
    }
    out
}
