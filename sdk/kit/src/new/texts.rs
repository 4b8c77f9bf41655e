//! The texts of new plugins. Files below `templates/` are ordinary text, so that a change of
//! the interface or of the SDK is a change of these files only.

pub const README: &str = template!("README.md");
pub const CI: &str = template!("ci.sh");
pub const CARGO: &str = template!("rust/Cargo.toml");
pub const BUILD_C: &str = template!("c/build.sh");
pub const BUILD_ZIG: &str = template!("zig/build.sh");
pub const BUILD_GO: &str = template!("go/build.sh");
pub const GO_MOD: &str = template!("go/go.mod");
pub const BUILD_PYTHON: &str = template!("python/build.sh");
pub const BUILD_JAVASCRIPT: &str = template!("javascript/build.sh");
pub const COMPONENTIZE: &str = template!("javascript/componentize.mjs");
pub const PACKAGE_JSON: &str = template!("javascript/package.json");
/// Schemas, by which editors complete and check the files.
pub const PLUGIN_SCHEMA: &str = include_str!("../../schemas/plugin.json");
pub const POLICY_SCHEMA: &str = include_str!("../../schemas/policy.json");
pub const FACTS_SCHEMA: &str = include_str!("../../schemas/facts.json");
/// The beginning of every plugin.toml.
pub const HEAD: &str = template!("manifest/head.toml");
/// The end of a plugin.toml with a build command.
pub const BUILD: &str = template!("manifest/build.toml");
/// The tools that have to be installed.
pub const NEEDS_RUST: &str = template!("rust/needs.md");
pub const NEEDS_C: &str = template!("c/needs.md");
pub const NEEDS_ZIG: &str = template!("zig/needs.md");
pub const NEEDS_GO: &str = template!("go/needs.md");
pub const NEEDS_PYTHON: &str = template!("python/needs.md");
pub const NEEDS_JAVASCRIPT: &str = template!("javascript/needs.md");
pub const NEEDS_TABLE: &str = template!("table/needs.md");
