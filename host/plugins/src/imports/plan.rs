//! The `plan` interface: steps that a plugin asks for, checked as they come.

use wasmtime::component::Resource;

use super::command::{PlannedCommand, on_failure};
use super::{CallState, Pieces, compression};
use crate::bindings::modsmith::plugin::plan::{Host, HostBuilder};
use crate::bindings::modsmith::plugin::types::{self, Error, ErrorKind};
use crate::exceeded::Exceeded;
use crate::limits::Limits;
use crate::pattern::LONGEST_PATTERN;
use modsmith_facts::{Location, text_path};
use modsmith_plan::cms::Digest;
use modsmith_plan::{Action, Announce, ArchiveFormat, Bytes, Origin, Step, Undo, verbs};

/// Steps of one call, not yet in the plan: a failing call leaves none.
#[derive(Debug, Default)]
pub struct StepBuffer {
    pub steps: Vec<Step>,
    /// How many steps plugins had added to the plan before.
    steps_before: usize,
    /// Bytes of content in all of theirs.
    content: usize,
    /// Why the next steps are needed, as the plugin says.
    reason: Option<String>,
    /// The plugin's text for the progress of the next step.
    progress: Option<String>,
}

impl StepBuffer {
    /// A draft of further steps for a plan that has some.
    pub fn after(steps: &[Step]) -> Self {
        let theirs = || steps.iter().filter(|step| step.origin != Origin::Host);
        Self {
            steps: Vec::new(),
            steps_before: theirs().count(),
            content: theirs().map(|step| step.action.verb().content()).sum(),
            reason: None,
            progress: None,
        }
    }

    /// The limit that one more step would exceed.
    fn exceeds(&self, action: &Action, limits: &Limits) -> Option<Exceeded> {
        if self.steps_before + self.steps.len() >= limits.steps {
            return Some(limits.no_steps());
        }
        let content = self.content.saturating_add(action.verb().content());
        (content > limits.content_mib.saturating_mul(1 << 20)).then(|| limits.no_content())
    }
}

type Outcome = wasmtime::Result<Result<(), Error>>;

impl Host for CallState {}

impl CallState {
    fn add(&mut self, plan: &Resource<StepBuffer>, action: Result<Action, Error>) -> Outcome {
        let action = match action {
            Ok(action) => action,
            Err(error) => {
                if error.kind == ErrorKind::Denied {
                    self.denied.get_or_insert_with(|| error.message.clone());
                }
                return Ok(Err(error));
            }
        };
        if let Err(refusal) = self.reach.permits(&action) {
            self.denied.get_or_insert_with(|| refusal.clone());
            return Ok(Err(Error::denied(refusal)));
        }
        let limit = self.table.get(plan)?.exceeds(&action, &self.limits);
        if let Some(limit) = limit {
            return Ok(Err(Error::other(self.exceed(limit).to_string())));
        }
        let reason = self.table.get(plan)?.reason.clone();
        let reason = reason.unwrap_or_else(|| format!("the plugin's role: {}", self.role));
        self.keep(&[&reason])?;
        let buffer = self.table.get_mut(plan)?;
        let step = Step {
            action,
            reason,
            announce: buffer.progress.take().map_or(Announce::Silent, Announce::Progress),
            origin: Origin::Plugin { id: self.plugin.clone(), role: self.role.to_owned() },
            undo: Undo::Revert,
            fails_as: None,
            failure_message: None,
            hints: Vec::new(),
        };
        buffer.content += step.action.verb().content();
        buffer.steps.push(step);
        Ok(Ok(()))
    }

    fn one<V: Into<Action>>(
        &mut self,
        plan: &Resource<StepBuffer>,
        location: &types::Path,
        verb: impl FnOnce(Location) -> V,
    ) -> Outcome {
        let action = self.location(location).map(verb).map(Into::into);
        self.add(plan, action)
    }

