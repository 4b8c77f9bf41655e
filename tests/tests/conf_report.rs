//! JSON forms are what their schemas say, judged by a validator of others.

mod conf_common;

use conf_common::{evaluate, variables};
use modsmith::conf::{Evaluated, ReaderChoice, report::Report};
use modsmith_tests::schema::validate;
use serde_json::Value;

const SCHEMA: &str = "conf-schema.json";

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
        validate(SCHEMA, &json).unwrap_or_else(|why| panic!("{text:?}: {why}\n{json:#}"));
    }
}

#[test]
fn the_schema_refuses_what_is_not_documented() {
    let mut json = json(&read("PACKAGE_NAME=p\n"));
    json["new"] = true.into();
    assert!(validate(SCHEMA, &json).is_err());
    json.as_object_mut().unwrap().remove("new");
    validate(SCHEMA, &json).unwrap();
    json["directives"][0]["origin"] = "nowhere".into();
    assert!(validate(SCHEMA, &json).is_err());
}
