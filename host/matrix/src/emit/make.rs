//! A makefile: `make -f FILE -k -j`.

use std::fmt::Write;

use super::{Job, fill, shell_word};

/// A target for each cell, named after it.
pub(super) fn emit(job: &Job<'_>) -> Result<String, String> {
    let options = job.shell_options();
    let texts = [job.file, job.results, options.as_str()];
    if let Some(text) = texts.iter().find(|text| text.contains(['\n', '\r', '#'])) {
        return Err(format!("A makefile cannot name `{}`.", text.trim()));
    }
    let mut cells = String::new();
    let mut names = Vec::new();
    for cell in job.matrix.to_run() {
        let target = cell.name.replace('~', "_tilde_");
        let _ = writeln!(cells, "{target}:\n\t$(CELL) --index {}; $(DONE)\n", cell.index);
        names.push(target);
    }
    let dollars = |text: &str| text.replace('$', "$$");
    let values = [
        ("CELLS", names.join(" \\\n\t").as_str()),
        ("MATRIX", &dollars(&shell_word(job.file))),
        ("RESULTS", &dollars(&shell_word(job.results))),
        ("OPTIONS", &dollars(&options)),
        ("RULES", cells.trim_end()),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Ok(fill(include_str!("make.in"), &values))
}
