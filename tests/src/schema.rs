//! JSON against the schemas of `docs/reference`, and TOML against those of the author's
//! tools, judged by a validator of others.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::tool;

/// Whether a document is valid; `Err` has the validator's words.
///
/// # Panics
/// When the validator is not installed.
pub fn validate(schema: &str, json: &Value) -> Result<(), String> {
    let schema = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/reference").join(schema);
    validate_all(&schema, std::slice::from_ref(json))
}

/// Whether each line of a text is a valid document; `Err` has the validator's words.
///
/// # Panics
/// When the validator is not installed, or a line is no JSON.
pub fn validate_lines(schema: &str, text: &str) -> Result<Vec<Value>, String> {
    let schema = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/reference").join(schema);
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("no JSON ({e}): {line}"));
    let documents: Vec<Value> = text.lines().map(parse).collect();
    validate_all(&schema, &documents).map(|()| documents)
}

/// Whether all TOML files are valid by a schema of the author's tools; `Err` has the
/// validator's words.
///
/// # Panics
/// When the validator is not installed, or a file cannot be read.
pub fn validate_toml(schema: &str, files: &[PathBuf]) -> Result<(), String> {
    let schema = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../sdk/kit/schemas").join(schema);
    let read = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
    };
    validate_all(&schema, &files.iter().map(read).collect::<Vec<_>>())
}

fn validate_all(schema: &Path, documents: &[Value]) -> Result<(), String> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut validator = Command::new(tool::path("jsonschema"));
    for (number, document) in documents.iter().enumerate() {
        let instance = dir.path().join(format!("{number}.json"));
        std::fs::write(&instance, document.to_string()).expect("just made");
        validator.arg("-i").arg(instance);
    }
    let output = validator.arg(schema).output().expect("it is there");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
