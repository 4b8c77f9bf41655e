//! `status` for people: items in groups, those that need attention first, and below them
//! what to do.

use super::super::arguments::Grouping;
use super::super::look::Look;
use super::super::page::{self, Block};
use super::super::styled::{Line, Paint, wrap};
use super::items::{Item, LINK_LOST, Shown};
use modsmith_core::conf::version;
use modsmith_core::tree::Target;

/// This number of items without a note, or more, stand side by side.
const MANY: usize = 12;

/// Longer names do not move the column beside them.
const WIDEST_NAME: usize = 32;

/// Builds that are named below the list; of more, the number is said.
const NAMED: usize = 5;

/// Kernels that people ask about, by their releases.
#[derive(Debug, Clone, Default)]
pub struct Kernels {
    /// The running kernel; `None`: the system is not the running one.
    pub running: Option<String>,
    /// The one that starts next, where that is known and all kernels are shown.
    pub next: Option<String>,
}

/// The lines of the view.
pub fn lines(items: &[Item], by: Grouping, kernels: &Kernels, look: Look) -> Vec<Line> {
    if items.is_empty() {
        return vec![Line::plain("Nothing to show: no package of the tree matches.")];
    }
    let mut lines = vec![Line::plain(summary(items))];
    for (title, items) in groups(items, by, kernels) {
        lines.extend([Line::default(), Line::bold(title)]);
        lines.extend(of_group(&items, by, look));
    }
    let is_of = |release: &String| items.iter().any(|item| item.target.as_ref().is_some_and(|t| t.kernel == *release));
    if let Some(release) = kernels.next.as_ref().filter(|release| !is_of(release)) {
        let text = format!("Kernel {release} starts next, and no package is built for it or missing.");
        lines.push(Line::default());
        lines.extend(wrap(&text, look.width).into_iter().map(Line::plain));
    }
    let next = next(items);
    if !next.is_empty() {
        lines.push(Line::default());
        lines.extend(page::lines(&[Block::Heading("What to do".into()), Block::Examples(next)], look.width));
    }
    lines
}

/// How many items are in which state.
fn summary(items: &[Item]) -> String {
    let count = |shown: Shown| items.iter().filter(|item| item.shown == shown).count();
    let counts = Shown::ALL.map(|shown| (count(shown), shown.word()));
    counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect::<Vec<_>>()
        .join(", ")
}

type Groups<'i> = Vec<(String, Vec<&'i Item>)>;

/// By kernel: the running one, then the others, the newest first, then what is built for
/// none. By package: by name and version.
fn groups<'i>(items: &'i [Item], by: Grouping, kernels: &Kernels) -> Groups<'i> {
    let running = kernels.running.as_deref();
    let mut sorted: Vec<&Item> = items.iter().collect();
    let package = |one: &Item, other: &Item| {
        one.id.module.cmp(&other.id.module).then_with(|| version::compare(&one.id.version, &other.id.version))
    };
    match by {
        Grouping::Package => {
            sorted.sort_by(|one, other| package(one, other).then_with(|| kernel_order(one, other, running)));
        }
        Grouping::Kernel => sorted.sort_by(|one, other| {
            kernel_order(one, other, running).then(one.shown.cmp(&other.shown)).then_with(|| package(one, other))
        }),
    }
    let mut groups: Groups<'i> = Vec::new();
    for item in sorted {
        let title = match (by, &item.target) {
            (Grouping::Package, _) => item.id.to_string(),
            (Grouping::Kernel, Some(target)) => format!("Kernel {}", named(target, kernels)),
            (Grouping::Kernel, None) => "For no kernel".to_owned(),
        };
        match groups.last_mut().filter(|(last, _)| *last == title) {
            Some((_, items)) => items.push(item),
            None => groups.push((title, vec![item])),
        }
    }
    groups
}

fn kernel_order(one: &Item, other: &Item, running: Option<&str>) -> std::cmp::Ordering {
    let rank = |item: &Item| match &item.target {
        Some(target) if Some(target.kernel.as_str()) == running => 0,
        Some(_) => 1,
        None => 2,
    };
    rank(one).cmp(&rank(other)).then_with(|| match (&one.target, &other.target) {
        (Some(one), Some(other)) => version::compare(&other.kernel, &one.kernel).then_with(|| one.cmp(other)),
        _ => std::cmp::Ordering::Equal,
    })
}

/// A kernel, with its architecture where that is not this machine's.
fn named(target: &Target, kernels: &Kernels) -> String {
    let arch = match target.arch == modsmith_facts::kernel::machine() {
        true => String::new(),
        false => format!(" {}", target.arch),
    };
    let is = |release: &Option<String>| release.as_ref() == Some(&target.kernel);
    let what = match (is(&kernels.running), is(&kernels.next)) {
        (true, true) => " (running, starts next)",
        (true, false) => " (running)",
        (false, true) => " (starts next)",
        (false, false) => "",
    };
    format!("{}{arch}{what}", target.kernel)
}