    fn two<V: Into<Action>>(
        &mut self,
        plan: &Resource<StepBuffer>,
        from: &types::Path,
        to: &types::Path,
        verb: impl FnOnce(Location, Location) -> V,
    ) -> Outcome {
        let action = self.location(from).and_then(|from| Ok(verb(from, self.location(to)?).into()));
        self.add(plan, action)
    }

    /// Whether a file has these contents and this mode.
    fn holds(&mut self, location: &Location, contents: &[u8], mode: u32) -> Result<bool, Error> {
        let location = self.granted(location.root, &location.text())?;
        Ok(self.mode_of(&location)? == Some(mode) && self.contents_of(&location)?.as_deref() == Some(contents))
    }

    /// The outermost directory above this one that the plugin may remove.
    fn outermost(&self, location: &Location) -> Location {
        let may =
            |location: &Location| self.reach.permits(&verbs::Remove { location: location.clone() }.into()).is_ok();
        let parents = std::iter::successors(location.parent(), Location::parent);
        let inner = parents.take_while(|parent| !parent.relative().as_os_str().is_empty() && may(parent));
        inner.last().unwrap_or_else(|| location.clone())
    }
}

/// Whether a mode has nothing but permission bits.
fn permissions(mode: u32) -> Result<(), Error> {
    match mode & !0o777 {
        0 => Ok(()),
        _ => Err(Error::invalid(format!("the mode {mode:o} of a file has more than permission bits"))),
    }
}

impl HostBuilder for CallState {
    fn note(&mut self, plan: Resource<StepBuffer>, text: String) -> wasmtime::Result<()> {
        self.keep(&[&text])?;
        // A note has no result: its limit is reported when the call returns.
        self.add(&plan, Ok(verbs::Note(text).into())).map(|_| ())
    }

    fn reason(&mut self, plan: Resource<StepBuffer>, text: String) -> wasmtime::Result<()> {
        self.keep(&[&text])?;
        self.table.get_mut(&plan)?.reason = Some(text).filter(|text| !text.is_empty());
        Ok(())
    }

    fn progress(&mut self, plan: Resource<StepBuffer>, text: String) -> wasmtime::Result<()> {
        self.keep(&[&text])?;
        self.table.get_mut(&plan)?.progress = Some(text).filter(|text| !text.is_empty());
        Ok(())
    }

    fn make_directory(&mut self, plan: Resource<StepBuffer>, location: types::Path) -> Outcome {
        self.one(&plan, &location, |location| verbs::MakeDirectory { location })
    }

    fn write_file(
        &mut self,
        plan: Resource<StepBuffer>,
        location: types::Path,
        contents: Vec<u8>,
        mode: u32,
    ) -> Outcome {
        let action = permissions(mode).and_then(|()| {
            let location = self.location(&location)?;
            Ok(verbs::WriteFile { location, contents: Bytes(contents), mode }.into())
        });
        self.add(&plan, action)
    }

    fn write_if_changed(
        &mut self,
        plan: Resource<StepBuffer>,
        at: types::Path,
        contents: Vec<u8>,
        mode: u32,
    ) -> Outcome {
        let held = self.location(&at).and_then(|location| self.holds(&location, &contents, mode));
        match held {
            Ok(true) => Ok(Ok(())),
            Ok(false) => self.write_file(plan, at, contents, mode),
            Err(error) => self.add(&plan, Err(error)),
        }
    }

    fn concatenate(
        &mut self,
        plan: Resource<StepBuffer>,
        pieces: Resource<Pieces>,
        to: types::Path,
        mode: u32,
    ) -> Outcome {
        let pieces = self.table.delete(pieces)?;
        let action = permissions(mode).and_then(|()| pieces.step(self, self.location(&to)?, mode));
        self.add(&plan, action)
    }

    fn copy(&mut self, plan: Resource<StepBuffer>, from: types::Path, to: types::Path) -> Outcome {
        self.two(&plan, &from, &to, |from, to| verbs::Copy { from, to })
    }

