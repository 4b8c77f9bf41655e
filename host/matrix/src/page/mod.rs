//! The index as one HTML file: no network, no other file but the logs that it links to. It can be
//! read without scripts and styles; the script only filters.

mod html;

use std::collections::BTreeMap;
use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

use html::escaped;

use crate::cell::Coordinates;
use crate::index::{Change, Index, IndexedCell};
use crate::outcome::CellOutcome;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The page of an index.
pub fn page(index: &Index) -> String {
    let columns = columns(index);
    let rows = rows(index);
    let mut out = String::with_capacity(index.cells.len() * 200 + 16_384);
    head(&mut out);
    summary(&mut out, index);
    changes(&mut out, index.changes.as_deref());
    filter(&mut out);
    table(&mut out, &columns, &rows);
    problems(&mut out, index);
    let _ = write!(out, "</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n");
    out
}

/// A kernel and an architecture.
type Column<'i> = (&'i str, &'i str);

/// A module and its version, with the cells of its row.
type Rows<'i> = Vec<((&'i str, &'i str), BTreeMap<Column<'i>, &'i IndexedCell>)>;

/// In the order of the matrix.
fn columns(index: &Index) -> Vec<Column<'_>> {
    let mut columns: Vec<Column<'_>> = Vec::new();
    for cell in &index.cells {
        let column = (cell.coordinates.kernel.as_str(), cell.coordinates.arch.as_str());
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    columns
}

fn rows(index: &Index) -> Rows<'_> {
    let mut rows: Rows<'_> = Vec::new();
    for cell in &index.cells {
        let Coordinates { module, version, kernel, arch } = &cell.coordinates;
        let name = (module.as_str(), version.as_str());
        let place = rows.iter().position(|(other, _)| *other == name).unwrap_or_else(|| {
            rows.push((name, BTreeMap::new()));
            rows.len() - 1
        });
        if let Some((_, cells)) = rows.get_mut(place) {
            cells.insert((kernel, arch), cell);
        }
    }
    rows
}

/// The policy for browsers: they may use the one style and the one script of the page, and nothing
/// of the network. Source: Content Security Policy Level 3.
fn head(out: &mut String) {
    let hash = |text: &str| STANDARD.encode(digest(&SHA256, text.as_bytes()));
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>Kernel modules</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#matrix\">To the table</a>\n<main>\n<h1>Kernel modules</h1>\n",
        hash(STYLE),
        hash(SCRIPT)
    );
}

fn summary(out: &mut String, index: &Index) {
    let good: usize = index.totals.iter().filter(|(outcome, _)| outcome.is_good()).map(|(_, count)| count).sum();
    let all = index.cells.len();
    let created = escaped(&index.created);
    let _ = write!(
        out,
        "<p>{good} of {all} modules are there. Made <time datetime=\"{created}\">{created}</time>.</p>\n<ul class=\"totals\">\n"
    );
    for (outcome, count) in index.totals.iter().filter(|(_, count)| **count > 0) {
        let _ = writeln!(
            out,
            "<li class=\"{}\"><span aria-hidden=\"true\">{}</span> {}: {count}</li>",
            outcome.id(),
            outcome.sign(),
            outcome.words()
        );
    }
    out.push_str("</ul>\n");
}

fn changes(out: &mut String, changes: Option<&[Change]>) {
    let Some(changes) = changes else { return };
    out.push_str("<section aria-labelledby=\"changes\">\n<h2 id=\"changes\">Since the last run</h2>\n");
    if changes.is_empty() {
        out.push_str("<p>Nothing has changed.</p>\n</section>\n");
        return;
    }
    out.push_str("<ul>\n");
    for change in changes {
        let Coordinates { module, version, kernel, arch } = &change.coordinates;
        let words = |outcome: Option<CellOutcome>, none: &'static str| outcome.map_or(none, CellOutcome::words);
        let _ = writeln!(
            out,
            "<li class=\"{}\">{} {}, {} {}: {}, before: {}</li>",
            change.now.map_or("gone", CellOutcome::id),
            escaped(module),
            escaped(version),
            escaped(kernel),
            escaped(arch),
            words(change.now, "no longer in the matrix"),
            words(change.before, "not in the matrix")
        );
    }
    out.push_str("</ul>\n</section>\n");
}

