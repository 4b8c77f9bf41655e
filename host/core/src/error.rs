//! The one error type of the flows: a kind, which has an id and an exit code, a message, and hints
//! that say what to do.
//!
//! Inside a module, errors are that module's own `thiserror` types; they become
//! an [`Error`] where a flow knows what they mean for the user.

use std::fmt;

use modsmith_plan::{Cause, FailureId};

/// An enumeration of kinds, each with its stable name.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $(($code:ty))? = $id:literal,)*) => {
        /// The kinds of errors that scripts can distinguish.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind { $($(#[$doc])* $kind $(($code))?,)* }

        impl Kind {
            /// All kinds; 0 stands for an exit code that is passed on.
            pub const ALL: &[Kind] = &[$(Kind::$kind $((<$code>::MIN))?,)*];

            /// Its stable name.
            pub fn id(self) -> &'static str {
                match self { $(Kind::$kind { .. } => $id,)* }
            }
        }
    };
}

kinds! {
    /// Not root, or no write access to the tree.
    Permission = "permission",
    /// Module or version not given, or other unusable arguments.
    Usage = "usage",
    /// An option that does not exist.
    UnknownOption = "unknown-option",
    /// `-k` together with `--all`.
    KernelWithAll = "kernel-with-all",
    /// `-a` together with `--all`.
    ArchWithAll = "arch-with-all",
    /// The source directory or archive is missing.
    SourceMissing = "source-missing",
    /// Already in the tree.
    AlreadyAdded = "already-added",
    /// Not in the tree.
    NotInTree = "not-in-tree",
    /// dkms.conf cannot be read.
    ConfUnreadable = "conf-unreadable",
    /// More than one action, or an action that needs exactly one kernel.
    ActionConflict = "action-conflict",
    /// The entry's `source` link leads nowhere.
    Broken = "broken",
    /// The action does not take `--all`.
    AllUnsupported = "all-unsupported",
    /// A patch is missing or its name climbs out.
    PatchMissing = "patch-missing",
    /// A patch does not apply.
    PatchFailed = "patch-failed",
    /// The kernel has no module directory.
    NoKernelDirectory = "no-kernel-directory",
    /// The kernel is proven not to load a module.
    NotLoadable = "not-loadable",
    /// A check of the tree has found a broken state, or a repair has left one.
    ProblemsLeft = "problems-left",
    /// Module files could not be installed.
    InstallFailed = "install-failed",
    /// A package format was not made: its plugin's exit code is passed on.
    Format(u8) = "format",
    /// An archive is damaged, or not what it has to be.
    ArchiveMalformed = "archive-malformed",
    /// An archive without a dkms.conf.
    ArchiveWithoutConf = "archive-without-conf",
    /// The place for an archive cannot be written to.
    ArchiveUnwritable = "archive-unwritable",
    /// An archive's package is in the tree already.
    AlreadyLoaded = "already-loaded",
    /// Options that exclude each other.
    OptionConflict = "option-conflict",
    /// make succeeded but an expected module file is not there.
    ProductMissing = "product-missing",
    /// The boot image could not be regenerated.
    InitrdFailed = "initrd-failed",
    /// dkms.conf is invalid.
    ConfInvalid = "conf-invalid",
    /// The source directory holds nothing to build.
    SourceEmpty = "source-empty",
    /// A path without a dkms.conf.
    NoConfInPath = "no-conf-in-path",
    /// make failed.
    BuildFailed = "build-failed",
    /// At least one module of an autoinstall failed.
    AutoinstallFailed = "autoinstall-failed",
    /// A package of BUILD_DEPENDS is not installed.
    DependencyMissing = "dependency-missing",
    /// At least one module of a kernel removal failed.
    KernelRemovalFailed = "kernel-removal-failed",
    /// The value of `-k` or `-a` is empty or missing.
    KernelOrArchEmpty = "kernel-or-arch-empty",
    /// The recipe cannot be confined as far as the administrator requires.
    ConfinementMissing = "confinement-missing",
    /// Kernel headers are missing.
    HeadersMissing = "headers-missing",
    /// BUILD_EXCLUSIVE_* excludes the kernel.
    Excluded = "excluded",
    /// PRE_INSTALL failed.
    PreInstallFailed = "pre-install-failed",
    /// A hook script failed: its own exit code is passed on.
    Script(u8) = "script",
    /// Reading, writing or running failed in a way that has no older code.
    System = "system",
    /// A plugin failed or was refused.
    Plugin = "plugin",
    /// The plan was undone after a failing step of unknown kind.
    PlanFailed = "plan-failed",
    /// Interrupted by a signal; what was begun has been undone.
    Interrupted = "interrupted",
}

