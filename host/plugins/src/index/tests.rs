//! Plugins and files that are none, in directories.

use super::*;

struct Dirs(tempfile::TempDir);

impl Dirs {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn component(&self, dir: &str, id: &str, extra: &str) {
        self.component_of(dir, id, "1.0.0", extra);
    }

    fn component_of(&self, dir: &str, id: &str, version: &str, extra: &str) {
        let text =
            format!("id = \"{id}\"\nversion = \"{version}\"\napi = \"1.0\"\n[roles]\nprovides = [\"initrd\"]\n{extra}");
        // An empty component: nothing is compiled to choose a plugin.
        let bytes = crate::manifest::tests::embedded(&text);
        self.file(dir, &format!("{id}.wasm"), &bytes);
    }

    fn file(&self, dir: &str, name: &str, bytes: &[u8]) {
        let dir = self.0.path().join(dir);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(name), bytes).unwrap();
    }

    fn read(&self, dirs: &[&str]) -> Index {
        let directories = dirs.iter().map(|dir| (self.0.path().join(dir), FoundIn::Beside)).collect();
        Index::read(&SearchPath { directories, config: self.0.path().join("config"), ..SearchPath::none() })
    }
}

fn order(index: &Index, ids: &[&str]) -> Vec<String> {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    let mut fitting = index.fitting(Role::Initrd, &ids);
    sort(&mut fitting);
    fitting.iter().map(|(_, entry)| entry.id().to_owned()).collect()
}

#[test]
fn many_with_the_same_problem_are_reported_in_one_sentence() {
    let problem = |id: &str| Problem {
        file: format!("/p/{id}.wasm").into(),
        plugin: Some(id.to_owned()),
        message: format!("it has not been granted: `modsmith plugin grant {id}`"),
    };
    let broken = Problem { file: "/p/x.wasm".into(), plugin: None, message: "it is no component".into() };
    let few = [problem("a"), problem("b"), broken.clone()];
    assert_eq!(Problem::messages(&few).len(), 3);
    let many = ["a", "b", "c", "d", "e"].map(problem);
    let messages = Problem::messages(&[many.as_slice(), std::slice::from_ref(&broken)].concat());
    let sentence = "5 plugins in /p are not used (`a`, `b`, `c` and 2 more). Of each: it has not been granted: `modsmith plugin grant ID`.";
    assert_eq!(messages, [sentence.to_owned(), broken.to_string()]);
}

#[test]
fn the_closest_plugin_is_asked_first_then_priority_then_id_decide() {
    let dirs = Dirs::new();
    dirs.component("a", "anywhere", "[match]\npriority = 99\n");
    dirs.component("a", "like", "[match]\ndistro = [\"debian\"]\npriority = 90\n");
    dirs.component("a", "own", "[match]\ndistro = [\"ubuntu\"]\npriority = 1\n");
    dirs.component("a", "own-first", "[match]\ndistro = [\"ubuntu\"]\npriority = 2\n");
    dirs.component("a", "own-also", "[match]\ndistro = [\"ubuntu\"]\npriority = 1\n");
    dirs.component("a", "other", "[match]\ndistro = [\"fedora\"]\n");
    let index = dirs.read(&["a"]);
    assert_eq!(order(&index, &["ubuntu", "debian"]), ["own-first", "own", "own-also", "like", "anywhere"]);
    assert_eq!(order(&index, &[]), ["anywhere"]);
}

#[test]
fn the_first_directory_wins() {
    let dirs = Dirs::new();
    dirs.component_of("a", "x", "1.0.0", "");
    dirs.component_of("b", "x", "2.0.0", "");
    assert_eq!(dirs.read(&["b", "a"]).get("x").unwrap().manifest.version, "2.0.0");
}

