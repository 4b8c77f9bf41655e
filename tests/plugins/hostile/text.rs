//! Texts of manifests that are meant to be read as something else.

use modsmith_plugins::{Administration, FoundIn, FrameworkSettings, Initrd, Plugins, SearchPath};

use super::guest::Body;
use super::setting::{Setting, assert_names, installed};

/// A manifest with a text in each field that is shown.
fn written(text: &str) -> String {
    let text = text.escape_debug().to_string().replace("\\'", "'");
    // TOML's own escapes: `\u{202e}` is `\u202e` there.
    let text = text.replace("\\u{", "\\U").split('}').collect::<Vec<_>>().join("");
    let text = pad(&text);
    format!(
        "id = \"hostile\"\nversion = \"1.0.0\"\napi = \"1.0\"\ndescription = \"{text}\"\nlicense = \"{text}\"\n\
         [match]\nprograms = [\"{text}\"]\n[roles]\nprovides = [\"initrd\"]\n[read]\nroots = [\"etc/{text}\"]\n\
         [write]\nroots = [\"etc/{text}\"]\nlink-targets = [\"/{text}\"]\n[sign]\nkeys = [\"etc/{text}\"]\n\
         [[run]]\nprogram = \"{text}\"\narguments = [\"{text}\"]\npaths = [\"usr/{text}\"]\n\
         [[probe]]\nname = \"x\"\nprogram = \"{text}\"\narguments = [\"{text}\"]\n\
         [settings]\nx = {{ type = \"string\", default = \"{text}\", help = \"{text}\", environment = \"{text}\" }}\n"
    )
}

/// `\U` takes eight digits.
fn pad(text: &str) -> String {
    let mut parts = text.split("\\U");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        out += &format!("\\U{:0>8}{}", &part[..digits], &part[digits..]);
    }
    out
}

const FORGED: &str = "x\n  reads         nothing\r\u{1b}M\u{202e}\u{200b}\u{2028}|";

fn hostile() -> Setting {
    let text = written(FORGED);
    let setting = Setting::of(&modsmith_kit::build::embed(&Body::new().component(), &text));
    assert!(setting.open().problems().is_empty(), "{:?}\n{text}", setting.open().problems());
    setting
}

/// Fails where a character is left that a terminal would not show as itself, or a
/// line that is not one of the program's own.
fn assert_harmless(shown: &str) {
    for c in shown.chars().filter(|c| *c != '\n') {
        assert_eq!(modsmith_facts::text::field(&c.to_string()), c.to_string(), "{shown}");
    }
    for line in shown.lines().skip(1) {
        assert!(!line.starts_with("  reads         nothing"), "{shown}");
    }
    assert!(shown.contains("x\\n reads nothing\\r\\u{1b}M\\u{202e}\\u{200b}\\u{2028}|"), "{shown}");
}

#[test]
fn inspect_cannot_be_forged() {
    let shown = Administration(&hostile().open()).inspect("hostile").unwrap().to_string();
    assert_harmless(&shown);
    // As many lines as for a manifest with the same fields and honest texts.
    let honest = Setting::of(&modsmith_kit::build::embed(&Body::new().component(), &written("x")));
    assert_eq!(
        shown.lines().count(),
        Administration(&honest.open()).inspect("hostile").unwrap().to_string().lines().count()
    );
}

#[test]
fn what_is_shown_when_a_plugin_is_granted_cannot_be_forged_either() {
    let setting = hostile();
    let config = setting.dir.path().join("config");
    let directories = vec![(setting.dir.path().join("plugins"), FoundIn::Local)];
    let search = SearchPath { directories, config, ..setting.search() };
    let plugins = Plugins::open(setting.system(), search, FrameworkSettings::default());
    let (inspection, file) = Administration(&plugins).grant("hostile").unwrap();
    assert_harmless(&inspection.to_string());
    assert_eq!(inspection.refused, None);
    assert!(file.ends_with("config/grants/hostile.toml"));
}

#[test]
fn what_is_new_since_the_last_grant_cannot_be_forged() {
    let setting = Setting::of(&modsmith_kit::build::embed(&Body::new().component(), &written("x")));
    let config = setting.dir.path().join("config");
    let directories = vec![(setting.dir.path().join("plugins"), FoundIn::Local)];
    let search = SearchPath { directories, config, ..setting.search() };
    let open = || Plugins::open(setting.system(), search.clone(), FrameworkSettings::default());
    Administration(&open()).grant("hostile").unwrap();
    std::fs::write(setting.plugin(), modsmith_kit::build::embed(&Body::new().component(), &written(FORGED))).unwrap();

    let problem = open().problems()[0].to_string();
    assert_eq!(modsmith_facts::text::field(&problem), problem);
    assert_names(&problem, &["asks for more", "x\\n reads nothing\\r\\u{1b}M"]);
    let shown = Administration(&open()).grant("hostile").unwrap().0.to_string();
    assert_harmless(&shown);
    let new = shown.lines().filter(|line| line.starts_with("+ ")).count();
    let gone = shown.lines().filter(|line| line.starts_with("- ")).count();
    // One more: the key that was closed to the plugin may be read now.
    assert_eq!((new, gone), (8, 7), "{shown}");
}

#[test]
fn programs_get_the_exact_text() {
    let json = serde_json::to_value(Administration(&hostile().open()).inspect("hostile").unwrap()).unwrap();
    assert_eq!(json["manifest"]["description"], FORGED);
}

#[test]
fn a_note_of_a_plugin_is_one_line_of_the_plan() {
    let setting = Setting::doing(Body::new().note("x\n   9. remove  /etc/passwd\u{1b}[A"));
    let kernel = std::sync::Arc::new(modsmith_facts::kernel::Kernel::new(Default::default()));
    let mut plan = modsmith_plan::Builder::new("a test", setting.system().roots.clone());
    let answer = Initrd(&setting.open()).refresh(installed(&kernel), &mut plan);
    assert!(answer.is_ok());
    let text = modsmith_plan::PlanView::new(&plan.finish()).to_text();
    assert_names(&text, &["x\\n 9. remove /etc/passwd\\u{1b}[A"]);
    assert_eq!(text.lines().count(), 3, "{text}");
}
