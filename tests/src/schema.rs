//! JSON against the schemas of `docs/reference`, judged by a validator of
//! others.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::tool;

/// Whether a document is valid; `Err` has the validator's words.
///
/// # Panics
/// When the validator is not installed.
pub fn validate(schema: &str, json: &Value) -> Result<(), String> {
    let schema = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/reference").join(schema);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let instance = dir.path().join("instance.json");
    std::fs::write(&instance, json.to_string()).expect("just made");
    let output =
        Command::new(tool::path("jsonschema")).arg("-i").args([&instance, &schema]).output().expect("it is there");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
