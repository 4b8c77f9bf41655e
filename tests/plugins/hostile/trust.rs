//! Files that others could have written, and plugins that nobody granted.

use std::os::unix::fs::PermissionsExt;

use modsmith_plan::{Action, verbs};
use modsmith_plugins::{Administration, Answer, FoundIn, FrameworkSettings, Plugins, SearchPath};

use super::guest::{Body, GRANT, manifest_text};
use super::setting::{Setting, assert_names, refresh};

#[test]
fn a_plugin_file_that_others_can_write_is_refused() {
    let setting = Setting::doing(Body::new());
    std::fs::set_permissions(setting.plugin(), std::fs::Permissions::from_mode(0o666)).unwrap();
    assert_names(&setting.problem(), &["hostile.wasm", "writable by others", "chmod go-w"]);
}

#[test]
fn a_plugin_directory_that_others_can_write_is_refused() {
    let setting = Setting::doing(Body::new());
    let dir = setting.dir.path().join("plugins");
    std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o777)).unwrap();
    assert_names(&setting.problem(), &["plugins", "writable by others", "chmod go-w"]);
}

#[test]
fn a_plugin_from_outside_the_packages_does_nothing_until_it_is_granted() {
    let setting = Setting::doing(Body::new().note("hello"));
    let search = || {
        let config = setting.dir.path().join("config");
        SearchPath {
            directories: vec![(setting.dir.path().join("plugins"), FoundIn::Local)],
            config,
            ..setting.search()
        }
    };
    let open = || Plugins::open(setting.system(), search(), FrameworkSettings::default());
    let refused = open();
    assert_names(
        &refused.problems()[0].to_string(),
        &["`hostile`", "not been granted", "modsmith plugin grant hostile"],
    );
    assert_eq!(refresh(&refused, &setting.system()).0.unwrap(), Answer::Unsupported(Vec::new()));

    Administration(&refused).grant("hostile").unwrap();
    assert_eq!(refresh(&open(), &setting.system()).1.len(), 1);

    // A file with other contents is another plugin.
    let other = modsmith_kit::build::embed(&Body::new().note("other").component(), &manifest_text(GRANT));
    std::fs::write(setting.plugin(), other).unwrap();
    assert_names(&open().problems()[0].to_string(), &["changed since it was granted", "modsmith plugin grant hostile"]);
}

#[test]
fn a_plugin_that_the_policy_denies_is_not_used() {
    let setting = Setting::doing(Body::new());
    let policy = setting.search().config.join("policy.d");
    std::fs::create_dir_all(&policy).unwrap();
    std::fs::write(policy.join("site.toml"), "[deny]\nplugins = [\"hostile\"]\n").unwrap();
    assert_names(&setting.problem(), &["`hostile`", "site.toml", "change that policy"]);
}

#[test]
fn a_compiled_plugin_of_another_version_is_a_miss_and_made_again() {
    let setting = Setting::doing(Body::new().note("hello"));
    assert!(setting.refresh().0.is_ok());
    let file = setting.compiled();
    let good = std::fs::read(&file).unwrap();

    // The engine's major version, with its length before it.
    let version = b"\x0248";
    let location =
        good.windows(version.len()).position(|window| window == version).expect("the version is in the file");
    let mut old = good.clone();
    old[location + 1..location + 3].copy_from_slice(b"17");
    std::fs::write(&file, &old).unwrap();

    assert_eq!(setting.refresh().1, [Action::Note(verbs::Note("hello".into()))]);
    assert!(std::fs::read(&file).unwrap() == good, "the old file was not replaced");
}

#[test]
fn a_damaged_compiled_plugin_is_a_miss() {
    let setting = Setting::doing(Body::new().note("hello"));
    assert!(setting.refresh().0.is_ok());
    for damaged in [&b""[..], b"\x7fELF", b"garbage"] {
        std::fs::write(setting.compiled(), damaged).unwrap();
        assert_eq!(setting.refresh().1, [Action::Note(verbs::Note("hello".into()))]);
    }
}

#[test]
fn a_compiled_plugin_that_others_can_write_is_ignored() {
    // Native code of another plugin in the place of this one's: used if the
    // file is trusted, which shows that trust is what is tested.
    let other = Setting::doing(Body::new().note("smuggled"));
    assert!(other.refresh().0.is_ok());
    let setting = Setting::doing(Body::new().note("hello"));
    assert!(setting.refresh().0.is_ok());
    let file = setting.compiled();

    let smuggle = |mode: u32| {
        std::fs::copy(other.compiled(), &file).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        setting.refresh().1
    };
    assert_eq!(smuggle(0o644), [Action::Note(verbs::Note("smuggled".into()))]);
    assert_eq!(smuggle(0o666), [Action::Note(verbs::Note("hello".into()))]);
}

#[test]
fn a_cache_directory_that_others_can_write_is_ignored() {
    let other = Setting::doing(Body::new().note("smuggled"));
    assert!(other.refresh().0.is_ok());
    let setting = Setting::doing(Body::new().note("hello"));
    assert!(setting.refresh().0.is_ok());
    std::fs::copy(other.compiled(), setting.compiled()).unwrap();
    std::fs::set_permissions(setting.dir.path().join("cache"), std::fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(setting.refresh().1, [Action::Note(verbs::Note("hello".into()))]);
}