#[test]
fn a_table_has_the_roles_and_rights_of_its_base_and_its_own_match() {
    let dirs = Dirs::new();
    let keys =
        "[policy]\ndirectory = { type = \"string\" }\nlist = { type = \"list\" }\n\"arch.*\" = { type = \"string\" }\n";
    dirs.component("a", "table", &format!("[write]\nroots = [\"boot\"]\n{keys}"));
    let text = "id = \"void\"\nversion = \"0.1.0\"\nbase = \"table\"\n[match]\ndistro = [\"void\"]\n\
        [policy]\ndirectory = \"extra\"\nlist = [\"a\", \"b\"]\n[policy.arch]\nx86_64 = \"x86\"\n";
    dirs.file("b", "void.toml", text.as_bytes());
    let index = dirs.read(&["b", "a"]);
    let void = index.get("void").unwrap();
    assert_eq!(order(&index, &["void"]), ["void", "table"]);
    assert!(void.component.ends_with("a/table.wasm") && void.file().ends_with("b/void.toml"));
    assert_eq!(void.policy()["policy.arch.x86_64"], "x86");
    assert_eq!(void.policy()["policy.list"], "a\nb");
    let write = modsmith_facts::Location::new(modsmith_facts::Root::Boot, "x").unwrap();
    assert!(void.grant.permits(&modsmith_plan::verbs::Remove { location: write }.into()).is_ok());
}

#[test]
fn a_table_from_outside_the_packages_waits_for_its_grant() {
    let dirs = Dirs::new();
    dirs.component("a", "table", "");
    dirs.file("b", "x.toml", b"id = \"x\"\nversion = \"1.0.0\"\nbase = \"table\"\n[[run]]\nprogram = \"tool\"\n");
    let places = [("a", FoundIn::System), ("b", FoundIn::Local)];
    let directories = places.map(|(dir, found_in)| (dirs.0.path().join(dir), found_in)).into();
    let config = dirs.0.path().join("config");
    let index = Index::read(&SearchPath { directories, config, ..SearchPath::none() });
    assert!(index.get("x").is_none());
    let refused = index.refused("x").unwrap();
    assert!(refused.message.contains("modsmith plugin grant x"), "{}", refused.message);
    assert_eq!(refused.manifest.run[0].program, "tool");
}

#[test]
fn a_table_without_its_base_or_with_unknown_keys_is_a_problem_that_says_so() {
    let dirs = Dirs::new();
    dirs.component("a", "table", "");
    dirs.file("a", "x.toml", b"id = \"x\"\nversion = \"1.0.0\"\nbase = \"tabel\"\n");
    dirs.file("a", "y.toml", b"id = \"y\"\nversion = \"1.0.0\"\nbase = \"table\"\npolcy = 1\n");
    let index = dirs.read(&["a"]);
    let call_outcome: Vec<String> = index.problems().iter().map(Problem::to_string).collect();
    assert!(call_outcome[0].contains("x.toml") && call_outcome[0].contains("tabel.wasm"), "{call_outcome:?}");
    assert!(call_outcome[1].contains("line 4") && call_outcome[1].contains("polcy"), "{call_outcome:?}");
    assert_eq!(index.entries().len(), 1);
}

/// Grants a file as it is now.
fn grant(config: &Path, id: &str, file: &Path) {
    let is_table = file.extension().is_some_and(|e| e == "toml");
    let (component, table) = match is_table {
        true => (file.with_file_name("table.wasm"), Some(file)),
        false => (file.to_path_buf(), None),
    };
    let digest = digest(&component, table).unwrap();
    record::Record::new(&digest, file, "1.0.0", Default::default()).write(config, id).unwrap();
}

/// The plugins that an index cannot use: ids, and whether their manifests are known.
fn unusable(index: &Index) -> Vec<(&str, bool)> {
    index.unusable().iter().map(|plugin| (plugin.id.as_str(), plugin.manifest.is_some())).collect()
}

#[test]
fn a_plugin_is_missed_when_it_was_granted_or_needs_no_grant_and_never_when_it_was_dropped_there() {
    let dirs = Dirs::new();
    for (dir, ids) in [("system", ["a", "b"]), ("local", ["granted", "dropped"])] {
        ids.iter().for_each(|id| dirs.component(dir, id, ""));
    }
    let places = [("system", FoundIn::System), ("local", FoundIn::Local)];
    let directories: Vec<_> = places.map(|(dir, found_in)| (dirs.0.path().join(dir), found_in)).into();
    let config = dirs.0.path().join("config");
    let search = SearchPath { directories, config: config.clone(), ..SearchPath::none() };
    let granted = dirs.0.path().join("local/granted.wasm");
    grant(&config, "granted", &granted);
    assert_eq!(unusable(&Index::read(&search)), []);

    dirs.component_of("local", "granted", "2.0.0", "");
    dirs.component_of("local", "dropped", "2.0.0", "");
    let index = Index::read(&search);
    assert_eq!(unusable(&index), [("granted", true)]);
    assert!(index.unusable()[0].message.contains("modsmith plugin grant granted"));

    // Damaged files.
    for (dir, id) in [("system", "a"), ("local", "granted"), ("local", "dropped")] {
        dirs.file(dir, &format!("{id}.wasm"), b"damaged");
    }
    assert_eq!(unusable(&Index::read(&search)), [("a", false), ("granted", false)]);
    // What the administrator denies is missed by nobody.
    dirs.file("config/policy.d", "p.toml", b"[deny]\nplugins = [\"a\", \"granted\"]\n");
    assert_eq!(unusable(&Index::read(&search)), []);
    // A policy that cannot be read says nothing of any.
    dirs.file("config/policy.d", "p.toml", b"[deny\n");
    assert_eq!(unusable(&Index::read(&search)), [("a", false), ("granted", false), ("b", true)]);
}

