//! The JSON form of a report is what its schema says.

mod conf_common;

use conf_common::{evaluate, variables};
use modsmith::conf::{Evaluated, ReaderChoice, report::Report};
use serde_json::Value;

fn schema() -> jsonschema::Validator {
    let text = include_str!("../../docs/reference/conf-schema.json");
    let schema: Value = serde_json::from_str(text).expect("the schema is JSON");
    jsonschema::meta::validate(&schema).expect("the schema is a JSON Schema");
    jsonschema::validator_for(&schema).expect("the schema compiles")
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
    let schema = schema();
    for text in texts {
        let json = json(&read(text));
        let errors: Vec<_> = schema.iter_errors(&json).map(|e| format!("{e} at {}", e.instance_path)).collect();
        assert!(errors.is_empty(), "{text:?}: {errors:?}\n{json:#}");
    }
}

#[test]
fn the_schema_refuses_what_is_not_documented() {
    let schema = schema();
    let mut json = json(&read("PACKAGE_NAME=p\n"));
    json["new"] = true.into();
    assert!(!schema.is_valid(&json));
    json.as_object_mut().unwrap().remove("new");
    assert!(schema.is_valid(&json));
    json["directives"][0]["origin"] = "nowhere".into();
    assert!(!schema.is_valid(&json));
}
