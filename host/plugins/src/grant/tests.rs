//! What a grant lets pass, and what its refusals say.

use super::*;
use modsmith_plan::cms::Digest;
use modsmith_plan::{Bytes, OnFailure, verbs};

fn grant(extra: &str) -> Grant {
    let text = format!("id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"initrd\"]\n{extra}");
    Grant::new("x", &Manifest::parse(&text).unwrap(), &Denials::default()).unwrap()
}

fn location(root: Root, relative: &str) -> Location {
    Location::new(root, relative).unwrap()
}

fn write(location: Location) -> Action {
    Action::WriteFile(verbs::WriteFile { location, contents: Bytes(Vec::new()), mode: 0o644 })
}

fn with_variable(name: &str, arguments: &[&str]) -> Action {
    let arguments = arguments.iter().map(|text| Argument::Text((*text).to_owned())).collect();
    let environment = Environment::Clean(vec![(name.to_owned(), "x".to_owned())]);
    Action::Run(Command { arguments, environment, ..Command::new("tool") })
}

#[test]
fn a_variable_is_set_only_where_the_entry_for_these_arguments_lists_it() {
    let grant = grant(
        "[[run]]\nprogram = \"tool\"\narguments = [\"a\"]\nenvironment = [\"GOOD\"]\n\
         [[run]]\nprogram = \"tool\"\narguments = [\"b\"]\n",
    );
    assert!(grant.permits(&with_variable("GOOD", &["a"])).is_ok());
    for (name, arguments) in [("GOOD", "b"), ("good", "a"), ("PERL5OPT", "a"), ("BASH_FUNC_x%%", "a"), ("", "a")] {
        let message = grant.permits(&with_variable(name, &[arguments])).unwrap_err();
        for part in ["plugin `x`", &format!("`{name}`"), "`environment`", "ask its author"] {
            assert!(message.contains(part), "{message}");
        }
    }
}

#[test]
fn the_callers_environment_is_for_the_hosts_own_programs() {
    let grant = grant("[[run]]\nprogram = \"tool\"\n");
    let command = |environment| Action::Run(Command { environment, ..Command::new("tool") });
    assert!(grant.permits(&command(Environment::Clean(Vec::new()))).is_ok());
    assert!(grant.permits(&command(Environment::Inherited(Vec::new()))).unwrap_err().contains("caller's environment"));
}

const BOOT: &str = "[write]\nroots = [\"boot/img-*\"]\n[read]\nroots = [\"etc\"]\n\
    [[run]]\nprogram = \"tool\"\narguments = [\"-f\", \"*\"]\n";

#[test]
fn nothing_is_granted_that_was_not_asked_for() {
    let grant = grant("");
    assert!(grant.permits(&write(location(Root::Boot, "x"))).is_err());
    assert!(grant.permits(&Action::Run(Command::new("true"))).is_err());
    assert!(grant.permits(&Action::Note(verbs::Note("x".into()))).is_ok());
}

