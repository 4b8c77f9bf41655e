//! The names of the files that plugins and their cases consist of.

/// The manifest of a plugin with code.
pub const MANIFEST: &str = "plugin.toml";
/// The values of a table.
pub const POLICY: &str = "policy.toml";
/// The facts of a case.
pub const FACTS: &str = "facts.toml";
/// The expected answer of a case.
pub const PLAN: &str = "expected.plan";
/// The expected refusal of a case: there is this, or [`PLAN`].
pub const REFUSAL: &str = "error.txt";
