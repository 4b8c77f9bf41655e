//! Recording what a plugin sees and answers on a real system, as a case of its tests.
//!
//! The plugin is asked as by `plugin plan`: nothing is changed. What it read becomes the
//! case's small system, without secrets and without the names of the machine and of people.
//! Each case is asked once more before it is kept.

mod facts;
mod redaction;
mod scene;

use std::path::{Path, PathBuf};

use modsmith_facts::kernel::{machine, running_release};
use modsmith_plugins::{Observer, SearchPath, observed_by};

use crate::error::{Error, Result};
use crate::folder::Folder;
use crate::names::{FACTS, PLAN, REFUSAL};
use crate::testing::ask::{Answer, ask};
use crate::testing::call::Call;
use crate::testing::diff::diff;
use crate::testing::facts::Facts;
use crate::testing::live::{calls_to_ask, only, why_unfit};
use crate::testing::subject::{Selection, Subject};
use crate::testing::target::Target;

use redaction::{Redaction, Replacements};
use scene::Scene;

/// The options of `modsmith plugin record`.
#[derive(Debug, Clone)]
pub struct RecordOptions {
    /// A plugin file, or a source folder, which is built first.
    pub file: PathBuf,
    /// The system.
    pub root: PathBuf,
    /// The kernel's release; that of the running kernel otherwise.
    pub kernel: Option<String>,
    /// The only call; all calls of the plugin's roles otherwise.
    pub call: Option<String>,
    /// The folder of cases; `cases` in the source folder, or here, otherwise.
    pub out: Option<PathBuf>,
    /// The begin of the cases' names: `NAME-CALL`.
    pub name: String,
    /// Whether the programs of `[[probe]]` are run, confined.
    pub probes: bool,
    /// Whether plugins are compiled in a process of this program's.
    pub compiling_isolated: bool,
}

/// The result of a recording.
#[derive(Debug, Default)]
pub struct Recorded {
    /// The folders of the cases.
    pub cases: Vec<PathBuf>,
    /// A line for each kind of thing that was replaced, and for what a case does not have.
    pub notes: Vec<String>,
}

/// Asks the plugin, and writes a case for each call.
///
/// # Errors
/// `Usage` for a call that the plugin does not answer, a plugin that does not serve the
/// system, and a case that is there already; `Plugin` for a plugin that cannot be used, and
/// for a case whose answer is another one than the system's.
pub fn record(options: &RecordOptions) -> Result<Recorded> {
    let here = std::env::temp_dir();
    let work = tempfile::tempdir().map_err(|e| Error::io("make a directory in", &here, e))?;
    let selection = Selection {
        paths: vec![options.file.clone()],
        built: None,
        cases: options.file.is_file().then(|| PathBuf::from("cases")),
        compiling_isolated: options.compiling_isolated,
    };
    let subject = only(&selection, work.path())?;
    let release = options.kernel.clone().unwrap_or_else(running_release);
    let target = Target::live(&options.root, &release)?;
    subject.deny(&policies(&target)?)?;
    let calls = calls_to_ask(&subject, options.call.as_deref())?;
    if let Some(reason) = why_unfit(&subject.open_live(&target, options.probes), &subject.id) {
        return Err(Error::NothingToRecord { reason });
    }
    let cases = options.out.clone().unwrap_or_else(|| subject.cases.clone());
    let folders: Vec<_> = calls.iter().map(|call| cases.join(format!("{}-{}", options.name, call.name()))).collect();
    if let Some(folder) = folders.iter().find(|folder| folder.symlink_metadata().is_ok()) {
        return Err(Error::FolderExists { folder: folder.clone() });
    }
    let mut recorded = Recorded::default();
    let mut summary = Replacements::new();
    for (call, folder) in calls.into_iter().zip(folders) {
        let case = Recording { subject: &subject, target: &target, release: &release, call, probes: options.probes };
        let (replaced, note) = case.write(&folder)?;
        replaced.into_iter().for_each(|(what, places)| summary.entry(what).or_default().extend(places));
        recorded.notes.extend(note.map(|note| format!("{}: {note}", folder.display())));
        recorded.cases.push(folder);
    }
    recorded.notes.extend(summary.into_iter().map(|(what, places)| {
        let places: Vec<String> = places.into_iter().collect();
        format!("{what} was replaced in {}", places.join(", "))
    }));
    Ok(recorded)
}

