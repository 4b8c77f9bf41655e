//! JSON forms are what their schemas say, judged by a validator of others.

use std::fs;

use crate::common::{evaluate, variables};
use modsmith_core::conf::{Evaluated, ReaderChoice, report::Report};
use modsmith_tests::World;
use modsmith_tests::fixture::Package;
use modsmith_tests::schema::validate;
use modsmith_tests::state::generic;
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

#[test]
fn a_file_is_shown_as_it_is_read_once_its_package_is_added() {
    let world = World::generic();
    let conf = "PATCH[0]=\"$module-$module_version-$kernelver.patch\"\nPOST_ADD=\"${module}.sh $module_version\"";
    world.add_package(&Package::new("named", "1.0").conf(conf));
    fs::write(world.path("etc/dkms/named-1.0.conf"), "STRIP=no\n").expect("writable");
    let kernel = generic();
    let shown = |what: &str| {
        let entries = world.modsmith(&format!("conf {what} -k {kernel} --json")).expect(0).json()["directives"].clone();
        let value =
            |name: &str| entries.as_array().unwrap().iter().find(|e| e["name"] == name).unwrap()["value"].clone();
        [value("PATCH"), value("POST_ADD"), value("STRIP")]
    };
    let expected = [format!("named-1.0-{kernel}.patch"), "named.sh 1.0".to_owned(), "no".to_owned()];
    for what in ["named/1.0", "/usr/src/named-1.0", "/usr/src/named-1.0/dkms.conf"] {
        assert_eq!(shown(what), expected.clone().map(Value::from), "{what}");
    }
}

#[test]
fn a_directive_that_is_empty_is_shown_with_its_default() {
    let world = World::generic();
    let conf = "AUTOINSTALL=\"\"\nNO_WEAK_MODULES=\"\"\nBUILD_DEPENDS_REBUILD=\"\"\nMAKE=\"\"\nDEST_MODULE_NAME[0]=\"\"\n\
                BUILT_MODULE_NAME[1]=second\nDEST_MODULE_LOCATION[1]=/extra\nSTRIP[0]=\"\"\nSTRIP[1]=\"\"";
    world.add_package(&Package::new("empty", "1.0").conf(conf));
    let text = world.modsmith(&format!("conf empty/1.0 -k {}", generic())).expect(0).stdout;
    let line = |label: &str| {
        let found = text.lines().find(|line| line.split("  #").next().is_some_and(|l| l.trim_end() == label));
        found.unwrap_or_else(|| panic!("{label} is not shown: {text}")).to_owned()
    };
    for label in [
        "STRIP=yes",
        "STRIP[1]=yes",
        "AUTOINSTALL=no",
        "NO_WEAK_MODULES=no",
        "BUILD_DEPENDS_REBUILD=no",
        "DEST_MODULE_NAME=empty",
    ] {
        assert!(line(label).ends_with("# default"), "{}", line(label));
    }
    // Without a default it is what the file says.
    assert!(line("MAKE=''").ends_with("# dkms.conf"));
}
