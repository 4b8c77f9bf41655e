//! Sections: announcement, failure, hints and undo of several steps, given when the
//! steps are added.

use crate::builder::Builder;
use crate::command::OnFailure;
use crate::error::FailureId;
use crate::step::{Announce, Step, Undo};
use crate::verbs::Action;

/// How the steps of a section are announced, and what their failure means. What a step, or
/// a section within, says of itself stands; of announcements both are made.
#[derive(Debug, Clone, Default)]
pub struct Section {
    announce: Option<String>,
    announce_change: Option<String>,
    reports: Option<(String, String)>,
    tells_notes: bool,
    fails_as: Option<(FailureId, String)>,
    tolerates: Option<String>,
    hints: Vec<String>,
    undo: Option<Undo>,
    confined: bool,
}

/// The additions of a section to one of its steps.
#[derive(Debug, Clone, Default)]
pub struct Each {
    /// A line before the step.
    pub line: Option<String>,
    /// A step behind it, with its reason.
    pub next: Option<(Action, &'static str)>,
}

impl Section {
    pub fn new() -> Self {
        Self::default()
    }

    /// A line before the first step.
    pub fn announce(mut self, line: impl Into<String>) -> Self {
        self.announce = Some(line.into());
        self
    }

    /// A line before the first step that is no note; none where all are.
    pub fn announce_change(mut self, line: impl Into<String>) -> Self {
        self.announce_change = Some(line.into());
        self
    }

    /// A line after the last step, if that did not fail. `failed` begins the warning of a
    /// step that fails and may.
    pub fn reports(mut self, done: impl Into<String>, failed: impl Into<String>) -> Self {
        self.reports = Some((done.into(), failed.into()));
        self
    }

    /// Notes are printed when the plan comes to them.
    pub fn tells_notes(mut self) -> Self {
        self.tells_notes = true;
        self
    }

    /// The meaning of a failure of the section's steps.
    pub fn fails_as(mut self, meaning: impl Into<FailureId>, message: impl Into<String>) -> Self {
        self.fails_as = Some((meaning.into(), message.into()));
        self
    }

    /// Its programs may fail, with a warning that begins with the message.
    pub fn tolerates(mut self, message: impl Into<String>) -> Self {
        self.tolerates = Some(message.into());
        self
    }

    /// A hint about a failure of the section's steps. Hints are given in the order in which they are added.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Whether the effect of the section's steps is undone if a later step fails.
    pub fn on_undo(mut self, undo: Undo) -> Self {
        self.undo = Some(undo);
        self
    }

    /// Its programs run without privileges and network, see
    /// [`Command::confined`](crate::Command::confined).
    pub fn confined(mut self) -> Self {
        self.confined = true;
        self
    }

    fn describe(self, steps: &mut [Step]) {
        for step in &mut *steps {
            self.describe_each(step);
        }
        if let Some(step) = self.announce_change.as_ref().and(steps.iter_mut().find(|step| is_change(step))) {
            announce(step, self.announce_change.unwrap_or_default());
        }
        if let (Some(line), Some(first)) = (self.announce, steps.first_mut()) {
            announce(first, line);
        }
        if let (Some((done, _)), Some(last)) = (self.reports, steps.last_mut())
            && last.announce == Announce::Silent
        {
            last.announce = Announce::Done(done);
        }
    }

    fn describe_each(&self, step: &mut Step) {
        if let Action::Run(command) = &mut step.action {
            command.confined |= self.confined;
            if let Some(message) = &self.tolerates
                && command.failure == OnFailure::Abort
            {
                command.failure = OnFailure::Warn;
                step.failure_message.get_or_insert_with(|| message.clone());
            }
        }
        if let Some((_, failed)) = &self.reports {
            step.failure_message.get_or_insert_with(|| failed.clone());
        }
        if let Some((meaning, message)) = &self.fails_as {
            step.fails_as.get_or_insert(*meaning);
            step.failure_message.get_or_insert_with(|| message.clone());
        }
        step.hints.extend(self.hints.iter().cloned());
        if let (Some(undo), Undo::Revert) = (&self.undo, &step.undo) {
            step.undo = undo.clone();
        }
        if let (true, Action::Note(note), Announce::Silent) = (self.tells_notes, &step.action, &step.announce) {
            step.announce = Announce::Line(note.0.clone());
        }
    }
}

fn is_change(step: &Step) -> bool {
    !matches!(step.action, Action::Note(_))
}

/// Before what the step itself announces, where that is lines, too.
fn announce(step: &mut Step, line: String) {
    match &mut step.announce {
        Announce::Silent => step.announce = Announce::Line(line),
        Announce::Line(own) => step.announce = Announce::Lines(vec![line, std::mem::take(own)]),
        Announce::Lines(lines) => lines.insert(0, line),
        Announce::Done(_) | Announce::Progress(_) => {}
    }
}

impl Builder {
    /// Adds steps that are described as one section.
    pub fn section<T>(&mut self, section: Section, add: impl FnOnce(&mut Self) -> T) -> T {
        self.described(add, |_, _| section)
    }