#[test]
fn a_file_must_be_named_as_its_plugin() {
    let dirs = Dirs::new();
    dirs.component("a", "x", "");
    std::fs::rename(dirs.0.path().join("a/x.wasm"), dirs.0.path().join("a/y.wasm")).unwrap();
    assert!(dirs.read(&["a"]).problems()[0].message.contains("x.wasm"));
}

#[test]
fn an_unreadable_policy_keeps_all_plugins_from_being_used() {
    let dirs = Dirs::new();
    dirs.component("a", "x", "");
    dirs.file("config/policy.d", "p.toml", b"[deny\n");
    let index = dirs.read(&["a"]);
    assert!(index.entries().is_empty() && index.problems()[0].message.contains("p.toml"));
}

#[test]
fn a_directory_that_does_not_exist_is_no_problem() {
    assert!(Dirs::new().read(&["missing"]).problems().is_empty());
}

/// A search path with a directory that `MODSMITH_PLUGIN_PATH` names, one of packages
/// and the administrator's, with a base for tables.
struct Three(Dirs);

impl Three {
    fn new() -> Self {
        let dirs = Dirs::new();
        dirs.component("local", "table", "");
        grant(&dirs.0.path().join("config"), "table", &dirs.0.path().join("local/table.wasm"));
        Self(dirs)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.0.path().join(name)
    }

    fn grant(&self, name: &str) {
        grant(&self.path("config"), "x", &self.path(name));
    }

    fn table(&self, version: &str) {
        let text = format!("id = \"x\"\nversion = \"{version}\"\nbase = \"table\"\n");
        self.0.file("local", "x.toml", text.as_bytes());
    }

    fn read(&self) -> Index {
        let places = [("env", FoundIn::Environment), ("system", FoundIn::System), ("local", FoundIn::Local)];
        let directories = places.map(|(dir, found_in)| (self.path(dir), found_in)).into();
        Index::read(&SearchPath { directories, config: self.path("config"), ..SearchPath::none() })
    }

    /// The file that is used, and the messages about others.
    #[track_caller]
    fn assert(&self, used: Option<&str>, unusable: &[&str], messages: &[(&str, &[&str])]) -> Index {
        let index = self.read();
        assert_eq!(index.get("x").map(|entry| entry.file().to_path_buf()), used.map(|name| self.path(name)));
        let missed: Vec<&Path> = index.unusable().iter().map(|missed| missed.file.as_path()).collect();
        assert_eq!(missed, unusable.iter().map(|name| self.path(name)).collect::<Vec<_>>());
        let problems: Vec<&Path> = index.problems().iter().map(|problem| problem.file.as_path()).collect();
        assert_eq!(problems, messages.iter().map(|(file, _)| self.path(file)).collect::<Vec<_>>());
        for (problem, (_, parts)) in index.problems().iter().zip(messages) {
            for part in *parts {
                let part = part.replace("DIR", &self.path("").display().to_string());
                assert!(problem.message.contains(&part), "no {part:?}: {problem}");
            }
            let is_changed = parts.iter().any(|part| part.contains("changed since"));
            assert_eq!(problem.message.contains("changed since"), is_changed, "{problem}");
        }
        index
    }
}