/// Hidden unless the script runs, without which it would do nothing.
fn filter(out: &mut String) {
    out.push_str(
        "<form id=\"filter\" role=\"search\" aria-label=\"Filter the table\" hidden>\n\
         <label>Module <input id=\"by-module\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\"></label>\n\
         <label>Kernel <input id=\"by-kernel\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\"></label>\n\
         <label><input id=\"only-bad\" type=\"checkbox\"> only with problems</label>\n\
         <output id=\"shown\" aria-live=\"polite\"></output>\n</form>\n",
    );
}

fn table(out: &mut String, columns: &[Column<'_>], rows: &Rows<'_>) {
    out.push_str(
        "<div class=\"scroll\" id=\"matrix\" role=\"region\" aria-labelledby=\"caption\" tabindex=\"0\">\n<table>\n\
         <caption id=\"caption\">Modules and kernels. A cell with a problem leads to its first error.</caption>\n<thead>\n<tr><th scope=\"col\">Module</th>",
    );
    for (kernel, arch) in columns {
        let _ = write!(out, "<th scope=\"col\"><span>{} <small>{}</small></span></th>", escaped(kernel), escaped(arch));
    }
    out.push_str("</tr>\n</thead>\n<tbody>\n");
    for ((module, version), cells) in rows {
        let _ = write!(out, "<tr><th scope=\"row\">{} <small>{}</small></th>", escaped(module), escaped(version));
        for column in columns {
            match cells.get(column) {
                Some(cell) => table_cell(out, cell),
                None => out.push_str("<td></td>"),
            }
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
}

fn table_cell(out: &mut String, cell: &IndexedCell) {
    let outcome = cell.outcome;
    let sign =
        format!("<span aria-hidden=\"true\">{}</span><span class=\"words\">{}</span>", outcome.sign(), outcome.words());
    let _ = match has_details(cell) {
        true => write!(out, "<td class=\"{}\"><a href=\"#cell-{}\">{sign}</a></td>", outcome.id(), cell.index),
        false => write!(out, "<td class=\"{}\">{sign}</td>", outcome.id()),
    };
}

fn has_details(cell: &IndexedCell) -> bool {
    cell.outcome.is_bad() || cell.outcome == CellOutcome::Excluded
}

/// Each cell that has no module, with the reason, the lines around the first error, and the log.
fn problems(out: &mut String, index: &Index) {
    let cells: Vec<&IndexedCell> = index.cells.iter().filter(|cell| has_details(cell)).collect();
    if cells.is_empty() {
        return;
    }
    out.push_str("<section aria-labelledby=\"problems\">\n<h2 id=\"problems\">Cells without modules</h2>\n");
    for cell in cells {
        problem(out, cell);
    }
    out.push_str("</section>\n");
}

fn problem(out: &mut String, cell: &IndexedCell) {
    let Coordinates { module, version, kernel, arch } = &cell.coordinates;
    let outcome = cell.outcome;
    let _ = write!(
        out,
        "<article id=\"cell-{}\" tabindex=\"-1\" class=\"{}\">\n<h3><span aria-hidden=\"true\">{}</span> {} {}, {} {}: {}</h3>\n",
        cell.index,
        outcome.id(),
        outcome.sign(),
        escaped(module),
        escaped(version),
        escaped(kernel),
        escaped(arch),
        outcome.words()
    );
    if let Some(fault) = &cell.fault {
        let _ = writeln!(out, "<p>Its result is not used: {}.</p>", escaped(fault));
    }
    if let Some(result) = &cell.result {
        if let Some(message) = &result.message {
            let _ = writeln!(out, "<p>{}</p>", escaped(message));
        }
        if let Some(error) = &result.first_error {
            let _ = writeln!(
                out,
                "<p>First error, line {} of the log: <code>{}</code></p>",
                error.log_line,
                escaped(&error.text)
            );
        }
        if !result.excerpt.is_empty() {
            let lines: Vec<String> = result.excerpt.iter().map(|line| escaped(line)).collect();
            let _ = writeln!(
                out,
                "<details><summary>The log around it</summary><pre tabindex=\"0\">{}</pre></details>",
                lines.join("\n")
            );
        }
        if let Some(log) = &result.log {
            let _ = writeln!(out, "<p><a href=\"{}\">The whole log</a></p>", html::relative(log));
        }
    }
    out.push_str("<p><a href=\"#matrix\">Back to the table</a></p>\n</article>\n");
}

#[cfg(test)]
mod tests;
