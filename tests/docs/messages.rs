//! The page of messages has each error that the programs know, with its exit code.

use std::collections::BTreeMap;

use modsmith_tests::paths;
use modsmith_tests::schema::validate;
use modsmith_tests::world::World;

/// By id, the exit code as the page writes it.
type Codes = BTreeMap<String, String>;

fn documented() -> Codes {
    let path = paths::checkout().join("docs/reference/messages.md");
    let text = std::fs::read_to_string(&path).expect("the page is there");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut codes = Codes::new();
    for row in rows {
        let columns: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
        let [id, code, _, _] = columns[..] else { panic!("{row:?} has not four columns") };
        let known = codes.insert(id.trim_end_matches('`').to_owned(), code.to_owned());
        assert_eq!(known, None, "`{id} is there twice");
    }
    codes
}

fn known() -> Codes {
    let own = modsmith::ids().into_iter();
    let kit = modsmith_kit::error::IDS.into_iter();
    // Both programs use this function.
    let kit = kit.map(|(id, kind)| (id, Some(modsmith::exit_code(kind.into()))));
    own.chain(kit)
        .map(|(id, code)| (id.to_owned(), code.map_or("its own".to_owned(), |code| code.to_string())))
        .collect()
}

#[test]
fn every_id_is_explained_with_its_exit_code_and_the_other_way_round() {
    assert_eq!(documented(), known());
}

#[test]
fn an_error_is_json_for_whoever_asked_for_json() {
    let world = World::generic();
    for (line, code, id) in [
        ("log nosuch/1.0 --json", 3, "not-in-tree"),
        ("log --json", 1, "usage"),
        ("status --json --nosuch", 2, "unknown-option"),
        ("status -k --json", 16, "kernel-or-arch-empty"),
        ("build nosuch/1.0 -k 1.0 --quiet --json", 2, "source-missing"),
        ("plugin inspect nosuch --json", 1, "plugin-unknown"),
        ("conf nosuch --json", 1, "usage"),
        ("nosuch --json", 1, "usage"),
        // `modsmith-plugin` writes this document.
        ("plugin test nosuch --json", 1, "plugin-source-missing"),
    ] {
        let output = world.modsmith(line).expect(code);
        let json = output.json();
        validate("error-schema.json", &json).unwrap_or_else(|why| panic!("{line}: {why}"));
        assert_eq!((json["error"]["id"].as_str(), json["error"]["exit_code"].as_i64()), (Some(id), Some(code.into())));
        assert!(output.stderr.starts_with("error: "), "{line}: {}", output.stderr);
    }
}

#[test]
fn a_document_that_is_shown_all_the_same_has_its_error_as_a_member() {
    let world = World::generic();
    let plan = world.modsmith("build nosuch/1.0 -k 1.0 --dry-run --json").expect(2).json();
    validate("plan-schema.json", &plan).unwrap();
    assert_eq!(
        (plan["plans"].as_array().map(Vec::len), plan["error"]["id"].as_str()),
        (Some(0), Some("source-missing"))
    );
    world.write("invalid.conf", "PACKAGE_NAME=\"x\"\n");
    let conf = world.modsmith(&format!("conf {} --json", world.path("invalid.conf").display())).expect(8).json();
    validate("conf-schema.json", &conf).unwrap();
    assert_eq!(conf["error"]["id"], "conf-invalid");
    assert!(!conf["error"]["details"].as_array().unwrap().is_empty());
}

#[test]
fn as_dkms_nothing_is_said_of_an_error_on_standard_output() {
    let world = World::generic();
    assert_eq!(world.dkms("build nosuch/1.0 -k 1.0 --json").expect(2).stdout, "");
    let plan = world.dkms("build nosuch/1.0 -k 1.0 --dry-run --json").expect(2).json();
    assert_eq!(plan.get("error"), None);
}