#[test]
fn a_refusal_names_plugin_rule_and_remedy() {
    let message = grant(BOOT).permits(&write(location(Root::Boot, "vmlinuz"))).unwrap_err();
    for part in ["plugin `x`", "boot/vmlinuz", "[write] roots = [\"boot/img-*\"]", "ask its author"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn reading_does_not_grant_writing() {
    let grant = grant(BOOT);
    assert!(grant.permits(&write(location(Root::Etc, "passwd"))).is_err());
    let copy = |from, to| Action::from(verbs::Copy { from, to });
    assert!(grant.permits(&copy(location(Root::Etc, "passwd"), location(Root::Boot, "img-1"))).is_ok());
    assert!(grant.permits(&copy(location(Root::Boot, "img-1"), location(Root::Etc, "passwd"))).is_err());
    assert!(
        grant
            .permits(&verbs::Rename { from: location(Root::Etc, "a"), to: location(Root::Boot, "img-1") }.into())
            .is_err()
    );
}

#[test]
fn a_backup_stays_beside_its_file_and_within_the_grant() {
    let grant = grant(BOOT);
    let back_up =
        |suffix: &str| Action::from(verbs::BackUp { location: location(Root::Boot, "img-1"), suffix: suffix.into() });
    assert!(grant.permits(&back_up(".old")).is_ok());
    assert!(grant.permits(&back_up("/../../x")).is_err());
    assert!(grant.permits(&back_up("")).is_err());
}

#[test]
fn links_stay_in_their_root_unless_the_manifest_names_the_target() {
    let grant = grant("[write]\nroots = [\"modules\"]\nlink-targets = [\"/lib/modules/*/extra/**\"]\n");
    let link = |target: &str| {
        grant.permits(&verbs::Symlink { location: location(Root::Modules, "a/b"), target: target.into() }.into())
    };
    assert!(link("../c/d").is_ok() && link("/lib/modules/6.1/extra/d/x.ko").is_ok());
    for target in ["../../c", "/etc/shadow", "c/../../../d", "", "/lib/modules/6.1/extra/../../../../etc/x"] {
        assert!(link(target).is_err(), "{target}");
    }
}

#[test]
fn steps_of_the_hosts_own_are_not_for_plugins() {
    assert!(
        grant("[write]\nroots = [\"modules\"]\n")
            .permits(&verbs::Expect { files: vec![location(Root::Modules, "x")] }.into())
            .is_err()
    );
}

#[test]
fn programs_run_with_granted_arguments_only() {
    let grant = grant(BOOT);
    let message = grant.permits(&Action::Run(Command::new("tool").arg("-f"))).unwrap_err();
    assert!(message.contains("`tool -f`") && message.contains("`tool -f *`"), "{message}");
    let message = grant.permits(&Action::Run(Command::new("tool").arg("/boot/img"))).unwrap_err();
    assert!(message.contains("`/boot/img` is a path as text") && message.contains("`Path`"), "{message}");
    assert!(grant.permits(&Action::Run(Command::new("tool").arg("-f").arg("y"))).is_ok());
    assert!(grant.permits(&Action::Run(Command::new("other"))).is_err());
}

#[test]
fn a_file_is_run_only_from_the_places_that_the_entry_names() {
    let grant = grant("[[run]]\nprogram = \"sign-file\"\npaths = [\"headers/scripts/sign-file\"]\n");
    let run = |location| grant.permits(&Action::Run(Command { program: Program::At(location), ..Command::new("") }));
    assert!(run(location(Root::Headers, "scripts/sign-file")).is_ok());
    assert!(run(location(Root::Source, "scripts/sign-file")).is_err());
    assert!(run(location(Root::System, "opt/sign-file")).is_err());
}

#[test]
fn the_program_of_a_setting_is_run_with_the_arguments_of_its_own_entries() {
    use crate::settings::{FrameworkSettings, Values};
    use modsmith_facts::{OsRelease, System};
    let text = "id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"initrd\"]\n\
        [[run]]\nprogram = \"a\"\narguments = [\"x\"]\nsetting = \"one\"\n\
        [[run]]\nprogram = \"a\"\narguments = [\"z\"]\nsetting = \"one\"\n\
        [[run]]\nprogram = \"b\"\narguments = [\"y\"]\nsetting = \"two\"\npass = [\"PIN\"]\n\
        [settings]\none = { type = \"string\", default = \"\" }\ntwo = { type = \"string\", default = \"\" }\n";
    let manifest = Manifest::parse(text).unwrap();
    let framework = [("one", "/opt/one"), ("two", "/opt/two")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let framework = FrameworkSettings(framework.into());
    let values = Values::merge(&manifest.settings, &Default::default(), Path::new("/none"), &framework).unwrap();
    let system = System::new("/", OsRelease::default());
    let named = Named::of(&manifest, &values, &system, &system.roots);
    let grant = Arc::new(Grant::new("x", &manifest, &Denials::default()).unwrap()).with(&named);
    let command = |file: &str, argument: &str| Command {
        program: Program::At(location(Root::System, file)),
        ..Command::new("").arg(argument)
    };
    let permits = |file, argument| grant.permits(&Action::Run(command(file, argument)));
    for (file, argument) in [("opt/one", "x"), ("opt/one", "z"), ("opt/two", "y")] {
        assert_eq!(permits(file, argument), Ok(()), "{file} {argument}");
    }
    for (file, argument) in [("opt/one", "y"), ("opt/two", "x"), ("opt/three", "x")] {
        assert!(permits(file, argument).unwrap_err().contains("may not run"), "{file} {argument}");
    }
    assert_eq!(grant.passes(&command("opt/two", "y")), ["PIN"]);
    assert!(grant.passes(&command("opt/one", "x")).is_empty());
}

#[test]
fn what_a_program_is_given_to_read_names_readable_files_only() {
    let grant = grant(BOOT);
    let line_is_allowed = |line: Argument| {
        let command = Command::new("tool").args(["-f", "x"]);
        grant.permits(&Action::Run(Command { input: vec![line], ..command }))
    };
    assert!(line_is_allowed(Argument::Text("anything".into())).is_ok());
    assert!(line_is_allowed(Argument::Location(location(Root::Etc, "passwd"))).is_ok());
    assert!(line_is_allowed(Argument::Location(location(Root::Tree, "mok.key"))).unwrap_err().contains("tree/mok.key"));
}

#[test]
fn a_directory_to_run_in_must_be_readable() {
    let command = Command { directory: Some(location(Root::Boot, "")), ..Command::new("tool") };
    let grant = grant("[[run]]\nprogram = \"tool\"\n");
    assert!(grant.permits(&Action::Run(command)).is_err());
}

#[test]
fn a_policy_takes_away_what_the_manifest_asks_for() {
    let text = format!("id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"initrd\"]\n{BOOT}");
    let denials = Denials::parse("/p/site.toml", "[deny]\nprograms = [\"tool\"]\nroots = [\"boot\"]\n").unwrap();
    let grant = Grant::new("x", &Manifest::parse(&text).unwrap(), &denials).unwrap();
    for action in [Action::Run(Command::new("tool").arg("-f").arg("y")), write(location(Root::Boot, "img-1"))] {
        assert!(grant.permits(&action).unwrap_err().contains("/p/site.toml"));
    }
}

const KEY: &str = "[write]\nroots = [\"tree\"]\n[read]\nroots = [\"tree\"]\n[sign]\nkeys = [\"tree/mok.key*\"]\n";

fn signature(file: Location, key: Location) -> Action {
    let certificate = location(Root::Tree, "mok.pub");
    verbs::AppendCms { file, key, certificate, digest: Digest::Sha256, failure: OnFailure::Warn }.into()
}

#[test]
fn a_granted_key_signs_what_may_be_written_and_no_other_does() {
    let (module, key) = (location(Root::Tree, "m/1/build/a.ko"), location(Root::Tree, "mok.key"));
    assert_eq!(grant(KEY).permits(&signature(module.clone(), key.clone())), Ok(()));
    let refusal = grant(KEY).permits(&signature(module.clone(), location(Root::Tree, "other.key"))).unwrap_err();
    assert!(refusal.contains("may not sign with `tree/other.key`") && refusal.contains("[sign] keys"), "{refusal}");
    assert!(grant(KEY).permits(&signature(location(Root::Boot, "a.ko"), key.clone())).is_err());
    assert!(grant(&KEY.replace("[sign]\nkeys", "[sign]\n#")).permits(&signature(module, key)).is_err());
}

#[test]
fn a_key_to_sign_with_is_neither_read_nor_copied_nor_moved_where_it_could_be() {
    let (grant, key) = (grant(KEY), location(Root::Tree, "mok.key"));
    assert_eq!(grant.may_look_at(&key), Ok(()));
    assert!(grant.may_read(&key).unwrap_err().contains("stays with the host"));
    let to = |name: &str| location(Root::Tree, name);
    assert!(grant.permits(&verbs::Copy { from: key.clone(), to: to("copy") }.into()).is_err());
    assert!(grant.permits(&verbs::Rename { from: key.clone(), to: to("copy") }.into()).is_err());
    // Making a pair ends so.
    assert_eq!(grant.permits(&verbs::Rename { from: to("mok.key.new"), to: key.clone() }.into()), Ok(()));
    assert!(
        grant.permits(&verbs::BackUp { location: location(Root::Tree, ""), suffix: ".old".into() }.into()).is_err()
    );
    assert_eq!(grant.permits(&verbs::BackUp { location: key, suffix: ".old".into() }.into()), Ok(()));
}

#[test]
fn a_variable_reaches_only_the_program_and_arguments_that_its_entry_names() {
    let grant =
        grant("[[run]]\nprogram = \"sign\"\narguments = [\"*\"]\npass = [\"PIN\"]\n[[run]]\nprogram = \"sign\"\n");
    let with = Command::new("sign").arg("x");
    assert_eq!(grant.passes(&with), ["PIN"]);
    assert_eq!(grant.passes(&Command::new("sign")), <[String; 0]>::default());
    let passing = |command: Command| Action::Run(Command { pass: vec!["PIN".into()], ..command });
    assert_eq!(grant.permits(&passing(with)), Ok(()));
    assert!(grant.permits(&passing(Command::new("sign"))).is_err());
}
