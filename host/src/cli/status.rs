//! The lines of `status`, for people, old scripts and programs.

use serde::Serialize;

use crate::flow::{Annotation, State, StatusLine};

/// The texts that scripts of dkms 3.1.3 and later parse.
pub fn text(line: &StatusLine) -> String {
    let state = match line.state {
        State::Broken => "broken",
        State::Added => "added",
        State::Built => "built",
        State::Installed => "installed",
    };
    let mut out = match &line.target {
        None => format!("{}: {state}", line.id),
        Some(target) => format!("{}, {}, {}: {state}", line.id, target.kernel, target.arch),
    };
    for annotation in &line.annotations {
        out += match annotation {
            Annotation::OriginalsExist => " (Original modules exist)",
            Annotation::ProductsMissing => " (Built modules are missing in the kernel modules folder)",
            Annotation::Differs => " (Differences between built and installed modules)",
        };
    }
    out
}

/// `status --json`; described by `docs/reference/status-schema.json`.
#[derive(Debug, Serialize)]
pub struct StatusDocument<'a> {
    pub schema_version: u32,
    pub packages: Vec<StatusEntry<'a>>,
}

/// One package, for one kernel where it is built.
#[derive(Debug, Serialize)]
pub struct StatusEntry<'a> {
    pub module: &'a str,
    pub version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arch: Option<&'a str>,
    pub state: State,
    pub annotations: &'a [Annotation],
}

impl<'a> StatusDocument<'a> {
    pub fn new(lines: &'a [StatusLine]) -> Self {
        let packages = lines
            .iter()
            .map(|line| StatusEntry {
                module: &line.id.module,
                version: &line.id.version,
                kernel: line.target.as_ref().map(|t| t.kernel.as_str()),
                arch: line.target.as_ref().map(|t| t.arch.as_str()),
                state: line.state,
                annotations: &line.annotations,
            })
            .collect();
        Self { schema_version: 1, packages }
    }
}