fn of_group(items: &[&Item], by: Grouping, look: Look) -> Vec<Line> {
    let is_plain = |item: &Item| !item.shown.is_problem() && (item.note.is_empty() || item.shown == Shown::Excluded);
    let side_by_side = by == Grouping::Kernel && items.iter().filter(|item| is_plain(item)).count() > MANY;
    let (compact, alone): (Vec<&Item>, Vec<&Item>) = items.iter().partition(|item| side_by_side && is_plain(item));
    let name = |item: &Item| match (by, &item.target) {
        (Grouping::Kernel, _) => item.id.to_string(),
        (Grouping::Package, Some(target)) => named(target, &Kernels::default()),
        (Grouping::Package, None) => "no kernel".to_owned(),
    };
    let names = alone.iter().map(|item| name(item).chars().count()).filter(|length| *length <= WIDEST_NAME);
    let column = names.max().unwrap_or(0);
    let mut lines: Vec<Line> = alone.iter().flat_map(|item| of_item(item, &name(item), column, look)).collect();
    for same in compact.chunk_by(|one, next| one.shown == next.shown) {
        let shown = same[0].shown;
        lines.push(sign(shown, look).add(shown.paint(), format!("{} ({})", shown.word(), same.len())));
        lines.extend(columns(&same.iter().map(|item| name(item)).collect::<Vec<_>>(), look.width));
    }
    lines
}

fn sign(shown: Shown, look: Look) -> Line {
    Line::plain("  ").add(shown.paint(), shown.sign(look.unicode)).add(Paint::Plain, " ")
}

/// One item: sign, name, state and note; a long note goes on below itself.
fn of_item(item: &Item, name: &str, column: usize, look: Look) -> Vec<Line> {
    const STATE: usize = 10;
    let pad = |text: &str, width: usize| " ".repeat(width.saturating_sub(text.chars().count()));
    let word = item.shown.word();
    let head = sign(item.shown, look)
        .add(Paint::Plain, format!("{name}{}  ", pad(name, column)))
        .add(item.shown.paint(), word);
    // The note begins on a line of its own, if the line of the state has little room.
    let used = 4 + name.chars().count().max(column) + 2 + STATE + 1;
    if look.width >= used + 24 {
        let mut texts = wrap(&item.note, look.width - used).into_iter();
        let first = head.add(Paint::Plain, format!("{} {}", pad(word, STATE), texts.next().unwrap_or_default()));
        return std::iter::once(first).chain(texts.map(|text| Line::plain(" ".repeat(used) + &text))).collect();
    }
    let texts = wrap(&item.note, look.width - 6);
    std::iter::once(head).chain(texts.iter().map(|text| Line::plain(format!("      {text}")))).collect()
}

/// Names side by side, row by row.
fn columns(names: &[String], width: usize) -> Vec<Line> {
    let widest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let each = ((width.saturating_sub(4) + 2) / (widest + 2)).max(1);
    let row = |names: &[String]| {
        let cells: Vec<String> = names.iter().map(|name| format!("{name:<widest$}")).collect();
        Line::plain(format!("    {}", cells.join("  ")))
    };
    names.chunks(each).map(row).collect()
}

/// Command lines, each with what it is for.
fn next(items: &[Item]) -> Vec<(String, String)> {
    let of = |shown: Shown| items.iter().filter(move |item| item.shown == shown);
    let kernel = |item: &Item| item.target.as_ref().map(|target| target.kernel.clone()).unwrap_or_default();
    let mut next = Vec::new();
    for item in of(Shown::Failed).take(NAMED) {
        next.push((
            format!("modsmith log {} -k {}", item.id, kernel(item)),
            "Why it failed, and the remedy.".to_owned(),
        ));
    }
    let more = of(Shown::Failed).count().saturating_sub(NAMED);
    if more > 0 {
        next.push(("modsmith status --failed".to_owned(), format!("{more} more that failed.")));
    }
    let mut kernels: Vec<(String, bool)> = of(Shown::Missing).map(|item| (kernel(item), item.headless)).collect();
    kernels.dedup();
    for (kernel, headless) in kernels {
        let text = match headless {
            true => "Builds what is missing, once the kernel's headers are installed.",
            false => "Builds and installs what is missing.",
        };
        next.push((format!("modsmith autoinstall -k {kernel}"), text.to_owned()));
    }
    for item in of(Shown::Broken).take(NAMED) {
        let text = match item.note.contains(LINK_LOST) {
            true => "Makes the link to its source again.",
            false => "Once its source is in /usr/src again.",
        };
        next.push((format!("modsmith add {}", item.id), text.to_owned()));
    }
    for item in of(Shown::Unreadable).take(NAMED) {
        next.push((
            format!("modsmith conf {} -k {}", item.id, kernel(item)),
            "The mistakes in its dkms.conf.".to_owned(),
        ));
    }
    next
}