impl Kind {
    /// The kind of a name; `status` is the exit code of what failed.
    fn from_id(id: &str, status: u8) -> Self {
        match id {
            "script" => Kind::Script(status),
            _ => Self::ALL.iter().copied().find(|kind| kind.id() == id).unwrap_or(Kind::PlanFailed),
        }
    }
}

/// The exit code for an error of a kind, in each program of modsmith. Source of the numbers below 30,
/// of 77 and of 101: dkms 3.4.3, whose callers test them. The others are for conditions that dkms does
/// not distinguish. `docs/reference/exit-codes.md` describes each.
pub fn exit_code(kind: Kind) -> u8 {
    use Kind::*;
    match kind {
        Permission | Usage => 1,
        UnknownOption | KernelWithAll | SourceMissing => 2,
        ArchWithAll | AlreadyAdded | NotInTree | ArchiveWithoutConf => 3,
        ConfUnreadable | ActionConflict | Broken => 4,
        AllUnsupported | PatchMissing => 5,
        PatchFailed | NoKernelDirectory | InstallFailed => 6,
        ProductMissing | InitrdFailed | ArchiveMalformed => 7,
        ConfInvalid | SourceEmpty | AlreadyLoaded | OptionConflict => 8,
        NoConfInPath | ArchiveUnwritable => 9,
        BuildFailed => 10,
        AutoinstallFailed => 11,
        DependencyMissing => 13,
        KernelRemovalFailed => 14,
        KernelOrArchEmpty => 16,
        HeadersMissing => 21,
        System => 30,
        Plugin => 31,
        PlanFailed => 32,
        NotLoadable => 33,
        ConfinementMissing => 34,
        ProblemsLeft => 35,
        Excluded => 77,
        PreInstallFailed => 101,
        Interrupted => 130,
        Script(code) | Format(code) => code,
    }
}

/// The exit codes that flows name in a summary and keep with a failed build. A caller of the flows may
/// have its own.
#[derive(Clone, Copy)]
pub struct ExitCodes(pub fn(Kind) -> u8);

impl ExitCodes {
    pub fn of(self, kind: Kind) -> u8 {
        (self.0)(kind)
    }
}

/// The exit codes of the programs.
impl Default for ExitCodes {
    fn default() -> Self {
        Self(exit_code)
    }
}

impl fmt::Debug for ExitCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExitCodes")
    }
}

/// What the user sees: what happened, to what, and what to do about it.
#[derive(Debug)]
pub struct Error {
    pub kind: Kind,
    id: &'static str,
    /// What happened, to which module, kernel and file: one sentence.
    pub message: String,
    /// Further lines that belong to the message, such as a list of problems.
    pub details: Vec<String>,
    /// What to do about it, one imperative sentence each.
    pub hints: Vec<String>,
    pub source: Option<anyhow::Error>,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        let id = kind.id();
        Self { kind, id, message: message.into(), details: Vec::new(), hints: Vec::new(), source: None }
    }

    /// Its stable name, which programs may rely on: that of the plugin's problem, or
    /// else that of the kind. `docs/reference/messages.md` explains each.
    pub fn id(&self) -> &'static str {
        self.id
    }

    pub fn detail(mut self, line: impl Into<String>) -> Self {
        self.details.push(line.into());
        self
    }

    pub fn details<S: Into<String>>(mut self, lines: impl IntoIterator<Item = S>) -> Self {
        self.details.extend(lines.into_iter().map(Into::into));
        self
    }

    pub fn hint(mut self, line: impl Into<String>) -> Self {
        self.hints.push(line.into());
        self
    }

    pub fn source(mut self, source: impl Into<anyhow::Error>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// A copy to report for another package, without the source error.
    pub fn repeated(&self) -> Self {
        let Self { kind, id, message, details, hints, source: _ } = self;
        Self { kind: *kind, id, message: message.clone(), details: details.clone(), hints: hints.clone(), source: None }
    }

    /// An I/O failure, with what was being done to which path.
    pub fn io(doing: &str, path: &std::path::Path, error: std::io::Error) -> Self {
        use std::io::ErrorKind::*;
        let kind = if error.kind() == PermissionDenied { Kind::Permission } else { Kind::System };
        let mut out = Self::new(kind, format!("Could not {doing} {}: {error}.", path.display()));
        match error.kind() {
            PermissionDenied => {
                out = out.hint(
                    "Run it as root, or name trees that you may write with --dkmstree, --sourcetree and --installtree.",
                );
            }
            StorageFull => {
                out = out.hint("Free space on that file system and run the command again; nothing was changed.")
            }
            ReadOnlyFilesystem => out = out.hint("Remount that file system read-write, or name another tree."),
            _ => {}
        }
        out.source = Some(error.into());
        out
    }
}

