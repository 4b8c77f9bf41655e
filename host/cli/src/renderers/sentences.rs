//! The form for people, as text: what became of each piece of work, and of all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::errors::typed_as_modsmith;
use super::super::styled::{Line, Paint, wrap};
use modsmith_core::error;
use modsmith_core::event::{Failed, Outcome, Skip, Work};

/// Before each annotation, which stands below the line of its piece of work.
const INDENT: &str = "    ";

/// How a piece of work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Became {
    Done(Outcome),
    Skipped(Skip),
    Stopped,
    Failed,
}

impl Became {
    pub fn of_failure(failed: &Failed) -> Self {
        match failed.error.kind {
            error::Kind::Interrupted => Became::Stopped,
            _ => Became::Failed,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Became::Done(outcome) => outcome.name(),
            Became::Skipped(Skip::AlreadyInstalled) => "already installed",
            Became::Skipped(Skip::AlreadyBuilt) => "already built",
            Became::Skipped(Skip::NotInstalled) => "not installed",
            Became::Skipped(Skip::NotBuilt) => "not built",
            Became::Skipped(Skip::Excluded) => "excluded",
            Became::Skipped(Skip::Deferred) => "deferred",
            Became::Stopped => "interrupted",
            Became::Failed => "failed",
        }
    }

    fn sign(self, unicode: bool) -> &'static str {
        match (self, unicode) {
            (Became::Done(_), true) => "✓",
            (Became::Done(_), false) => "+",
            (Became::Skipped(_), true) => "–",
            (Became::Skipped(_), false) => "-",
            (Became::Stopped, _) => "!",
            (Became::Failed, true) => "✗",
            (Became::Failed, false) => "x",
        }
    }

    fn paint(self) -> Paint {
        match self {
            Became::Done(_) => Paint::Good,
            Became::Skipped(_) => Paint::Dim,
            Became::Stopped => Paint::Warn,
            Became::Failed => Paint::Bad,
        }
    }
}

/// The line of a piece of work that has ended.
pub fn head(work: &Work, became: Became, took: Option<Duration>, unicode: bool) -> Line {
    let took = took.map(|took| format!("  {}", span(took))).unwrap_or_default();
    Line::default()
        .add(became.paint(), became.sign(unicode))
        .add(Paint::Plain, format!(" {}  {}  ", work.package, work.target.kernel))
        .add(became.paint(), became.word())
        .add(Paint::Dim, took)
}

/// Annotations below a line.
pub fn below(text: &str, paint: Paint, width: usize) -> Vec<Line> {
    let lines = wrap(text, width.saturating_sub(INDENT.len()));
    lines.into_iter().map(|line| Line::plain(INDENT).add(paint, line)).collect()
}

/// A line that others wrote, below a line: as it is.
pub fn quoted(text: &str) -> Line {
    Line::plain(INDENT).add(Paint::Plain, text)
}

/// Why a piece of work failed, and what to do: cause, first error, remedy, log.
pub fn of_failure(work: &Work, failed: &Failed, width: usize) -> Vec<Line> {
    let Failed { error, cause } = failed;
    if error.kind == error::Kind::Interrupted {
        return below("Its changes were undone. The same command makes them again.", Paint::Plain, width);
    }
    let Some(cause) = cause else {
        let texts = std::iter::once(&error.message).chain(&error.details);
        let mut lines: Vec<Line> = texts.flat_map(|text| below(text, Paint::Plain, width)).collect();
        lines.extend(error.hints.iter().flat_map(|hint| labelled("To do", &typed_as_modsmith(hint), width)));
        return lines;
    };
    let mut lines = labelled("Cause", cause.class.title(), width);
    match &cause.first_error {
        Some(first) => lines.extend(labelled("First error", &first.text, width)),
        None => lines.extend(below(&error.message, Paint::Plain, width)),
    }
    lines.extend(labelled("To do", &typed_as_modsmith(&cause.remedy), width));
    if cause.log.is_some() {
        // A command can be marked and pasted: it is not broken.
        let command = format!("modsmith log {} -k {}", work.package, work.target.kernel);
        lines.push(Line::plain(format!("{INDENT}Log: ")).add(Paint::Bold, command));
    }
    lines
}

fn labelled(label: &str, text: &str, width: usize) -> Vec<Line> {
    below(&format!("{label}: {text}"), Paint::Plain, width)
}

/// How many pieces of work ended in which way, and how long all took.
pub fn summary(counts: &BTreeMap<Became, usize>, took: Duration) -> Line {
    let counts: Vec<String> = counts.iter().map(|(became, count)| format!("{count} {}", became.word())).collect();
    Line::bold(format!("{} in {}", counts.join(", "), span(took)))
}

/// A time as people say it, three digits at most.
pub fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A time that goes on, in whole seconds below a minute.
pub fn clock(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        _ => span(Duration::from_secs(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let of = |millis| span(Duration::from_millis(millis));
        assert_eq!(of(940), "0.9 s");
        assert_eq!(of(12_900), "12 s");
        assert_eq!(of(65_000), "1 min 05 s");
        assert_eq!(of(3_725_000), "1 h 02 min");
        assert_eq!(clock(7), "7 s");
    }

    #[test]
    fn the_summary_has_failures_last() {
        let counts = BTreeMap::from([
            (Became::Failed, 1),
            (Became::Skipped(Skip::Excluded), 2),
            (Became::Done(Outcome::Installed), 3),
        ]);
        let line = summary(&counts, Duration::from_secs(61));
        let text: String = line.pieces().map(|(_, text)| text).collect();
        assert_eq!(text, "3 installed, 2 excluded, 1 failed in 1 min 01 s");
    }
}
