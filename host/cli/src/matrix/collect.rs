//! `modsmith matrix collect`: the results of all cells as index, metrics and page.

use std::io::ErrorKind;
use std::path::Path;

use super::files::{read_matrix, write_beside};
use crate::output;
use crate::words::rfc3339;
use modsmith_core::error::{Error, Kind, Result};
use modsmith_facts::inside;
use modsmith_facts::text::line;
use modsmith_matrix::{CellOutcome, Index, metrics, page};

/// Writes `index.json`, `metrics.txt` and `index.html` beside the results.
pub fn run(matrix: &Path, results: &Path, before: Option<&Path>, json: bool) -> Result<()> {
    let matrix = read_matrix(matrix)?;
    let before = before.map(read_index).transpose()?;
    if !results.is_dir() {
        return Err(Error::new(Kind::Usage, format!("There is no directory {}.", results.display()))
            .hint("Name the directory that the cells were given with --results."));
    }
    let read = |name: &str| match inside::read_file(&results.join(format!("{name}.json"))) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("it cannot be read: {error}")),
    };
    let created = rfc3339(jiff::Timestamp::now());
    let index = Index::collect(&matrix, created, read, before.as_ref());
    let mut text = serde_json::to_vec_pretty(&index)
        .map_err(|error| Error::new(Kind::System, format!("Could not write JSON: {error}.")))?;
    text.push(b'\n');
    for (name, contents) in [
        ("index.json", text.as_slice()),
        ("metrics.txt", metrics(&index).as_bytes()),
        ("index.html", page(&index).as_bytes()),
    ] {
        write_beside(results, name, contents)?;
    }
    match json {
        true => output::json(&index),
        false => {
            say(&index, results);
            Ok(())
        }
    }
}

fn read_index(file: &Path) -> Result<Index> {
    let bytes = inside::read_file(file).map_err(|error| Error::io("read", file, error))?;
    Index::from_json(&bytes).map_err(|why| {
        Error::new(Kind::Usage, format!("{} is no index: {why}.", file.display()))
            .hint("Name an index.json of `modsmith matrix collect`.")
    })
}

/// The totals, the cells that something has to be done about, and where the page is.
fn say(index: &Index, results: &Path) {
    for cell in index.cells.iter().filter(|cell| cell.outcome.is_bad()) {
        let at = &cell.coordinates;
        let result = cell.result.as_ref();
        let error = result.and_then(|result| result.first_error.as_ref()).map(|error| error.text.as_str());
        let message = error.or_else(|| result.and_then(|result| result.message.as_deref())).or(cell.fault.as_deref());
        let message = message.map(|message| format!(": {message}")).unwrap_or_default();
        let text =
            format!("{}/{}, {}, {}: {}{message}", at.module, at.version, at.kernel, at.arch, cell.outcome.words());
        output::lines(&line(&text));
    }
    let totals = CellOutcome::ALL.iter().filter_map(|outcome| {
        let count = index.totals.get(outcome).copied().filter(|count| *count > 0)?;
        Some(format!("{count} {}", outcome.words()))
    });
    let changed = index.changes.as_ref().map(|changes| format!("; {} changed", changes.len())).unwrap_or_default();
    let totals = totals.collect::<Vec<_>>().join(", ");
    output::lines(&line(&format!(
        "{} cells: {totals}{changed}. {}",
        index.cells.len(),
        results.join("index.html").display()
    )));
}
