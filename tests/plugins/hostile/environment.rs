//! Variables and arguments by which a granted program would do something else.

use super::guest::{Body, manifest_of};
use super::setting::{Setting, assert_names};
use modsmith_plugins::Administration;

fn granting(body: &Body, grant: &str) -> Setting {
    let text = manifest_of("initrd", &format!("[[run]]\nprogram = \"tool\"\n{grant}"));
    Setting::of(&modsmith_kit::build::embed(&body.component(), &text))
}

#[test]
fn variables_that_the_manifest_does_not_list_cannot_be_set() {
    // All of these made a program run the plugin's code, or may do so tomorrow.
    for name in ["PERL5OPT", "BASH_FUNC_x%%", "LD_PRELOAD", "SOURCE_DATE_EPOCH", "A=B", ""] {
        let body = Body::new().run_with("tool", &["--version"], &[(name, "x")]);
        let setting = granting(&body, "arguments = [\"--version\"]\nenvironment = [\"OTHER\"]\n");
        assert_names(&setting.failure(), &["`hostile`", &format!("`{name}`"), "`environment`", "ask its author"]);
    }
}

#[test]
fn a_variable_that_the_manifest_lists_is_set() {
    let body = Body::new().run_with("tool", &["--version"], &[("OTHER", "x")]);
    let (answer, steps) = granting(&body, "arguments = [\"--version\"]\nenvironment = [\"OTHER\"]\n").refresh();
    assert!(answer.is_ok());
    let modsmith_plan::Action::Run(command) = &steps[0] else { panic!("{steps:?}") };
    let expected = modsmith_plan::Environment::Clean(vec![("OTHER".to_owned(), "x".to_owned())]);
    assert_eq!(command.environment, expected);
}

#[test]
fn a_manifest_cannot_list_what_is_no_variable() {
    let message = granting(&Body::new(), "environment = [\"BASH_FUNC_x%%\"]\n").problem();
    assert_names(&message, &["hostile.wasm", "run.environment", "BASH_FUNC_x%%", "no name of a variable"]);
}

#[test]
fn a_variable_by_which_code_is_loaded_is_shown_as_that() {
    let grant = "environment = [\"SOURCE_DATE_EPOCH\", \"PERL5OPT\"]\n";
    let inspection = Administration(&granting(&Body::new(), grant).open()).inspect("hostile").unwrap();
    let shown = inspection.to_string();
    let line = shown.lines().find(|line| line.contains("sets")).expect("a line for the variables");
    assert!(line.ends_with("SOURCE_DATE_EPOCH, PERL5OPT (loads code: may do anything)"), "{shown}");
    assert_eq!(inspection.loads_code, ["tool: PERL5OPT"]);
}

#[test]
fn a_probe_and_a_program_that_run_their_input_are_shown_as_that() {
    let grant = "arguments = [\"*\"]\n[[run]]\nprogram = \"perl5.36\"\n\
        [[probe]]\nname = \"a\"\nprogram = \"sh\"\narguments = [\"-c\", \"id\"]\n\
        [[probe]]\nname = \"b\"\nprogram = \"cat\"\narguments = [\"/etc/x\"]\n";
    let inspection = Administration(&granting(&Body::new(), grant).open()).inspect("hostile").unwrap();
    assert_eq!(inspection.executes_input, ["perl5.36", "sh"]);
    let shown = inspection.to_string();
    let marked: Vec<&str> = shown.lines().filter(|line| line.contains("executes its input")).map(str::trim).collect();
    assert_eq!(marked.len(), 2, "{shown}");
    assert!(marked[1].starts_with("asks") && marked[1].contains("sh -c id"), "{shown}");
}

#[test]
fn what_can_be_made_to_run_other_code_is_shown_as_that() {
    let marks = |grant: &str| {
        let inspection = Administration(&granting(&Body::new(), grant).open()).inspect("hostile").unwrap();
        let shown = inspection.to_string();
        let marked = shown.lines().filter(|line| line.contains("may do anything)"));
        let marks: Vec<String> = marked.filter_map(|line| Some(line.split_once(" (")?.1.to_owned())).collect();
        (marks, inspection.executes_input, inspection.loads_code)
    };
    for (grant, mark) in [
        ("paths = [\"usr/bin/dash\"]\narguments = [\"*\"]\n", "executes its input: may do anything)"),
        ("paths = [\"usr/lib/*/perl5.36-x86_64-linux-gnu\"]\n", "executes its input: may do anything)"),
        ("paths = [\"usr/lib/x/*\"]\n", "any program that fits a place: may do anything)"),
        ("arguments = [\"-x\", \"[-]**\"]\n", "takes any option: may do anything)"),
    ] {
        assert_eq!(marks(grant), (vec![mark.to_owned()], vec!["tool".to_owned()], Vec::new()), "{grant}");
    }
    for (variable, mark) in [
        ("TAR_OPTIONS", "loads code: may do anything)"),
        ("RPM_CONFIGDIR", "not known to be harmless: may do anything)"),
    ] {
        let (marks, _, loading) = marks(&format!("environment = [\"LC_ALL\", \"{variable}\"]\n"));
        assert_eq!((marks, loading), (vec![mark.to_owned()], vec![format!("tool: {variable}")]));
    }
    assert!(marks("arguments = [\"-f\", \"boot/*\", \"*\"]\nenvironment = [\"LC_ALL\"]\n").0.is_empty());
}

#[test]
fn a_program_that_the_plugin_could_write_is_no_part_of_a_manifest() {
    let message = granting(&Body::new(), "paths = [\"etc/evil-*\"]\n[write]\nroots = [\"etc/evil-*\"]\n").problem();
    assert_names(&message, &["hostile.wasm", "`run.paths`", "`etc/evil-*`", "may not run what it can write"]);
}

#[test]
fn a_name_that_begins_with_a_dash_is_no_name_to_a_pattern() {
    let failure = |argument: &str, pattern: &str| {
        granting(&Body::new().run("tool", &[argument]), &format!("arguments = [\"{pattern}\"]\n")).refresh().0.err()
    };
    for pattern in ["*", "*=*", "**"] {
        let error = failure("--command=evil", pattern).unwrap_or_else(|| panic!("`{pattern}` let an option pass"));
        assert_names(&error.to_string(), &["`hostile`", "`tool --command=evil`", pattern]);
        assert!(failure("a=b", pattern).is_none(), "{pattern}");
    }
    for pattern in ["[-]*", "[-]**", "-*"] {
        assert!(failure("--command=good", pattern).is_none(), "{pattern}");
    }
}
