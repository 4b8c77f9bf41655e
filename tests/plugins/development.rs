//! `modsmith plugin dev` and `search`: a plugin is used for some time without a grant, and each command says so.

use std::fs;

use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::{Output, World};

const TABLE: &str = "id = \"ownsys\"\nversion = \"1.0.0\"\nbase = \"table\"\ndescription = \"Where modules of Ownsys are\"\n\
    [match]\ndistro = [\"ownsys\"]\n[roles]\nprovides = [\"install-policy\"]\n[policy]\ndirectory = \"extra/own\"\n";
const WARNING: &str = "The plugin `ownsys` is in development";

fn world() -> World {
    let world = World::generic().of_system("ID=ownsys\n");
    world.add_package(&Package::new("moved", "1.0"));
    world.write("srv/own/policy.toml", TABLE);
    world
}

/// With the directory of plugins in development below the world.
fn run(world: &World, line: &str) -> Output {
    let program = world.program(modsmith_tests::world::modsmith()).words(line);
    program.env("MODSMITH_RUN_DIR", world.path("run").display().to_string()).run()
}

#[test]
fn a_plugin_in_development_is_used_and_told_until_it_ends() {
    let world = world();
    let folder = world.path("srv/own").display().to_string();
    let begun = run(&world, &format!("plugin dev {folder} --for 30m")).expect(0);
    assert!(begun.stdout.ends_with("ownsys\n") && begun.stderr.contains(WARNING), "{begun}");
    assert!(begun.stderr.contains("30 more minutes"), "{begun}");

    let listed = run(&world, "plugin list").expect(0);
    let line = listed.stdout.lines().find(|line| line.starts_with("ownsys ")).expect("it is listed");
    assert!(line.ends_with("serves this system, in development") && listed.stderr.contains(WARNING), "{listed}");
    assert!(run(&world, "status").expect(0).stderr.contains(WARNING));
    let release = kernel::newest(Flavour::Generic);
    let installed = run(&world, &format!("install moved/1.0 -k {release}")).expect(0);
    assert!(installed.stderr.contains(WARNING), "{installed}");
    assert!(world.path(format!("lib/modules/{release}/extra/own")).is_dir(), "{installed}");

    fs::write(world.path("srv/own/policy.toml"), TABLE.replace("own\"\nversion = \"1.0.0", "own\"\nversion = \"1.0.1"))
        .expect("writable");
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    fs::File::options()
        .append(true)
        .open(world.path("srv/own/policy.toml"))
        .expect("a file")
        .set_modified(later)
        .expect("writable");
    assert!(run(&world, "plugin list").expect(0).stderr.contains("has changed since"));

    assert_eq!(run(&world, "plugin dev --stop").expect(0).stdout, "Ended: ownsys is used no longer\n");
    assert_eq!(run(&world, "plugin dev --stop").expect(0).stdout, "No plugin is in development.\n");
    let after = run(&world, "plugin list").expect(0);
    assert!(!after.stdout.contains("ownsys") && !after.stderr.contains(WARNING), "{after}");
}

#[test]
fn a_plugin_in_development_ends_with_a_restart_and_wrong_words_are_refused() {
    let world = world();
    let folder = world.path("srv/own").display().to_string();
    run(&world, &format!("plugin dev {folder}")).expect(0);
    let record = world.path("run/development/ownsys/development.record");
    let text = fs::read_to_string(&record).expect("a record");
    let boot = text.lines().find(|line| line.starts_with("boot = ")).expect("the start").to_owned();
    fs::write(&record, text.replace(&boot, "boot = \"another\"")).expect("writable");
    assert!(!run(&world, "plugin list").expect(0).stdout.contains("ownsys"));
    run(&world, &format!("plugin dev {folder} --for 2d")).expect(1).expect_error("--for 2d").expect_hint();
    run(&world, "plugin dev /nosuch").expect(30).expect_error("/nosuch");
    // A file that is no plugin is not copied to where everybody can read it.
    for (name, code) in [("secret", 1), ("secret.toml", 31)] {
        world.write(&format!("srv/{name}"), "of root\n");
        let secret = world.path(format!("srv/{name}")).display().to_string();
        run(&world, &format!("plugin dev {secret}")).expect(code).expect_error(&secret).expect_hint();
        assert!(!world.path("run/development/secret").exists());
    }
    // The id is the plugin's, whatever the file is called.
    world.write("srv/other-1.0.toml", TABLE);
    let other = world.path("srv/other-1.0.toml").display().to_string();
    run(&world, &format!("plugin dev {other}")).expect(0);
    assert!(run(&world, "plugin list").expect(0).stdout.contains("ownsys"));
}

#[test]
fn a_search_shows_what_sources_have() {
    let world = world();
    world.write("srv/all/ownsys.toml", TABLE);
    world.write("srv/all/broken.toml", "id = 1\n");
    let source = world.path("srv/all").display().to_string();
    let found = run(&world, &format!("plugin search MODULES --in {source}")).expect(0);
    let line = found.stdout.lines().next().expect("a line");
    assert_eq!(line, "ownsys                 1.0.0    Where modules of Ownsys are", "{found}");
    let from = format!("from {source}/ownsys.toml");
    let words = found.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(&from) && found.stderr.contains("broken.toml"), "{found}");
    let json = run(&world, &format!("plugin search --json --in {source}")).expect(0).json();
    assert_eq!(json[0]["id"], "ownsys");
    let none = run(&world, &format!("plugin search grub --in {source}/ownsys.toml")).expect(0);
    assert!(none.stdout.is_empty() && none.stderr.contains("`grub`"), "{none}");
    run(&world, "plugin search --in /nosuch/x").expect(1).expect_error("/nosuch/x");
}
