//! Refusals of paths: one sentence each, which names the plugin, the rule, and what to do.

use crate::pattern::{PathPattern, spelled};
use modsmith_facts::Location;

/// What is done to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::grant) enum Access {
    Read,
    Write,
}

impl Access {
    pub(in crate::grant) fn name(self) -> &'static str {
        match self {
            Access::Read => "read",
            Access::Write => "write",
        }
    }
}

pub(in crate::grant) fn is_a_key(plugin: &str, location: &Location) -> String {
    format!(
        "plugin `{}` may not read `{}`: a key that it may sign with stays with the host; report this to its author",
        plugin,
        spelled(location)
    )
}

pub(in crate::grant) fn leaks(plugin: &str, from: &Location, to: &Location) -> String {
    format!(
        "plugin `{}` may not copy or move `{}` to `{}`: a key that it may sign with stays with the host; \
         report this to its author",
        plugin,
        spelled(from),
        spelled(to)
    )
}

pub(in crate::grant) fn is_denied(plugin: &str, location: &Location, file: &str) -> String {
    format!(
        "plugin `{}` may not touch `{}`: {file} denies it; change that policy to allow it",
        plugin,
        spelled(location)
    )
}

pub(in crate::grant) fn outside(plugin: &str, access: Access, location: &Location, granted: &[PathPattern]) -> String {
    let granted: Vec<String> = granted.iter().map(|p| format!("\"{p}\"")).collect();
    format!(
        "plugin `{}` may not {verb} `{}`: its manifest grants `[{verb}] roots = [{}]`; \
         ask its author to name that path there, or use another plugin",
        plugin,
        spelled(location),
        granted.join(", "),
        verb = access.name(),
    )
}