    /// As [`Builder::section`], for a description that depends on the result of `add`, or on the
    /// steps that it added.
    pub fn described<T>(
        &mut self,
        add: impl FnOnce(&mut Self) -> T,
        describe: impl FnOnce(&T, &[Step]) -> Section,
    ) -> T {
        let first = self.steps().len();
        let answer = add(self);
        let steps = self.added_since(first);
        describe(&answer, steps).describe(steps);
        answer
    }

    /// As [`Builder::section`]; `each` has more about each step that was added.
    pub fn section_of_each<T>(
        &mut self,
        section: Section,
        add: impl FnOnce(&mut Self) -> T,
        each: impl Fn(&Step) -> Each,
    ) -> T {
        let first = self.steps().len();
        let answer = self.section(section, add);
        for mut step in self.take_since(first) {
            let Each { line, next } = each(&step);
            if let Some(line) = line {
                announce(&mut step, line);
            }
            self.push_step(step);
            if let Some((action, reason)) = next {
                self.push(action, reason);
            }
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use crate::verbs;
    use modsmith_facts::Roots;

    const BUILD: FailureId = FailureId("build", 0);
    const SCRIPT: FailureId = FailureId("script", 0);

    fn builder() -> Builder {
        Builder::new("try it", Roots::default())
    }

    fn run(plan: &mut Builder) -> &mut Step {
        plan.push(Command::new("true"), "a test")
    }

    #[test]
    fn a_section_describes_the_steps_that_are_added_in_it_and_no_others() {
        let mut plan = builder();
        run(&mut plan);
        let section = Section::new().announce("Building").fails_as(BUILD, "It failed.").hint("Look.").confined();
        plan.section(section.on_undo(Undo::Never), |plan| {
            run(plan);
            run(plan);
        });
        run(&mut plan);
        let [before, first, second, after] = plan.steps() else { panic!("{:?}", plan.steps()) };
        for step in [first, second] {
            assert_eq!((step.fails_as, step.failure_message.as_deref()), (Some(BUILD), Some("It failed.")));
            assert_eq!((&step.hints[..], &step.undo), (&["Look.".to_owned()][..], &Undo::Never));
            assert!(matches!(&step.action, Action::Run(command) if command.confined));
        }
        assert_eq!(first.announce, Announce::Line("Building".into()));
        assert_eq!(second.announce, Announce::Silent);
        assert_eq!(before, after);
        assert_eq!((before.fails_as, before.hints.len(), &before.undo), (None, 0, &Undo::Revert));
    }

    #[test]
    fn what_a_step_or_an_inner_section_says_of_itself_stands() {
        let mut plan = builder();
        plan.section(Section::new().announce("outer").fails_as(BUILD, "outer").on_undo(Undo::Never), |plan| {
            plan.section(Section::new().announce("inner").tolerates("inner"), |plan| {
                run(plan).on_undo(Undo::Keep);
            });
            run(plan).fails_as(SCRIPT, "own").progress("Running");
        });
        let [inner, own] = plan.steps() else { panic!("{:?}", plan.steps()) };
        assert_eq!(inner.announce, Announce::Lines(vec!["outer".into(), "inner".into()]));
        assert_eq!((inner.fails_as, inner.failure_message.as_deref()), (Some(BUILD), Some("inner")));
        assert_eq!(inner.undo, Undo::Keep);
        assert!(matches!(&inner.action, Action::Run(command) if command.failure == OnFailure::Warn));
        assert_eq!((own.fails_as, own.failure_message.as_deref()), (Some(SCRIPT), Some("own")));
        assert_eq!((&own.announce, &own.undo), (&Announce::Progress("Running".into()), &Undo::Never));
        assert!(matches!(&own.action, Action::Run(command) if command.failure == OnFailure::Abort));
    }

    #[test]
    fn notes_are_told_changes_announced_and_the_end_reported() {
        let mut plan = builder();
        let section = Section::new().tells_notes().announce_change("Changing").reports("Changed", "not changed");
        plan.section(section, |plan| {
            plan.push(verbs::Note("a note".into()), "a test");
            run(plan);
            run(plan);
        });
        let announced: Vec<&Announce> = plan.steps().iter().map(|step| &step.announce).collect();
        let line = |text: &str| Announce::Line(text.into());
        assert_eq!(announced, [&line("a note"), &line("Changing"), &Announce::Done("Changed".into())]);
        assert!(plan.steps().iter().all(|step| step.failure_message.as_deref() == Some("not changed")));
        // A section that consists of notes is not announced.
        let mut plan = builder();
        plan.section(Section::new().announce_change("Changing"), |plan| {
            plan.push(verbs::Note("a note".into()), "a test");
        });
        assert_eq!(plan.steps()[0].announce, Announce::Silent);
    }

    #[test]
    fn a_description_may_depend_on_the_answer_and_on_the_steps() {
        let mut plan = builder();
        run(&mut plan);
        let answer = plan.described(
            |plan| {
                run(plan);
                Ok::<_, String>("dracut")
            },
            |answer, steps| match answer {
                Ok(plugin) => Section::new().announce(format!("{plugin}: {}", steps.len())),
                Err(_) => Section::new(),
            },
        );
        assert_eq!(answer, Ok("dracut"));
        assert_eq!(plan.steps()[1].announce, Announce::Line("dracut: 1".into()));
        // A section without steps says nothing.
        plan.section(Section::new().announce("x").reports("y", "z"), |_| ());
        assert_eq!(plan.steps().len(), 2);
    }
}