/// The directories of the policies of this machine, and of the system that is recorded.
fn policies(target: &Target) -> Result<Vec<PathBuf>> {
    let own = SearchPath::from_environment();
    let mut configs = vec![own.config.clone()];
    if !target.system.is_live() {
        configs.push(own.of_root(&target.system.root)?.config);
    }
    Ok(configs.into_iter().map(|config| config.join("policy.d")).collect())
}

/// A call that becomes a case.
struct Recording<'a> {
    subject: &'a Subject,
    target: &'a Target,
    release: &'a str,
    call: Call,
    probes: bool,
}

impl Recording<'_> {
    /// Asks, writes the case and asks it; returns what was replaced, and a remark.
    fn write(&self, folder: &Path) -> Result<(Replacements, Option<String>)> {
        let Self { subject, target, release, call, probes } = *self;
        let asked = Facts { machine: Some(machine()), ..Facts::about(call, release) };
        let observer = Observer::default();
        let plugins = observed_by(subject.open_live(target, probes), &observer);
        let answer = ask(&asked, call, target, &plugins, &subject.id)?;
        let system = &target.system;
        let mut scene = Scene::of(observer.take(), system, &target.kernel)?;
        for program in &subject.manifest.matches.programs {
            if let Some(path) = modsmith_facts::find_program(&system.root, program) {
                scene.add_program(&system.root, &system.root.join(path.strip_prefix("/").unwrap_or(&path)));
            }
        }
        let mut common = system.os.distro_ids();
        common.extend([release.to_owned(), machine(), subject.id.clone()]);
        let mut redaction = Redaction::of(&system.root, &common)?;
        let settings = facts::settings(&system.root, &subject.id, &subject.manifest, &mut redaction)?;
        scene.contents().for_each(|bytes| redaction.learn(bytes));
        let table = facts::table(&asked, target, &scene, settings, &mut redaction);
        let files = scene.files_of_case(&mut redaction)?;

        let case = Folder::make(folder)?;
        let write = |name: &str, text: String| {
            let written = case.create(Path::new(name), text.as_bytes(), 0o644);
            written.map_err(|e| Error::io("write", &folder.join(name), e))
        };
        write(FACTS, table)?;
        files.write(&case)?;
        if answer.fault().is_some() {
            let why = answer.text().unwrap_or_else(|why| why);
            let note = format!("the plugin failed, which no case expects: {}", why.lines().next().unwrap_or_default());
            return Ok((redaction.summary(), Some(note)));
        }
        let (name, text) = match plain(&answer, target) {
            Ok(text) => (PLAN, text),
            Err(text) => (REFUSAL, text),
        };
        let text = redaction.text(&text, "the answer");
        write(name, format!("{text}\n"))?;
        self.compare(folder, &text)?;
        Ok((redaction.summary(), None))
    }

    /// The case has to give the answer that the system gave.
    fn compare(&self, folder: &Path, text: &str) -> Result<()> {
        let facts = Facts::read(folder)?;
        let given = self.subject.ask(&facts, Some(folder))?.text().unwrap_or_else(|why| why);
        if given.trim() == text.trim() {
            return Ok(());
        }
        Err(Error::RecordDiffers { folder: folder.to_path_buf(), shown: diff(text, &given) })
    }
}

/// The answer, without the place of the system on this machine.
fn plain(answer: &Answer, target: &Target) -> Result<String, String> {
    let root = target.system.root.display().to_string();
    let plain = |text: String| if target.system.is_live() { text } else { text.replace(&root, "") };
    answer.text().map(plain).map_err(plain)
}
