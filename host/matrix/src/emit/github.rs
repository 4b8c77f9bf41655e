//! A workflow of GitHub Actions.

use std::fmt::Write;

use serde_json::json;

use super::{Job, fill, quoted};

/// The most jobs of one matrix. Source: docs.github.com, "Actions limits".
const MOST: usize = 256;

/// One matrix of jobs for each 256 cells, and a job that makes the index.
pub(super) fn emit(job: &Job<'_>) -> Result<String, String> {
    let texts = [job.file, job.results].into_iter().chain(job.options.iter().map(String::as_str)).chain(job.image);
    if let Some(text) = texts.into_iter().find(|text| text.contains("${{")) {
        return Err(format!("A workflow cannot name `{text}`, which would be an expression."));
    }
    let cells: Vec<_> = job.matrix.to_run().collect();
    let mut parts = String::new();
    let mut names = Vec::new();
    for (number, part) in cells.chunks(MOST).enumerate() {
        let include: Vec<String> = part
            .iter()
            .map(|cell| format!("          - {}", json!({"index": cell.index, "name": cell.name})))
            .collect();
        let container = job.image.map(|image| format!("    container: {}\n", quoted(image))).unwrap_or_default();
        let name = format!("cells-{number}");
        let values = [
            ("NAME", name.as_str()),
            ("CONTAINER", &container),
            ("INCLUDE", &include.join("\n")),
            ("OPTIONS", &job.shell_options()),
        ];
        let _ = writeln!(parts, "{}", fill(include_str!("github_cells.in"), &values).trim_end());
        names.push(name);
    }
    let values = [
        ("MATRIX", quoted(job.file)),
        ("RESULTS", quoted(job.results)),
        ("CELLS", parts.trim_end().to_owned()),
        ("NEEDS", json!(names).to_string()),
        ("CONTAINER", job.image.map(|image| format!("    container: {}\n", quoted(image))).unwrap_or_default()),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Ok(fill(include_str!("github.in"), &values))
}
