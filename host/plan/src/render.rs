//! Plans as people and programs read them.

use serde::Serialize;

use super::files::Files;
use super::run::command_text;
use super::secrets::conceal_text;
use super::step::{Action, Argument, OnFailure, Origin, Plan, Step};
use modsmith_facts::Location;
use modsmith_facts::text::field;

/// A plan for programs. `docs/reference/plan-schema.json` describes it.
#[derive(Debug, Serialize)]
pub struct PlanView {
    pub title: String,
    pub steps: Vec<StepView>,
}

/// A step for programs; absent members do not apply to its kind.
#[derive(Debug, Default, Serialize)]
pub struct StepView {
    /// `note`, `make-directory`, `write-file`, `copy`, `rename`, `symlink`,
    /// `remove`, `prune`, `back-up`, `pack`, `unpack`, `run`, `append-signature`,
    /// `collect`, `record`, `expect`.
    pub action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Where the thing comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// A link's target text, a note's text, a glob, a suffix, or how and with
    /// which key a file is signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Lines of the program's standard input.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub input: Vec<String>,
    /// What a failing program or signature means: `abort`, `warn` or `ignore`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<OnFailure>,
    /// Length of a written file in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
    pub reason: String,
    /// The plugin that asked for it; absent for the program's own steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
}

impl PlanView {
    pub fn new(plan: &Plan) -> Self {
        let files = Files::new(plan.roots.clone());
        Self { title: plan.title.clone(), steps: plan.steps.iter().map(|step| StepView::new(step, &files)).collect() }
    }

    /// One numbered line per step, its reason behind it. No text in a step makes
    /// further lines.
    pub fn to_text(&self) -> String {
        let mut out = format!("{}\n", field(&self.title));
        for (index, step) in self.steps.iter().enumerate() {
            let input = (!step.input.is_empty()).then(|| format!("<< {}", step.input.join(" ")));
            let what = [step.command.clone(), input, step.from.clone(), step.path.clone(), step.text.clone()];
            let what: Vec<String> = what.into_iter().flatten().collect();
            let what = what.join(if step.from.is_some() { " -> " } else { "  " });
            let asked = step.plugin.as_ref().map(|plugin| format!(" [{plugin}]")).unwrap_or_default();
            let (what, why) = (field(&what), field(&step.reason));
            out += &format!("{:4}. {:<14} {what}\n{:21}# {why}{asked}\n", index + 1, step.action, "");
        }
        out
    }
}

fn word(argument: &Argument, files: &Files) -> String {
    match argument {
        Argument::Text(text) => conceal_text(text),
        Argument::Location(at) => files.path(at).display().to_string(),
    }
}

impl StepView {
    fn new(step: &Step, files: &Files) -> Self {
        let path = |at: &Location| Some(files.path(at).display().to_string());
        let mut view = match &step.action {
            Action::Note(text) => Self { action: "note", text: Some(conceal_text(text)), ..Self::default() },
            Action::MakeDirectory { at } => Self { action: "make-directory", path: path(at), ..Self::default() },
            Action::WriteFile { at, contents, .. } => {
                Self { action: "write-file", path: path(at), size: Some(contents.0.len()), ..Self::default() }
            }
            Action::Copy { from, to } | Action::Import { from, to } => {
                Self { action: "copy", from: path(from), path: path(to), ..Self::default() }
            }
            Action::Rename { from, to } => {
                Self { action: "rename", from: path(from), path: path(to), ..Self::default() }
            }
            Action::Symlink { at, target } => {
                Self { action: "symlink", path: path(at), text: Some(format!("-> {target}")), ..Self::default() }
            }
            Action::Remove { at } => Self { action: "remove", path: path(at), ..Self::default() },
            Action::Prune { at, unless_owned } => Self {
                action: "prune",
                path: path(at),
                text: unless_owned.as_ref().map(|words| format!("unless `{}` knows an owner", words.join(" "))),
                ..Self::default()
            },
            Action::BackUp { at, suffix } => {
                Self { action: "back-up", path: path(at), text: Some(suffix.clone()), ..Self::default() }
            }
            Action::Pack { tree, to, .. } => {
                Self { action: "pack", from: path(tree), path: path(to), ..Self::default() }
            }
            Action::Unpack { archive, to } => {
                Self { action: "unpack", from: path(archive), path: path(to), ..Self::default() }
            }
            Action::Run(command) => Self {
                action: "run",
                command: Some(command_text(command, files)),
                input: command.input.iter().map(|line| word(line, files)).collect(),
                failure: Some(command.failure),
                ..Self::default()
            },
            Action::AppendSignature(signature) => Self {
                action: "append-signature",
                path: path(&signature.file),
                text: Some(format!("{} with {}", signature.algorithm.name(), files.path(&signature.key).display())),
                failure: Some(signature.failure),
                ..Self::default()
            },
            Action::Collect { from, glob, to } => Self {
                action: "collect",
                from: path(from).map(|directory| format!("{directory}/{glob}")),
                path: path(to),
                ..Self::default()
            },
            Action::Record { at, .. } => Self { action: "record", path: path(at), ..Self::default() },
            Action::Expect { files: expected } => Self {
                action: "expect",
                text: Some(
                    expected.iter().map(|at| files.path(at).display().to_string()).collect::<Vec<_>>().join("  "),
                ),
                ..Self::default()
            },
        };
        view.reason = step.reason.clone();
        if let Origin::Plugin { id, .. } = &step.origin {
            view.plugin = Some(id.clone());
        }
        view
    }
}