    fn rename(&mut self, plan: Resource<StepBuffer>, from: types::Path, to: types::Path) -> Outcome {
        if from.root != to.root {
            return self.add(&plan, Err(Error::invalid("a rename stays within one root")));
        }
        self.two(&plan, &from, &to, |from, to| verbs::Rename { from, to })
    }

    fn symlink(&mut self, plan: Resource<StepBuffer>, location: types::Path, target: String) -> Outcome {
        self.keep(&[&target])?;
        self.one(&plan, &location, |location| verbs::Symlink { location, target: text_path(&target) })
    }

    fn remove(&mut self, plan: Resource<StepBuffer>, location: types::Path) -> Outcome {
        self.one(&plan, &location, |location| verbs::Remove { location })
    }

    fn prune(&mut self, plan: Resource<StepBuffer>, location: types::Path) -> Outcome {
        let action = self.location(&location).map(|location| {
            let within = Some(self.outermost(&location));
            verbs::Prune { location, unless_owned: None, within }.into()
        });
        self.add(&plan, action)
    }

    fn back_up(&mut self, plan: Resource<StepBuffer>, location: types::Path, suffix: String) -> Outcome {
        self.keep(&[&suffix])?;
        self.one(&plan, &location, |location| verbs::BackUp { location, suffix })
    }

    fn pack(
        &mut self,
        plan: Resource<StepBuffer>,
        tree: types::Path,
        to: types::Path,
        format: String,
        compress: Option<String>,
    ) -> Outcome {
        let compress = match compress.as_deref().map(compression).transpose() {
            Ok(compress) => compress,
            Err(error) => return self.add(&plan, Err(error)),
        };
        if format != "tar" {
            return self.add(&plan, Err(Error::unsupported(format!("there is no archive format `{format}`, but tar"))));
        }
        self.two(&plan, &tree, &to, |tree, to| verbs::Pack { tree, to, format: ArchiveFormat::Tar, compress })
    }

    fn unpack(&mut self, plan: Resource<StepBuffer>, archive: types::Path, to: types::Path) -> Outcome {
        self.two(&plan, &archive, &to, |archive, to| verbs::Unpack { archive, to })
    }

    fn append_cms(
        &mut self,
        plan: Resource<StepBuffer>,
        file: types::Path,
        key: types::Path,
        certificate: types::Path,
        digest: String,
        rule: String,
    ) -> Outcome {
        let action = || {
            let known = || Error::unsupported(format!("there is no digest `{digest}`, but sha256, sha384 and sha512"));
            Ok(Action::AppendCms(verbs::AppendCms {
                file: self.location(&file)?,
                key: self.location(&key)?,
                certificate: self.location(&certificate)?,
                digest: Digest::from_name(&digest).ok_or_else(known)?,
                failure: on_failure(&rule)?,
            }))
        };
        let action = action();
        self.add(&plan, action)
    }

    fn run(&mut self, plan: Resource<StepBuffer>, command: Resource<PlannedCommand>) -> Outcome {
        let command = self.table.delete(command)?;
        let action = self.command(command);
        self.add(&plan, action)
    }

    fn collect(&mut self, plan: Resource<StepBuffer>, from: types::Path, glob: String, to: types::Path) -> Outcome {
        let too_long = glob.len() > LONGEST_PATTERN;
        if glob.is_empty() || too_long || glob.contains('/') || globset::Glob::new(&glob).is_err() {
            return self.add(&plan, Err(Error::invalid(format!("`{glob:.60}` is not a glob over file names"))));
        }
        self.two(&plan, &from, &to, |from, to| verbs::Collect { from, glob, to })
    }

