//! The answers that a plugin would give on a real system, granted or not. Nothing is changed, and
//! no program of the plugin is run: the steps are only shown.

use std::path::{Path, PathBuf};

use modsmith_facts::kernel::{machine, running_release};
use modsmith_facts::text;
use modsmith_plugins::{Administration, Plugins};

use super::ask::{Answer, ask};
use super::call::Call;
use super::facts::Facts;
use super::subject::{self, Selection, Subject};
use super::target::Target;
use crate::error::{Error, Result};

/// The options of `modsmith plugin plan`.
#[derive(Debug, Clone)]
pub struct PlanOptions {
    /// A plugin file, or a source folder, which is built first.
    pub file: PathBuf,
    /// The system.
    pub root: PathBuf,
    /// The kernel's release; that of the running kernel otherwise.
    pub kernel: Option<String>,
    /// The only call; all calls of the plugin's roles otherwise.
    pub call: Option<String>,
    /// Whether plugins are compiled in a process of this program's.
    pub compiling_isolated: bool,
}

/// Calls that need files which only an action makes.
const OF_ACTIONS: [Call; 4] = [Call::Sign, Call::Assemble, Call::Load, Call::Arrange];

/// Asks, and returns the answers as text. The kernel need not be installed, and the package
/// is one with the module `demo`.
///
/// # Errors
/// `Usage` for a call that the plugin does not answer, and several plugins; `Plugin` for a
/// plugin that cannot be built or used.
pub fn plan(options: &PlanOptions) -> Result<String> {
    let here = std::env::temp_dir();
    let work = tempfile::tempdir().map_err(|e| Error::io("make a directory in", &here, e))?;
    let selection = Selection {
        paths: vec![options.file.clone()],
        built: None,
        // A file has no folder of cases, and none is needed.
        cases: options.file.is_file().then(|| work.path().join("cases")),
        compiling_isolated: options.compiling_isolated,
    };
    let subject = only(&selection, work.path())?;
    let release = options.kernel.clone().unwrap_or_else(running_release);
    let target = Target::live(&options.root, &release)?;
    let calls = calls_to_ask(&subject, options.call.as_deref())?;
    let plugins = subject.open_live(&target, false);
    if let Some(reason) = why_unfit(&plugins, &subject.id) {
        return Ok(format!("The plugin does not serve this system: {}.\n", text::prose(&reason)));
    }
    let mut shown = String::new();
    for call in calls {
        let facts = Facts { machine: Some(machine()), ..Facts::about(call, &release) };
        let answer = ask(&facts, call, &target, &plugins, &subject.id)?;
        shown += &format!("{}:\n", call.name());
        for line in lines(&answer) {
            shown += &format!("    {}\n", text::prose(&line));
        }
    }
    Ok(shown)
}

/// The plugin of a selection, installed below `work`.
///
/// # Errors
/// `Usage` for several; as [`subject::subjects`] for one that cannot be used.
pub fn only(selection: &Selection, work: &Path) -> Result<Subject> {
    let mut subjects = subject::subjects(selection, work)?;
    match (subjects.pop(), subjects.len()) {
        (Some(subject), 0) => Ok(subject),
        (_, others) => Err(Error::SeveralToAsk { plugins: others + 1 }),
    }
}

/// The calls that can be asked outside of an action: the one of this name, or all.
///
/// # Errors
/// `Usage` for a call that the plugin does not answer.
pub fn calls_to_ask(subject: &Subject, name: Option<&str>) -> Result<Vec<Call>> {
    let mut calls: Vec<Call> = subject.calls().filter(|call| !OF_ACTIONS.contains(call)).collect();
    if let Some(name) = name {
        let others = calls.iter().map(|call| call.name()).collect();
        calls.retain(|call| call.name() == name);
        if calls.is_empty() {
            return Err(Error::NoSuchCall { call: name.to_owned(), others });
        }
    }
    Ok(calls)
}

/// Why the manifest does not fit the system, if so.
pub fn why_unfit(plugins: &Plugins, id: &str) -> Option<String> {
    let listed = Administration(plugins).list();
    listed.into_iter().find(|plugin| plugin.id == id && !plugin.serves)?.reason
}

/// Lines of which each is one: no text of the plugin makes a further line.
fn lines(answer: &Answer) -> Vec<String> {
    let one = |text: String| text::field(&text).into_owned();
    match answer {
        Answer::Given { .. } => match answer.text().unwrap_or_default() {
            text if text.is_empty() => vec!["nothing to do".to_owned()],
            text => text.lines().map(str::to_owned).collect(),
        },
        Answer::Unsupported(reasons) => {
            reasons.iter().map(|(plugin, why)| one(format!("unsupported: {plugin}: {why}"))).collect()
        }
        Answer::Failed { why, .. } => vec![one(format!("error: {why}"))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_steps_says_that_there_is_nothing_to_do() {
        let given = |value: Option<&str>| Answer::Given { value: value.map(str::to_owned), steps: Vec::new() };
        assert_eq!(lines(&given(None)), ["nothing to do"]);
        assert_eq!(lines(&given(Some("extra"))), ["answer: extra"]);
        assert_eq!(lines(&Answer::Unsupported(vec![("x".into(), "no tool".into())])), ["unsupported: x: no tool"]);
        let failed = Answer::Failed { why: "a\nb".into(), fault: None };
        assert_eq!(lines(&failed), ["error: a\\nb"]);
    }

    #[test]
    fn no_text_of_a_plugin_makes_a_line_of_its_own() {
        use modsmith_plan::{Action, Announce, Origin, Step, Undo, verbs};
        const FORGED: &str = "one\nrefresh:\n    run mkimage -f boot/image-6.1";
        let note = Step {
            action: Action::Note(verbs::Note(FORGED.into())),
            reason: String::new(),
            announce: Announce::Silent,
            origin: Origin::Host,
            undo: Undo::Revert,
            fails_as: None,
            failure_message: None,
            hints: Vec::new(),
        };
        let answers = [
            Answer::Given { value: None, steps: vec![note] },
            Answer::Unsupported(vec![("x".into(), FORGED.into())]),
            Answer::Failed { why: FORGED.into(), fault: None },
        ];
        for answer in answers {
            let lines = lines(&answer);
            assert!(lines.len() == 1 && lines[0].contains("one\\nrefresh:\\n    run mkimage"), "{lines:?}");
        }
    }
}
