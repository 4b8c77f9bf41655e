//! JSON forms are what their schemas say, judged by a validator of others.

mod conf_common;

use std::path::PathBuf;
use std::process::Command;

use conf_common::{evaluate, variables};
use modsmith::conf::{Evaluated, ReaderChoice, report::Report};
use serde_json::Value;

/// Whether a document is valid, and what the validator says.
fn validate(json: &Value) -> (bool, String) {
    let schema = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/conf-schema.json");
    let dir = tempfile::tempdir().unwrap();
    let instance = dir.path().join("report.json");
    std::fs::write(&instance, json.to_string()).unwrap();
    let output = Command::new("/usr/bin/jsonschema")
        .arg("-i")
        .args([&instance, &schema])
        .output()
        .expect("the validator is there: apt-get install python3-jsonschema");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn read(text: &str) -> Evaluated {
    let dir = tempfile::tempdir().unwrap();
    let conf = dir.path().join("dkms.conf");
    std::fs::write(&conf, text).unwrap();
    evaluate(&conf, &variables(), ReaderChoice::Auto, 20).unwrap()
}

fn json(evaluated: &Evaluated) -> Value {
    serde_json::to_value(Report::new(evaluated, "6.1.0-56-amd64", "x86_64")).unwrap()
}

#[test]
fn reports_of_all_sorts_are_valid() {
    let texts = [
        "",
        "PACKAGE_NAME=p\nPATCH[7]=x\n",
        "PACKAGE_NAME=$(echo p)\necho complaint >&2\n",
        "exit\n",
        "MODULE_NAME=old\nMAKE='é'\n",
    ];
    for text in texts {
        let json = json(&read(text));
        let (valid, why) = validate(&json);
        assert!(valid, "{text:?}: {why}\n{json:#}");
    }
}

#[test]
fn the_schema_refuses_what_is_not_documented() {
    let mut json = json(&read("PACKAGE_NAME=p\n"));
    json["new"] = true.into();
    assert!(!validate(&json).0);
    json.as_object_mut().unwrap().remove("new");
    assert!(validate(&json).0);
    json["directives"][0]["origin"] = "nowhere".into();
    assert!(!validate(&json).0);
}