/// As plans name what a failing step means.
impl From<Kind> for FailureId {
    fn from(kind: Kind) -> Self {
        let number = if let Kind::Format(code) = kind { code } else { 0 };
        FailureId(kind.id(), number)
    }
}

impl From<modsmith_plan::Error> for Error {
    fn from(error: modsmith_plan::Error) -> Self {
        let modsmith_plan::Error { cause, message, details, hints } = error;
        let kind = match cause {
            Cause::Interrupted => Kind::Interrupted,
            Cause::Refused => Kind::Plugin,
            Cause::Recovery => Kind::System,
            Cause::Step { meaning: None, denied: true, .. } => Kind::Permission,
            Cause::Step { meaning: None, .. } => Kind::PlanFailed,
            Cause::Step { meaning: Some(FailureId("format", code)), .. } => Kind::Format(code),
            Cause::Step { meaning: Some(FailureId(id, _)), status, .. } => {
                let status = status.map_or(1, |status| u8::try_from(status).unwrap_or(1));
                Kind::from_id(id, status)
            }
            Cause::Journal { doing, path, error } => {
                let mut error = Error::io(doing, &path, error);
                error.hints.extend(hints);
                return error;
            }
        };
        Self { details, hints, ..Self::new(kind, message) }
    }
}

/// An ordinary user may not read or write root's store; any other problem is one of the system.
impl From<&modsmith_store::Error> for Kind {
    fn from(error: &modsmith_store::Error) -> Self {
        if error.is_denied() { Kind::Permission } else { Kind::System }
    }
}

impl From<modsmith_store::Error> for Error {
    fn from(error: modsmith_store::Error) -> Self {
        Self::new(Kind::from(&error), format!("The store cannot be used: {error}."))
    }
}

impl From<modsmith_plugins::Kind> for Kind {
    fn from(kind: modsmith_plugins::Kind) -> Self {
        match kind {
            modsmith_plugins::Kind::Usage => Kind::Usage,
            modsmith_plugins::Kind::Plugin => Kind::Plugin,
            modsmith_plugins::Kind::Format(code) => Kind::Format(code),
            modsmith_plugins::Kind::Permission => Kind::Permission,
            modsmith_plugins::Kind::System => Kind::System,
        }
    }
}

/// The plugin's error stays below, as the source.
impl From<modsmith_plugins::Error> for Error {
    fn from(error: modsmith_plugins::Error) -> Self {
        Self {
            kind: error.kind().into(),
            id: error.id().name(),
            message: error.to_string(),
            details: error.details().to_vec(),
            hints: error.hints(),
            source: Some(error.into()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_comes_back_from_a_plan_as_it_was_given() {
        for kind in [Kind::BuildFailed, Kind::Format(7), Kind::InitrdFailed] {
            let meaning = Some(FailureId::from(kind));
            let cause = Cause::Step { meaning, status: Some(3), denied: false };
            let error = modsmith_plan::Error { cause, message: String::new(), details: Vec::new(), hints: Vec::new() };
            assert_eq!(Error::from(error).kind, kind);
        }
        let meaning = Some(FailureId::from(Kind::Script(0)));
        let cause = Cause::Step { meaning, status: Some(3), denied: false };
        let error = modsmith_plan::Error { cause, message: String::new(), details: Vec::new(), hints: Vec::new() };
        assert_eq!(Error::from(error).kind, Kind::Script(3), "a script passes its own exit code on");
    }
}