#[test]
fn a_file_beside_the_granted_one_is_not_said_to_have_changed() {
    let three = Three::new();
    three.table("1.0.0");
    three.grant("local/x.toml");
    three.0.component("local", "x", "");
    let refusal: &[&str] = &[
        "it has not been granted, the grant is for DIRlocal/x.toml, which has the same id and is used: ",
        "`modsmith plugin grant DIRlocal/x.wasm`",
    ];
    let index = three.assert(Some("local/x.toml"), &[], &[("local/x.wasm", refusal)]);
    assert!(!index.refused("x").unwrap().chosen, "the id stands for the granted one");

    // Damaged, it is none that anybody granted.
    three.0.file("local", "x.wasm", b"damaged");
    three.assert(Some("local/x.toml"), &[], &[("local/x.wasm", &[])]);

    // The granted one changed: it stops what it would have decided, and only it changed.
    three.0.component("local", "x", "");
    three.table("2.0.0");
    let also: &[&str] =
        &["not been granted, the grant is for DIRlocal/x.toml; DIRlocal/x.toml has the same id and is not used"];
    let changed: &[&str] = &[
        "changed since it was granted and asks for",
        "DIRlocal/x.wasm has the same id and is not used either",
        "plugin grant x`",
    ];
    let index = three.assert(None, &["local/x.toml"], &[("local/x.wasm", also), ("local/x.toml", changed)]);
    assert!(index.refused("x").is_some_and(|refused| refused.file() == three.path("local/x.toml")));
}

#[test]
fn a_file_that_hides_others_is_named_with_them() {
    let three = Three::new();
    three.0.component_of("system", "x", "1.0.0", "");
    three.0.component_of("local", "x", "2.0.0", "");
    let hidden: &[&str] = &["DIRsystem/x.wasm has the same id and is found first; remove one of the two"];
    three.assert(Some("system/x.wasm"), &[], &[("local/x.wasm", hidden)]);
    three.grant("local/x.wasm");
    three.assert(Some("system/x.wasm"), &[], &[("local/x.wasm", hidden)]);

    // One before it needs a grant, and would be used with it.
    std::fs::remove_file(three.path("local/x.wasm")).unwrap();
    std::fs::remove_file(three.path("config/grants/x.toml")).unwrap();
    three.0.component_of("env", "x", "3.0.0", "");
    let first: &[&str] = &["has not been granted; DIRsystem/x.wasm has the same id and is used", "plugin grant x`"];
    let index = three.assert(Some("system/x.wasm"), &[], &[("env/x.wasm", first)]);
    assert!(index.refused("x").unwrap().chosen);
    three.grant("env/x.wasm");
    three.assert(Some("env/x.wasm"), &[], &[]);

    three.0.component_of("env", "x", "4.0.0", "[read]\nroots = [\"etc/a\"]\n");
    let changed: &[&str] =
        &["changed since it was granted and asks for more: role initrd; reads etc/a", "does not take its place"];
    three.assert(Some("system/x.wasm"), &["env/x.wasm"], &[("env/x.wasm", changed)]);
}

#[test]
fn an_old_grant_does_not_say_which_of_two_files_it_was_for() {
    let three = Three::new();
    three.0.component("local", "x", "");
    three.table("1.0.0");
    three.0.file("config/grants", "x.toml", b"digest = \"sha256:1\"\n");
    let neither: &[&str] = &["it is not what was granted", "has the same id and is not used either"];
    let both = [("local/x.wasm", neither), ("local/x.toml", neither)];
    three.assert(None, &["local/x.wasm", "local/x.toml"], &both);
}

/// Tables and components of the id `table`, in all kinds of places that root has.
struct Pairs(Dirs);

impl Pairs {
    const PLACES: [(&str, FoundIn); 3] =
        [("env", FoundIn::Environment), ("system", FoundIn::System), ("local", FoundIn::Local)];

    fn path(&self, name: &str) -> PathBuf {
        self.0.0.path().join(name)
    }

    fn base(&self, dir: &str) {
        // Of each place, a component of its own.
        self.0.component_of(dir, "table", "1.0.0", &format!("[read]\nroots = [\"etc/{dir}\"]\n"));
    }

    fn table(&self, dir: &str, id: &str) {
        let text = format!("id = \"{id}\"\nversion = \"1.0.0\"\nbase = \"table\"\n");
        self.0.file(dir, &format!("{id}.toml"), text.as_bytes());
    }

    fn read(&self) -> Index {
        let directories = Self::PLACES.map(|(dir, found_in)| (self.path(dir), found_in)).into();
        Index::read(&SearchPath { directories, config: self.path("config"), ..SearchPath::none() })
    }

    /// The place of the code that a table is used with.
    fn code(&self, id: &str) -> Option<String> {
        let index = self.read();
        let component = index.get(id)?.component.clone();
        Some(component.parent()?.file_name()?.to_string_lossy().into_owned())
    }
}

