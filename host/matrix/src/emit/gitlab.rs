//! A pipeline of GitLab.

use std::fmt::Write;

use serde_json::json;

use super::{Job, fill, quoted};

/// The most jobs of one `parallel: matrix`. Source: docs.gitlab.com, "CI/CD YAML syntax reference".
const MOST: usize = 200;

/// One job with a matrix for each 200 cells, and a job that makes the index.
pub(super) fn emit(job: &Job<'_>) -> Result<String, String> {
    let texts = [job.file, job.results].into_iter().chain(job.image);
    if let Some(text) = texts.into_iter().find(|text| text.contains('$')) {
        return Err(format!("A pipeline cannot name `{text}`, which would be a variable."));
    }
    let indices = job.indices();
    let mut parts = String::new();
    let mut needs = String::new();
    for (number, part) in indices.chunks(MOST).enumerate() {
        let list: Vec<String> = part.iter().map(ToString::to_string).collect();
        let name = format!("cells-{number}");
        let values =
            [("NAME", name.as_str()), ("INDICES", &json!(list).to_string()), ("OPTIONS", &job.shell_options())];
        let _ = writeln!(parts, "{}\n", fill(include_str!("gitlab_cells.in"), &values).trim_end());
        let _ = writeln!(needs, "    - job: {name}\n      artifacts: true");
    }
    let values = [
        ("MATRIX", quoted(job.file)),
        ("RESULTS", quoted(job.results)),
        ("IMAGE", job.image.map(|image| format!("default:\n  image: {}\n", quoted(image))).unwrap_or_default()),
        ("CELLS", parts.trim_end().to_owned()),
        ("NEEDS", needs.trim_end().to_owned()),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Ok(fill(include_str!("gitlab.in"), &values))
}
