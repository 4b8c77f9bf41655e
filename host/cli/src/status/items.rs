//! The output of `status` for people: one item for each package and kernel.

use std::collections::BTreeSet;

use build_diagnosis::Class;
use jiff::Timestamp;

use super::super::styled::Paint;
use modsmith_core::flow::{Annotation, Invocation, Lack, Lacking, State, StatusLine, signed};
use modsmith_core::tree::{Failure, PackageId, Target, Tree};

/// The note of a package whose source is where it has always been.
pub const LINK_LOST: &str = "only the link to its source is lost";

/// The state of a package for a kernel, from the one that needs most attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    Failed,
    Broken,
    Unreadable,
    Missing,
    Installed,
    Weak,
    Built,
    Excluded,
    Added,
}

impl Shown {
    pub const ALL: [Shown; 9] = [
        Shown::Failed,
        Shown::Broken,
        Shown::Unreadable,
        Shown::Missing,
        Shown::Installed,
        Shown::Weak,
        Shown::Built,
        Shown::Excluded,
        Shown::Added,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Shown::Failed => "failed",
            Shown::Broken => "broken",
            Shown::Unreadable => "unreadable",
            Shown::Missing => "missing",
            Shown::Installed => "installed",
            Shown::Weak => "weak",
            Shown::Built => "built",
            Shown::Excluded => "excluded",
            Shown::Added => "added",
        }
    }

    /// One column wide.
    pub fn sign(self, unicode: bool) -> &'static str {
        match (self, unicode) {
            (Shown::Failed, true) => "✗",
            (Shown::Failed, false) => "x",
            (Shown::Broken | Shown::Missing, _) => "!",
            (Shown::Unreadable, _) => "?",
            (Shown::Installed | Shown::Weak, true) => "✓",
            (Shown::Installed | Shown::Weak, false) => "+",
            (Shown::Built, true) => "●",
            (Shown::Built, false) => "*",
            (Shown::Excluded, true) => "–",
            (Shown::Excluded, false) => "-",
            (Shown::Added, true) => "·",
            (Shown::Added, false) => ".",
        }
    }

    pub fn paint(self) -> Paint {
        match self {
            Shown::Failed | Shown::Broken | Shown::Unreadable => Paint::Bad,
            Shown::Missing => Paint::Warn,
            Shown::Installed | Shown::Weak => Paint::Good,
            Shown::Built => Paint::Plain,
            Shown::Excluded | Shown::Added => Paint::Dim,
        }
    }

    /// Whether a person has to do something.
    pub fn is_problem(self) -> bool {
        self <= Shown::Missing
    }
}

/// One package, for one kernel or for none.
#[derive(Debug, Clone)]
pub struct Item {
    pub id: PackageId,
    pub target: Option<Target>,
    pub shown: Shown,
    /// May be empty.
    pub note: String,
    /// Whether the kernel has no headers: nothing can be built for it.
    pub headless: bool,
}

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The facts of the tree.
    Usual,
    /// Also signatures, walls and times: of a few packages.
    Close,
}

/// The items of what was found.
pub fn items(
    run: &Invocation<'_>,
    lines: &[StatusLine],
    failed: &[Failure],
    lacking: &[Lacking],
    detail: Detail,
) -> Vec<Item> {
    let mut items: Vec<Item> = failed.iter().map(|failure| of_failure(failure, lines)).collect();
    items.extend(lacking.iter().map(of_lack));
    let told: BTreeSet<PackageId> = items.iter().map(|item| item.id.clone()).collect();
    let has_failed = |line: &StatusLine| {
        failed.iter().any(|failure| failure.id == line.id && Some(&failure.target) == line.target.as_ref())
    };
    let lines = lines.iter().filter(|line| match line.state {
        // A package that is only added has no item of its own, if an item for a kernel names it.
        State::Added => !told.contains(&line.id),
        _ => !has_failed(line),
    });
    items.extend(lines.map(|line| of_line(run, line, detail)));
    items
}

fn of_failure(failure: &Failure, lines: &[StatusLine]) -> Item {
    let earlier = lines.iter().find(|line| line.id == failure.id && line.target.as_ref() == Some(&failure.target));
    let mut note = match failure.record.class {
        Class::Unknown => failure.record.reason().to_owned(),
        class => format!("{}: {}", class.title(), failure.record.reason()),
    };
    if let Some(line) = earlier {
        note += match line.state {
            State::Installed => "; an earlier build is installed",
            _ => "; there is an earlier build",
        };
    }
    Item { id: failure.id.clone(), target: Some(failure.target.clone()), shown: Shown::Failed, note, headless: false }
}

fn of_lack(lacking: &Lacking) -> Item {
    let (shown, note, headless) = match &lacking.why {
        Lack::Missing { headers: true } => {
            (Shown::Missing, "not built, and dkms.conf has AUTOINSTALL".to_owned(), false)
        }
        Lack::Missing { headers: false } => (Shown::Missing, "the kernel's headers are missing".to_owned(), true),
        Lack::Excluded(reason) => (Shown::Excluded, reason.clone(), false),
        Lack::Unreadable(message) => (Shown::Unreadable, message.clone(), false),
    };
    Item { id: lacking.id.clone(), target: Some(lacking.target.clone()), shown, note, headless }
}

fn of_line(run: &Invocation<'_>, line: &StatusLine, detail: Detail) -> Item {
    let shown = match line.state {
        State::Broken => Shown::Broken,
        State::Added => Shown::Added,
        State::Built => Shown::Built,
        State::Installed => Shown::Installed,
        State::InstalledWeak => Shown::Weak,
    };
    let mut notes: Vec<String> =
        line.annotations.iter().map(|annotation| of_annotation(*annotation).to_owned()).collect();
    notes.extend(line.from.iter().map(|kernel| format!("links to the modules of {kernel}")));
    if line.state == State::Broken {
        let note = if run.env.has_source(&line.id) { LINK_LOST } else { "its source is gone" };
        notes.push(note.to_owned());
    }
    if let Some(target) = line.target.as_ref().filter(|_| matches!(line.state, State::Built | State::Installed)) {
        let confinement = run.env.tree.record(&line.id, target).and_then(|record| record.confinement);
        let matters = |level: &str| detail == Detail::Close || matches!(level, "dropped" | "none");
        notes.extend(
            confinement.filter(|c| matters(&c.level)).map(|c| format!("confinement of its build: {}", c.level)),
        );
        if detail == Detail::Close {
            notes.extend(
                signed(run, &line.id, target).map(|signed| if signed { "signed" } else { "not signed" }.to_owned()),
            );
            notes.extend(built(&run.env.tree, &line.id, target).map(|time| format!("built {}", local(time))));
        }
    }
    Item { id: line.id.clone(), target: line.target.clone(), shown, note: notes.join("; "), headless: false }
}

fn of_annotation(annotation: Annotation) -> &'static str {
    match annotation {
        Annotation::OriginalsExist => "replaces a module of the kernel",
        Annotation::ProductsMissing => "a built module is not in the tree",
        Annotation::Differs => "the installed module is not the built one",
    }
}

/// When a package was built for a kernel.
pub fn built(tree: &Tree, id: &PackageId, target: &Target) -> Option<Timestamp> {
    let directory = tree.real(&id.products_dir(target));
    std::fs::symlink_metadata(directory).ok()?.modified().ok()?.try_into().ok()
}

fn local(time: Timestamp) -> String {
    time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
}
