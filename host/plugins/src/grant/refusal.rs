//! Refusals of paths: one sentence each, which names the plugin, the rule, and what to do.

use crate::pattern::{PathPattern, format_location};
use modsmith_facts::Location;

/// The operation on a path that was refused.
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
        format_location(location)
    )
}

pub(in crate::grant) fn passes_a_key(plugin: &str, location: &Location) -> String {
    format!(
        "plugin `{}` may not tell a program of `{}`: a key that it may sign with is an argument only where `[[run]]` \
         of its manifest names it without `*`; ask its author to add such an entry",
        plugin,
        format_location(location)
    )
}

pub(in crate::grant) fn is_own_code(plugin: &str, program: &str) -> String {
    format!(
        "plugin `{plugin}` may not run `{program}`: its manifest lets it write that file, and a program that a plugin \
         can write is its own code; ask its author to let `[write]` name less"
    )
}

pub(in crate::grant) fn leaks(plugin: &str, from: &Location, to: &Location) -> String {
    format!(
        "plugin `{}` may not copy or move `{}` to `{}`: a key that it may sign with stays with the host; \
         report this to its author",
        plugin,
        format_location(from),
        format_location(to)
    )
}

pub(in crate::grant) fn is_denied(plugin: &str, location: &Location, file: &str) -> String {
    format!(
        "plugin `{}` may not touch `{}`: {file} denies it; change that policy to allow it",
        plugin,
        format_location(location)
    )
}

pub(in crate::grant) fn outside(plugin: &str, access: Access, location: &Location, granted: &[PathPattern]) -> String {
    let granted: Vec<String> = granted.iter().map(|p| format!("\"{p}\"")).collect();
    format!(
        "plugin `{}` may not {verb} `{}`: its manifest grants `[{verb}] roots = [{}]`; \
         ask its author to name that path there, or use another plugin",
        plugin,
        format_location(location),
        granted.join(", "),
        verb = access.name(),
    )
}
