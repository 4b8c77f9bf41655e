//! Why plugins could not be built or tested. The rule is that of
//! [`modsmith_plugins::error`]: an error says itself what to do about it.

use std::path::{Path, PathBuf};

use modsmith_plugins::Kind;
use modsmith_plugins::error::Id;
use modsmith_plugins::for_author;

use crate::names::{FACTS, MANIFEST, PLAN, POLICY, REFUSAL};

/// Every id that this tool's errors can have beside those of plugins, with its kind.
/// `docs/reference/messages.md` explains each.
pub const IDS: [(&str, Kind); 12] = [
    ("plugin-source-missing", Kind::Usage),
    ("plugin-exists", Kind::Usage),
    ("template-missing", Kind::Usage),
    ("plugin-source-invalid", Kind::Plugin),
    ("plugin-not-compiled", Kind::Plugin),
    ("compiler-missing", Kind::Plugin),
    ("plugin-not-built", Kind::Usage),
    ("case-missing", Kind::Usage),
    ("case-invalid", Kind::Usage),
    ("record-differs", Kind::Plugin),
    ("plugin-published", Kind::Usage),
    ("key-invalid", Kind::Usage),
];

/// An error, with the plugin or file that it is about. A `reason` has no full stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}", for_author(&.0.to_string()))]
    Plugins(#[from] modsmith_plugins::Error),
    /// The steps of a plugin could not be carried out.
    #[error("{0}")]
    Plan(modsmith_plan::Error),
    /// A mistake in the facts of a case.
    #[error("{}: {error}", case.display())]
    InCase { case: PathBuf, error: Box<Error> },

    /// A mistake in a file of a plugin.
    #[error("{}: {error}", file.display())]
    InFile { file: PathBuf, error: Box<Error> },

    #[error("There is no plugin in {} or below it.", directory.display())]
    NoPlugin { directory: PathBuf },
    #[error("{} is not in order: {reason}.", file.display())]
    NotInOrder { file: PathBuf, reason: String },
    /// `way` has the crates that lead to the one that calls the browser. It may be empty.
    #[error("The plugin `{id}` calls functions that only web browsers have.")]
    NeedsBrowser { id: String, way: Vec<String> },
    #[error("Two plugins have the id `{id}`.")]
    TwoWithOneId { id: String },
    #[error("There is no Cargo.toml in {} or above it, so nothing to compile.", directory.display())]
    NothingToCompile { directory: PathBuf },
    #[error("Plugins cannot be compiled: there is no working cargo and rustc.")]
    NoCompiler,
    #[error("Plugins cannot be compiled: no compiler here can build for {target}.")]
    NoCompilerForTarget { target: &'static str, lacks: Vec<String> },
    #[error("The plugins in {} do not compile: cargo ended with {status}.", directory.display())]
    DoesNotCompile { directory: PathBuf, status: std::process::ExitStatus },
    #[error("The build command `{program}` of {} cannot be started: {error}.", directory.display())]
    CommandNotStarted { directory: PathBuf, program: String, error: std::io::Error },
    #[error("The plugin in {} cannot be built: `{program}` ended with {status}.", directory.display())]
    CommandFailed { directory: PathBuf, program: String, status: std::process::ExitStatus },
    #[error("The build command `{program}` has not made {}.", file.display())]
    NoOutput { file: PathBuf, program: String },
    #[error("cargo made no WebAssembly module from {}.", directory.display())]
    NoModule { directory: PathBuf },
    #[error("`{id}` cannot be made a component: {reason}.")]
    NoComponent { id: String, reason: String },
    #[error("`{id}` would be refused: {reason}.")]
    WouldBeRefused { id: String, reason: String },

    #[error("The component has a manifest already.")]
    PackedAlready,
    #[error("The plugin would replace {}, the file that it is made from.", file.display())]
    OverItself { file: PathBuf },

    #[error("`{target}` cannot be published to: {reason}.")]
    BadTarget { target: String, reason: String },
    #[error("{reference} is published already, with other content.")]
    PublishedAlready { reference: String },
    #[error("{} cannot be signed with: {}", file.display(), reason)]
    BadKey { file: PathBuf, reason: String },

    #[error("The bindings cannot be generated: {reason}.")]
    NoBindings { generator: &'static str, reason: String },
    #[error("{} has no line `module …`.", file.display())]
    NoGoModule { file: PathBuf },
    #[error("{} is not below {}, the folder of go.mod.", directory.display(), folder.display())]
    OutsideModule { directory: PathBuf, folder: PathBuf },

    #[error("The name of the plugin is not in order: {reason}.")]
    BadName { reason: String },
    #[error("There is no template for {wanted}.")]
    NoTemplate { wanted: String, others: Vec<&'static str> },
    #[error("{} is there already.", folder.display())]
    FolderExists { folder: PathBuf },
    #[error("{} is not the folder of the SDK: there is no Cargo.toml in it.", folder.display())]
    NoSdk { folder: PathBuf },

    #[error("There are no cases in {}.", folder.display())]
    NoCases { folder: PathBuf },
    #[error("There is no case `{name}`.")]
    NoSuchCase { name: String, others: Vec<String> },
    #[error("{} comes without cases.", file.display())]
    WithoutCases { file: PathBuf },
    #[error("--cases is for one plugin, and these are {plugins}.")]
    CasesOfSeveral { plugins: usize },
    #[error("There are {plugins} plugins, and one is asked at a time.")]
    SeveralToAsk { plugins: usize },
    #[error("The plugin answers no call `{call}` outside of an action.")]
    NoSuchCall { call: String, others: Vec<&'static str> },
    #[error("There is nothing to record: the plugin does not serve this system, {reason}.")]
    NothingToRecord { reason: String },
    #[error("{} does not give the answer that the system gave.", folder.display())]
    RecordDiffers { folder: PathBuf, shown: Vec<String> },
    #[error("{} is a table, and its page needs its base plugin `{base}`.", file.display())]
    TableWithoutBase { file: PathBuf, base: String },
    #[error("{} is not there.", file.display())]
    NotBuilt { file: PathBuf, source_folder: PathBuf, out: PathBuf },
    #[error("The base plugin `{id}` of the table is not there.")]
    NoBase { id: String, out: PathBuf },
    /// Others could have written the base, or could exchange it. `reason` says who, and what to do.
    #[error("{} is not used as the base plugin of the table: {reason}.", file.display())]
    UntrustedBase { file: PathBuf, reason: String },
    #[error("{} is not a usable plugin.", file.display())]
    NotUsable { file: PathBuf, reasons: Vec<String> },
    /// `reason` is a text of several lines.
    #[error("{} is not in order: {reason}", file.display())]
    BadFacts { file: PathBuf, reason: String },
    #[error("The case has both a table [os] and a file root/etc/os-release.")]
    TwoOsReleases,
    #[error("The facts name `{entry}`, and something else is there already.")]
    PlaceTaken { entry: String },
    /// `kind` is a noun with its article.
    #[error("{} is no part of a case: it is {kind}.", file.display())]
    NoPartOfCase { file: PathBuf, kind: &'static str },
    /// Without secrets and names, two files of a record have one name.
    #[error("{} and {} would both be {} in the record.", one.display(), other.display(), name.display())]
    OneNameInRecord { one: PathBuf, other: PathBuf, name: PathBuf },
    #[error("{} would be {} in the record, which is no place in a case.", file.display(), name.display())]
    NoPlaceInRecord { file: PathBuf, name: PathBuf },
    #[error("The manifest of `{id}` declares no probe `{name}`.")]
    NoProbe { id: String, name: String },
    #[error("The call `{call}` needs `{name}`.")]
    NoArgument { call: &'static str, name: String },
    #[error("`{text}` is no path below a root of plugins.")]
    NoPath { text: String },

    #[error("{0}")]
    ReportNotWritten(serde_json::Error),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An I/O failure, with what was being done to which path.
    pub fn io(doing: &'static str, path: &Path, error: std::io::Error) -> Self {
        modsmith_plugins::Error::io(doing, path, error).into()
    }

    /// A manifest with a mistake; the reason becomes one line.
    pub fn not_in_order(file: &Path, reason: &str) -> Self {
        Self::NotInOrder { file: file.to_path_buf(), reason: reason.replace('\n', " ") }
    }

    /// The stable name of the error.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Plugins(error) => error.id().name(),
            Self::Plan(_) => Id::Failed.name(),
            Self::InCase { error, .. } | Self::InFile { error, .. } => error.id(),
            Self::NoPlugin { .. } => "plugin-source-missing",
            Self::OverItself { .. } | Self::FolderExists { .. } => "plugin-exists",
            Self::PublishedAlready { .. } => "plugin-published",
            Self::BadKey { .. } => "key-invalid",
            Self::BadTarget { .. } => Id::NoSource.name(),
            Self::OutsideModule { .. } => "plugin-source-missing",
            Self::BadName { .. } | Self::NoTemplate { .. } | Self::NoSdk { .. } => "template-missing",
            Self::NotInOrder { .. }
            | Self::NeedsBrowser { .. }
            | Self::TwoWithOneId { .. }
            | Self::NothingToCompile { .. }
            | Self::NoModule { .. }
            | Self::NoGoModule { .. }
            | Self::NoOutput { .. }
            | Self::NoComponent { .. }
            | Self::WouldBeRefused { .. }
            | Self::PackedAlready => "plugin-source-invalid",
            Self::DoesNotCompile { .. } | Self::CommandFailed { .. } => "plugin-not-compiled",
            Self::CommandNotStarted { .. } | Self::NoCompiler | Self::NoCompilerForTarget { .. } => "compiler-missing",
            Self::NotBuilt { .. } | Self::NoBase { .. } | Self::TableWithoutBase { .. } => "plugin-not-built",
            Self::NoCases { .. }
            | Self::NoSuchCase { .. }
            | Self::WithoutCases { .. }
            | Self::SeveralToAsk { .. }
            | Self::NoSuchCall { .. }
            | Self::NothingToRecord { .. }
            | Self::CasesOfSeveral { .. } => "case-missing",
            Self::BadFacts { .. }
            | Self::TwoOsReleases
            | Self::PlaceTaken { .. }
            | Self::NoPartOfCase { .. }
            | Self::OneNameInRecord { .. }
            | Self::NoPlaceInRecord { .. }
            | Self::NoProbe { .. }
            | Self::NoArgument { .. }
            | Self::NoPath { .. } => "case-invalid",
            Self::RecordDiffers { .. } => "record-differs",
            Self::NotUsable { .. } => Id::Malformed.name(),
            Self::UntrustedBase { .. } => Id::NotUsed.name(),
            Self::ReportNotWritten(_) | Self::NoBindings { .. } => Id::System.name(),
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::Plugins(error) => error.kind(),
            Self::InCase { error, .. } | Self::InFile { error, .. } => error.kind(),
            other => {
                let plugins = Id::ALL.iter().map(|id| (id.name(), id.kind()));
                let known = IDS.into_iter().chain(plugins).find(|(id, _)| *id == other.id());
                known.map_or(Kind::Plugin, |(_, kind)| kind)
            }
        }
    }

    /// Further lines that belong to the message.
    pub fn details(&self) -> Vec<String> {
        match self {
            Self::Plugins(error) => error.details().iter().map(|line| for_author(line)).collect(),
            Self::Plan(error) => error.details.clone(),
            Self::InCase { error, .. } | Self::InFile { error, .. } => error.details(),
            Self::NeedsBrowser { way, .. } if !way.is_empty() => {
                vec![format!("They come by these dependencies: {}.", way.join(" → "))]
            }
            Self::NoCompiler => vec!["Looked for both on the program path and in /usr/bin.".to_owned()],
            Self::NoCompilerForTarget { lacks: lines, .. }
            | Self::NotUsable { reasons: lines, .. }
            | Self::RecordDiffers { shown: lines, .. } => lines.clone(),
            _ => Vec::new(),
        }
    }

    /// What to do about the error, one imperative sentence each.
    pub fn hints(&self) -> Vec<String> {
        let one = |hint: &str| vec![hint.to_owned()];
        match self {
            Self::Plugins(error) => error.hints().iter().map(|hint| for_author(hint)).collect(),
            Self::Plan(error) => error.hints.clone(),
            Self::InCase { error, .. } | Self::InFile { error, .. } => error.hints(),
            Self::NoPlugin { .. } => {
                vec![
                    format!(
                        "A plugin is a directory with a {MANIFEST} or a {POLICY}: name one, or a directory with such directories."
                    ),
                    "`target` and directories whose names begin with a dot are not searched.".to_owned(),
                ]
            }
            Self::NoCases { .. } => {
                vec![format!("A case is a folder with a {FACTS} and an {PLAN} or {REFUSAL} in it.")]
            }
            Self::NoSuchCase { others, .. } => vec![format!("There are: {}.", others.join(", "))],
            Self::WithoutCases { .. } => one("Name the folder of its cases with --cases DIR."),
            Self::CasesOfSeveral { .. } => one("Name one plugin, or keep the cases in the plugins' own folders."),
            Self::SeveralToAsk { .. } => one("Name the folder of one plugin, or its file."),
            Self::NoSuchCall { others, .. } => vec![format!("It answers: {}.", others.join(", "))],
            Self::NothingToRecord { .. } => one("Name the system that it serves with --root DIR."),
            Self::RecordDiffers { .. } => vec![
                "The answer depends on something that is no fact of a case, or that was replaced: compare the folder with the system."
                    .to_owned(),
            ],
            Self::TableWithoutBase { base, .. } => vec![format!("Name it with --base {base}.wasm.")],
            Self::NotBuilt { source_folder, out, .. } => {
                vec![format!("Build it: modsmith plugin build {} --out {}", source_folder.display(), out.display())]
            }
            Self::NoBase { id, out } => {
                vec![format!("Put {id}.wasm into {}, or its source beside the table's.", out.display())]
            }
            Self::UntrustedBase { .. } => {
                one("The base has to be a file that only you or root can change, in a directory of that kind.")
            }
            Self::BadFacts { .. } => one("docs/guides/test-a-plugin.md lists what a case may say."),
            Self::TwoOsReleases | Self::PlaceTaken { .. } => one("Keep one of them."),
            Self::NoPartOfCase { .. } => one("A case has directories, regular files and links: remove everything else."),
            Self::OneNameInRecord { .. } | Self::NoPlaceInRecord { .. } => {
                one("Rename the file in the system, or record another --call.")
            }
            Self::NoProbe { .. } => one("[probes] in facts.toml has the names of the manifest's `[[probe]]` entries."),
            Self::NoArgument { name, .. } => vec![format!("Add `{name} = …` to facts.toml.")],
            Self::NoPath { .. } => one("Write it as ROOT/RELATIVE, such as staging/demo.ko."),
            other => other.hints_of_making(),
        }
    }

    /// What to do where a plugin cannot be started, built or packed.
    fn hints_of_making(&self) -> Vec<String> {
        let one = |hint: &str| vec![hint.to_owned()];
        match self {
            Self::NotInOrder { .. } => one("Correct it and build again."),
            Self::NeedsBrowser { .. } => vec![
                "Turn off the feature that brings them, such as `js`, `wasm-bindgen` or `wasmbind`, or use another crate.".to_owned(),
                "All ways: cargo tree --invert wasm-bindgen --target wasm32-unknown-unknown".to_owned(),
            ],
            Self::TwoWithOneId { .. } => {
                one("Give one of them another id: it names the plugin's file and its settings.")
            }
            Self::NothingToCompile { .. } => {
                one("A directory of several plugin crates needs a cargo workspace, there or above it.")
            }
            Self::NoCompiler => one("Install Rust 1.95 or newer."),
            Self::NoCompilerForTarget { target, .. } => vec![
                format!("With rustup: `rustup target add {target}`."),
                "Otherwise install the package with the library sources of one of these compilers, of the same version."
                    .to_owned(),
            ],
            Self::DoesNotCompile { .. } => one("cargo's messages are above; correct what they say and build again."),
            Self::CommandNotStarted { program, .. } => {
                vec![format!("Install {program}, or correct `[build] command` in {MANIFEST}.")]
            }
            Self::CommandFailed { .. } => one("The command's messages are above; correct what they say and build again."),
            Self::NoOutput { .. } => {
                vec![format!("`[build] output` in {MANIFEST} names the file that the command makes, below the plugin's folder.")]
            }
            Self::NoModule { .. } => vec![
                "Its Cargo.toml needs `crate-type = [\"cdylib\"]` in [lib].".to_owned(),
                "In a workspace, its directory must be among the `members`.".to_owned(),
            ],
            Self::NoComponent { .. } => vec![
                "A plugin exports the functions of its roles: in Rust with `export!(Type: Role);` in src/lib.rs, in other \
                 languages with bindings for what `modsmith plugin wit` prints."
                    .to_owned(),
                "It must depend on nothing that imports other functions than those of the interface.".to_owned(),
            ],
            Self::PublishedAlready { .. } => one("Raise the version in the manifest, build the plugin, and publish that."),
            Self::BadKey { .. } => one(
                "Make one with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`; a key of cosign's own form is none.",
            ),
            Self::BadTarget { .. } => one("Name HOST[:PORT]/NAME; the tag is the version of the plugin."),
            Self::BadName { .. } => one("Choose another name: it becomes the plugin's id and the name of its file."),
            Self::NoTemplate { others, .. } => vec![format!("There are templates for: {}.", others.join(", "))],
            Self::FolderExists { .. } => one("Name a folder that is to be made with --out DIR, or another plugin."),
            Self::NoSdk { .. } => one("Name the folder `sdk/guest` of modsmith's source, or leave --sdk out."),
            Self::PackedAlready => one("Pack the file that the compiler made, as it was before."),
            Self::OverItself { .. } => one("Name another file with --out FILE."),
            Self::NoBindings { generator, .. } => {
                vec![format!("Generate them with `wit-bindgen {generator}` from what `modsmith plugin wit` prints.")]
            }
            Self::NoGoModule { .. } => one("Add a line such as `module plugin`: the bindings are imported by that name."),
            Self::OutsideModule { .. } => one("Name a directory of the module with --out DIR."),
            _ => Vec::new(),
        }
    }
}

impl From<modsmith_plan::Error> for Error {
    fn from(error: modsmith_plan::Error) -> Self {
        Self::Plan(error)
    }
}
