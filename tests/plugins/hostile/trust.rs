//! Files that others could have written, and plugins that nobody granted.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use modsmith_facts::{OsRelease, System};
use modsmith_plan::{Action, verbs};
use modsmith_plugins::{Administration, Answer, FoundIn, FrameworkSettings, Plugins, SearchPath};
use modsmith_tests::{World, tool};

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

/// The note that a plugin makes.
fn note(text: &str) -> [Action; 1] {
    [Action::Note(verbs::Note(text.into()))]
}

/// Native code of another plugin under the name of this one's, for caches where it may not count.
struct Smuggled {
    setting: Setting,
    other: Setting,
    /// Of the file, below a cache.
    name: PathBuf,
}

impl Smuggled {
    fn new() -> Self {
        let setting = Setting::doing(Body::new().note("hello"));
        let other = Setting::doing(Body::new().note("smuggled"));
        assert!(setting.refresh().0.is_ok() && other.refresh().0.is_ok());
        let name = setting.compiled().strip_prefix(setting.dir.path().join("cache")).unwrap().to_path_buf();
        Self { setting, other, name }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.setting.dir.path().join(path)
    }

    fn put_into(&self, cache: &Path) {
        let file = cache.join(&self.name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::copy(self.other.compiled(), file).unwrap();
    }

    /// What the plugin does on a search path, once it is granted.
    fn refresh(&self, system: &Arc<System>, search: &SearchPath) -> Vec<Action> {
        let open = || Plugins::open(system.clone(), search.clone(), FrameworkSettings::default());
        Administration(&open()).grant("hostile").unwrap();
        refresh(&open(), system).1
    }
}

#[test]
fn native_code_beside_a_plugin_that_did_not_come_with_the_program_is_not_executed() {
    let smuggled = Smuggled::new();
    smuggled.put_into(&smuggled.path("plugins/.cache"));
    let search = |place: FoundIn, shipped: Vec<PathBuf>| SearchPath {
        directories: vec![(smuggled.path("plugins"), place)],
        config: smuggled.path("config"),
        shipped,
        ..SearchPath::none()
    };
    let system = smuggled.setting.system();
    for place in [FoundIn::Local, FoundIn::Environment, FoundIn::Own, FoundIn::Development] {
        assert_eq!(smuggled.refresh(&system, &search(place, Vec::new())), note("hello"), "{place:?}");
    }
    // It would have been executed: what came with the program may bring its code.
    let shipped = vec![smuggled.path("plugins")];
    assert_eq!(smuggled.refresh(&system, &search(FoundIn::Beside, shipped)), note("smuggled"));
}

#[test]
fn native_code_of_an_image_is_not_executed_and_none_is_written_there() {
    let smuggled = Smuggled::new();
    let (image, outside) = (smuggled.path("image"), smuggled.path("outside"));
    let local = image.join("etc/modsmith/plugins");
    std::fs::create_dir_all(&local).unwrap();
    std::fs::create_dir_all(image.join("usr/lib/modsmith/plugins")).unwrap();
    std::fs::create_dir_all(image.join("var/cache")).unwrap();
    std::fs::create_dir(&outside).unwrap();
    std::fs::copy(smuggled.setting.plugin(), local.join("hostile.wasm")).unwrap();
    for cache in ["var/cache/modsmith", "etc/modsmith/plugins/.cache", "usr/lib/modsmith/plugins/.cache"] {
        smuggled.put_into(&image.join(cache));
    }
    let own = smuggled.path("own-cache");
    let search = SearchPath { caches: vec![own.clone()], ..SearchPath::none() };
    let search = || search.clone().of_root(&image).unwrap();
    let system = Arc::new(System::new(&image, OsRelease::default()));
    assert_eq!(smuggled.refresh(&system, &search()), note("hello"));
    assert!(own.join(&smuggled.name).is_file(), "this machine's cache has it");

    // A cache of the image that leads out of it.
    std::fs::remove_dir_all(&own).unwrap();
    std::fs::remove_dir_all(image.join("var/cache/modsmith")).unwrap();
    symlink(&outside, image.join("var/cache/modsmith")).unwrap();
    assert_eq!(smuggled.refresh(&system, &search()), note("hello"));
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    // Where this machine's cannot be written, nothing is kept.
    std::fs::remove_dir_all(&own).unwrap();
    std::fs::write(&own, "").unwrap();
    assert_eq!(smuggled.refresh(&system, &search()), note("hello"));
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

/// A component with the id of the base of a packaged table.
fn base(doing: &str) -> Vec<u8> {
    let text = manifest_text(GRANT).replace("\"hostile\"", "\"code\"");
    modsmith_kit::build::embed(&Body::new().note(doing).component(), &text)
}

const TABLE: &str = "id = \"values\"\nversion = \"1.0.0\"\nbase = \"code\"\n[match]\npriority = 99\n";

#[test]
fn a_component_that_nobody_granted_does_not_run_as_the_base_of_a_packaged_table() {
    let setting = Setting::empty();
    let path = |name: &str| setting.dir.path().join(name);
    let write = |name: &str, bytes: &[u8]| {
        std::fs::create_dir_all(path(name).parent().unwrap()).unwrap();
        std::fs::write(path(name), bytes).unwrap();
    };
    write("named/code.wasm", &base("smuggled"));
    write("local/code.wasm", &base("dropped"));
    write("plugins/code.wasm", &base("hello"));
    write("plugins/values.toml", TABLE.as_bytes());
    let open = || {
        let places = [("named", FoundIn::Environment), ("plugins", FoundIn::System), ("local", FoundIn::Local)];
        let directories = places.map(|(name, place)| (path(name), place)).into();
        let search = SearchPath { directories, config: path("config"), ..setting.search() };
        Plugins::open(setting.system(), search, FrameworkSettings::default())
    };
    let used = |text: &str| {
        let (answer, steps) = refresh(&open(), &setting.system());
        assert_eq!(answer.unwrap(), Answer::Given { plugin: "values".into(), value: () });
        assert_eq!(steps, note(text));
    };
    used("hello");
    let shown = Administration(&open()).inspect("values").unwrap();
    assert_eq!(shown.base_file, Some(path("plugins/code.wasm")));
    assert!(shown.to_string().contains(&format!("code ({})", path("plugins/code.wasm").display())), "{shown}");

    // Without the packaged one: granted or not, no other takes its place.
    std::fs::remove_file(path("plugins/code.wasm")).unwrap();
    for _ in 0..2 {
        let (answer, steps) = refresh(&open(), &setting.system());
        assert!(steps.is_empty() || steps == note("smuggled"), "{steps:?}");
        assert!(!matches!(answer, Ok(Answer::Given { plugin, .. }) if plugin == "values"));
        let shown = Administration(&open()).inspect("values").unwrap().to_string();
        assert_names(&shown, &["granted       no", "refused       its base plugin `code`", "trusted less"]);
        Administration(&open()).grant(&path("named/code.wasm").display().to_string()).unwrap();
    }

    // A table beside what was granted has it as its base, once the pair is granted.
    std::fs::rename(path("plugins/values.toml"), path("named/values.toml")).unwrap();
    Administration(&open()).grant("values").unwrap();
    used("smuggled");
    // Changed since, it is none.
    write("named/code.wasm", &base("changed"));
    let changed = Administration(&open()).inspect("values").unwrap().to_string();
    assert_names(&changed, &["refused       its base plugin `code`", "has changed since"]);
    assert!(refresh(&open(), &setting.system()).0.is_err());
}

#[test]
fn files_of_the_administrator_that_are_no_regular_files_are_told_and_not_waited_for() {
    const FILES: [&str; 8] = [
        "limits.toml",
        "policy.d/site.toml",
        "registries.toml",
        "settings/hostile.toml",
        "plugins/plugins.lock",
        "plugins/hostile.wasm",
        "plugins/values.toml",
        "grants/hostile.toml",
    ];
    let world = World::generic().of_system("ID=debian\n");
    let component = modsmith_kit::build::embed(&Body::new().note("hello").component(), &manifest_text(GRANT));
    world.write("etc/modsmith/plugins/hostile.wasm", &component);
    world.modsmith("plugin grant hostile").expect(0);
    let program = modsmith_tests::world::modsmith();
    for file in FILES {
        for pipe in [true, false] {
            let world = world.duplicate();
            let at = world.path(format!("etc/modsmith/{file}"));
            std::fs::create_dir_all(at.parent().unwrap()).unwrap();
            let _ = std::fs::remove_file(&at);
            if pipe {
                tool::run(Command::new(tool::path("mkfifo")).arg(&at));
            } else {
                symlink("/dev/zero", &at).unwrap();
            }
            for line in ["plugin list", "plugin inspect hostile", "plugin update", "status"] {
                let out = world.shell(&format!("timeout 60 {} {line}", program.display())).run();
                assert!(![124, 101].contains(&out.code), "{file}, {line}: {out}");
            }
        }
    }
}