#[test]
fn a_component_that_nobody_granted_is_the_base_of_no_table() {
    let pairs = Pairs(Dirs::new());
    ["env", "system", "local"].iter().for_each(|dir| pairs.base(dir));
    pairs.table("system", "packaged");
    pairs.table("local", "own");
    assert_eq!(pairs.code("packaged").as_deref(), Some("system"), "that of the environment was found first");

    // Nothing but what nobody granted is left.
    std::fs::remove_file(pairs.path("system/table.wasm")).unwrap();
    let index = pairs.read();
    assert!(index.get("packaged").is_none() && index.get("own").is_none());
    let (packaged, own) = (index.refused("packaged").unwrap(), index.refused("own").unwrap());
    assert!(packaged.message.contains("trusted less than the table's"), "{}", packaged.message);
    let advice = format!("`modsmith plugin grant {}`", pairs.path("env/table.wasm").display());
    assert!(own.message.contains("has not been granted") && own.message.contains(&advice), "{}", own.message);
    assert!(!packaged.standing.admits() && !own.standing.admits());
    // The packaged table is missed; what the component says of itself decides nothing.
    assert_eq!(unusable(&index), [("packaged", false)]);
}

#[test]
fn a_granted_component_is_the_base_of_tables_that_need_a_grant_and_of_no_other() {
    let pairs = Pairs(Dirs::new());
    pairs.base("env");
    pairs.base("local");
    pairs.table("system", "packaged");
    pairs.table("local", "own");
    let config = pairs.path("config");
    grant(&config, "own", &pairs.path("local/own.toml"));
    assert_eq!(pairs.code("own"), None, "the base is not granted");
    grant(&config, "table", &pairs.path("local/table.wasm"));
    assert_eq!((pairs.code("own").as_deref(), pairs.code("packaged")), (Some("local"), None));

    // It has changed since.
    pairs.0.component_of("local", "table", "2.0.0", "");
    let index = pairs.read();
    assert!(index.get("own").is_none());
    let refused = index.refused("own").unwrap();
    let file = pairs.path("local/table.wasm");
    assert!(refused.message.contains(&format!("({}) is not used: it has changed", file.display())), "{refused:?}");
    let missed: Vec<_> = index.unusable().iter().map(|plugin| plugin.id.as_str()).collect();
    assert_eq!(missed, ["table", "packaged", "own"]);

    // A new grant of the base alone does not do: that of the table was for another pair.
    grant(&config, "table", &file);
    assert_eq!(pairs.code("own"), None);
    assert!(pairs.read().refused("own").unwrap().message.contains("it has changed since it was granted"));
    grant(&config, "own", &pairs.path("local/own.toml"));
    assert_eq!(pairs.code("own").as_deref(), Some("local"));
}

#[test]
fn files_that_are_no_regular_ones_are_reported_and_not_waited_for() {
    use crate::files::tests::{INSTEAD, put};
    for (kind, words) in INSTEAD {
        let dirs = Dirs::new();
        dirs.component("a", "table", "");
        let path = |name: &str| dirs.0.path().join(name);
        put(kind, &path("a/x.wasm"));
        put(kind, &path("a/y.toml"));
        let index = dirs.read(&["a"]);
        let messages: Vec<&str> = index.problems().iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(messages.len(), 2, "{kind}: {messages:?}");
        let words = if kind == "large" { "MiB" } else { words };
        assert!(
            messages[0].contains(words) && (kind == "large" || messages[1].contains(words)),
            "{kind}: {messages:?}"
        );
        assert!(index.get("table").is_some(), "{kind}");
    }
}

#[test]
fn a_table_is_denied_with_its_base() {
    let pairs = Pairs(Dirs::new());
    pairs.base("system");
    pairs.table("system", "packaged");
    pairs.0.component_of("system", "other", "1.0.0", "");
    pairs.0.file("config/policy.d", "p.toml", b"[deny]\nplugins = [\"table\"]\n");
    let index = pairs.read();
    assert!(index.get("packaged").is_none() && index.get("table").is_none() && index.get("other").is_some());
    let refused = &index.refused("packaged").unwrap().message;
    assert!(refused.contains("p.toml denies its base plugin `table`"), "{refused}");
    // A denial is the administrator's will: nothing is missed.
    assert!(unusable(&index).is_empty(), "{:?}", unusable(&index));
}
