//! Rights to start programs, as text.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::manifest::{Probe, Run};

/// A `[[run]]` entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RunRight {
    pub program: String,
    #[serde(default)]
    pub arguments: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pass: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub or_here: bool,
}

/// A `[[probe]]` entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeRight {
    pub program: String,
    #[serde(default)]
    pub arguments: Vec<String>,
}

impl RunRight {
    /// Whether this entry permits all calls that the other one permits.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let all = |own: &[String], other: &[String]| other.iter().all(|name| own.contains(name));
        self.program == other.program
            && self.arguments == other.arguments
            && other.paths.iter().all(|path| self.paths.iter().any(|own| is_within(own, path)))
            && (other.setting.is_none() || self.setting == other.setting)
            && all(&self.environment, &other.environment)
            && all(&self.pass, &other.pass)
            && (self.or_here || !other.or_here)
    }
}

impl fmt::Display for RunRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(format!("{} {}", self.program, self.arguments.join(" ")).trim_end())?;
        let mut list = |words: &str, names: &[String]| {
            if names.is_empty() { Ok(()) } else { write!(f, ", {words} {}", names.join(" ")) }
        };
        list("found at", &self.paths)?;
        list("named by the setting", self.setting.as_slice())?;
        list("sets", &self.environment)?;
        list("passed", &self.pass)?;
        if self.or_here { f.write_str(", or this machine's") } else { Ok(()) }
    }
}

impl From<&Run> for RunRight {
    fn from(run: &Run) -> Self {
        Self {
            program: run.program.clone(),
            arguments: run.arguments.clone().into(),
            paths: run.paths.iter().map(ToString::to_string).collect(),
            setting: run.setting.clone(),
            environment: run.environment.clone(),
            pass: run.pass.clone(),
            or_here: run.or_here,
        }
    }
}

impl From<&Probe> for ProbeRight {
    fn from(probe: &Probe) -> Self {
        Self { program: probe.program.clone(), arguments: probe.arguments.clone() }
    }
}

/// Whether a pattern is another one, or a directory above all that it matches. A
/// pattern grants everything below what it matches.
pub(super) fn is_within(outer: &str, inner: &str) -> bool {
    let (outer, inner) = (outer.trim_end_matches('/'), inner.trim_end_matches('/'));
    let plain = !outer.contains(['*', '?', '[', '{', '\\']);
    outer == inner || (plain && inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/')))
}