    fn drop(&mut self, plan: Resource<StepBuffer>) -> wasmtime::Result<()> {
        self.table.delete(plan)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::bindings::modsmith::plugin::plan::HostCommand;
    use crate::imports::state;
    use modsmith_facts::{OsRelease, System};

    struct Asked {
        state: CallState,
        plan: Resource<StepBuffer>,
        _dir: tempfile::TempDir,
    }

    impl Asked {
        fn new(manifest: &str) -> Self {
            let dir = tempfile::tempdir().unwrap();
            std::fs::create_dir_all(dir.path().join("etc/evil-d/inner")).unwrap();
            std::fs::write(dir.path().join("etc/evil-d/file"), "text").unwrap();
            let mut state = state(System::new(dir.path(), OsRelease::default()), manifest, Limits::default());
            let plan = state.push(StepBuffer::default()).unwrap();
            Self { state, plan, _dir: dir }
        }

        fn plan(&self) -> Resource<StepBuffer> {
            Resource::new_borrow(self.plan.rep())
        }

        fn steps(&self) -> &[Step] {
            &self.state.table.get(&self.plan).unwrap().steps
        }
    }

    fn etc(relative: &str) -> types::Path {
        types::Path { root: "etc".into(), relative: relative.into() }
    }

    const NARROW: &str = "[write]\nroots = [\"etc/evil-*\"]\n";

    #[test]
    fn empty_directories_are_removed_up_to_the_end_of_the_grant() {
        let mut asked = Asked::new(NARROW);
        asked.state.prune(asked.plan(), etc("evil-d/inner")).unwrap().unwrap();
        let Action::Prune(prune) = &asked.steps()[0].action else { panic!("{:?}", asked.steps()) };
        assert_eq!(prune.within.as_ref().unwrap().to_string(), "etc:evil-d");
        assert!(asked.state.prune(asked.plan(), etc("other")).unwrap().is_err());
    }

    #[test]
    fn a_file_that_has_the_contents_is_not_written_again() {
        let mut asked = Asked::new(NARROW);
        let mut write = |contents: &str| {
            let plan = asked.plan();
            asked.state.write_if_changed(plan, etc("evil-d/file"), contents.into(), 0o644).unwrap().unwrap();
            asked.steps().len()
        };
        assert_eq!((write("text"), write("other")), (0, 1));
    }

    #[test]
    fn a_step_has_the_reason_and_the_progress_that_its_plugin_gives() {
        let mut asked = Asked::new(NARROW);
        asked.state.reason(asked.plan(), "the file is old".into()).unwrap();
        asked.state.progress(asked.plan(), "Removing it".into()).unwrap();
        for _ in 0..2 {
            asked.state.remove(asked.plan(), etc("evil-d/file")).unwrap().unwrap();
        }
        let seen: Vec<_> = asked.steps().iter().map(|step| (step.reason.as_str(), step.announce.clone())).collect();
        let progress = Announce::Progress("Removing it".into());
        assert_eq!(seen, [("the file is old", progress), ("the file is old", Announce::Silent)]);
    }

    #[test]
    fn words_that_the_host_does_not_know_are_unsupported() {
        let mut asked = Asked::new(NARROW);
        let plan = |asked: &Asked| asked.plan();
        let pack = |asked: &mut Asked, format: &str, compress: Option<&str>| {
            let plan = plan(asked);
            let compress = compress.map(str::to_owned);
            asked.state.pack(plan, etc("evil-d"), etc("evil-x"), format.into(), compress).unwrap().unwrap_err().kind
        };
        assert_eq!(pack(&mut asked, "zip", None), ErrorKind::Unsupported);
        assert_eq!(pack(&mut asked, "tar", Some("lzma")), ErrorKind::Unsupported);
        let command = HostCommand::new(&mut asked.state, "tool".into()).unwrap();
        HostCommand::on_failure(&mut asked.state, Resource::new_borrow(command.rep()), "retry".into()).unwrap();
        let refused = asked.state.run(asked.plan(), command).unwrap().unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Unsupported);
        let cms =
            asked.state.append_cms(asked.plan(), etc("evil-d/file"), etc("k"), etc("c"), "md5".into(), "warn".into());
        assert_eq!(cms.unwrap().unwrap_err().kind, ErrorKind::Unsupported);
    }
}
