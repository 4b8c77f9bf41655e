//! What the administrator granted, what a plugin asks for now, and which of several
//! files is the granted one.

use std::fs;

use modsmith_tests::fixture::own_system;
use modsmith_tests::prelude::*;
use modsmith_tests::{Output, World};

const TABLE: &str = "etc/modsmith/plugins/ownsys.toml";
const GRANT: &str = "etc/modsmith/grants/ownsys.toml";

/// The table of a system, with these further rights.
fn table(rights: &str) -> String {
    format!(
        "id = \"ownsys\"\nversion = \"1.0.0\"\nbase = \"table\"\nlicense = \"LicenseRef-own\"\n\
         [match]\ndistro = [\"ownsys\"]\n[roles]\nprovides = [\"install-policy\"]\n{rights}\
         [policy]\ndirectory = \"extra/own\"\n"
    )
}

fn install(world: &World) -> Output {
    world.dkms(&format!("install moved/1.0 -k {}", kernel()))
}

/// What `plugin list --json` says about the plugin.
fn listed(world: &World) -> Vec<serde_json::Value> {
    let json = world.modsmith("plugin list --json").expect(0).json();
    json.as_array().expect("a list").iter().filter(|plugin| plugin["id"] == "ownsys").cloned().collect()
}

#[track_caller]
fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?}: {text}");
    }
}

const TOOL: &str = "[[run]]\nprogram = \"tool\"\narguments = [\"--dir\", \"etc/own\"]\n";

#[test]
fn a_grant_says_what_is_new_and_what_is_no_longer_asked_for() {
    let world = own_system();
    world.write(TABLE, table(&format!("[read]\nroots = [\"etc/own\"]\n{TOOL}")));
    let out = world.modsmith("plugin grant ownsys").expect(0);
    assert_has(&out.stdout, &["granted       yes", "license       LicenseRef-own", "runs          tool --dir etc/own"]);
    assert!(!out.stdout.contains("Since the last grant"), "there was none: {out}");
    let file = fs::read_to_string(world.path(GRANT)).expect("the grant");
    assert_has(&file, &["format = 1", "digest = \"sha256:", TABLE, "[[right]]\nreads = \"etc/own\"", "\"--dir\""]);

    let more = "[read]\nroots = [\"etc/own/a\"]\n[[run]]\nprogram = \"sh\"\narguments = [\"**\"]\n\
        [[run]]\nprogram = \"tool\"\narguments = [\"-x\"]\nenvironment = [\"LD_PRELOAD\"]\n";
    world.write(TABLE, table(more));
    let told = "it has changed since it was granted and asks for more: runs sh ** (executes its input: may do anything); \
        runs tool -x, sets LD_PRELOAD (loads code: may do anything)";
    let out = install(&world).expect(31);
    assert_has(&out.stderr, &[told, "`modsmith plugin grant ownsys`"]);
    let shown = world.modsmith("plugin inspect ownsys").expect(0).stdout;
    assert_has(&shown, &["granted       no, it has changed since and asks for more", "+ runs          sh **"]);

    let out = world.modsmith("plugin grant ownsys").expect(0);
    let section: Vec<&str> = out.stdout.lines().skip_while(|line| !line.starts_with("Since")).collect();
    assert_eq!(section[0], "Since the last grant, new (+) and no longer asked for (-):");
    let changes: Vec<&str> = section.iter().filter(|line| line.starts_with(['+', '-'])).copied().collect();
    let expected = [
        "+ runs          sh ** (executes its input: may do anything)",
        "+ runs          tool -x, sets LD_PRELOAD (loads code: may do anything)",
        "- reads         etc/own",
        "- runs          tool --dir etc/own",
    ];
    assert_eq!(changes, expected, "{out}");
    install(&world).expect(0);

    // Again, for the same file: nothing is new.
    let out = world.modsmith("plugin grant ownsys").expect(0);
    assert!(!out.stdout.contains("Since the last grant"), "{out}");
}

#[test]
fn equal_and_narrower_rights_need_a_grant_as_well_and_are_named_as_that() {
    let world = own_system();
    world.write(TABLE, table(TOOL));
    world.modsmith("plugin grant ownsys").expect(0);
    for (rights, told) in [
        (format!("{TOOL}# the same\n"), "granted and asks for the same: "),
        (String::new(), "granted and asks for less (no longer: runs tool --dir etc/own): "),
    ] {
        world.write(TABLE, table(&rights));
        assert_has(&install(&world).expect(31).stderr, &[told, "`modsmith plugin grant ownsys`"]);
    }
    let out = world.modsmith("plugin grant ownsys").expect(0);
    assert_has(&out.stdout, &["- runs          tool --dir etc/own"]);
}

#[test]
fn lists_say_whether_a_plugin_is_granted() {
    let world = own_system();
    let inspected = || world.modsmith("plugin inspect ownsys --json").expect(0).json();
    let line = || {
        let out = world.modsmith("plugin list").expect(0).stdout;
        out.lines().find(|line| line.starts_with("ownsys ")).map(str::to_owned).unwrap_or_default()
    };
    world.write(TABLE, table(""));
    assert_eq!(
        (&listed(&world)[0]["grant"]["state"], &listed(&world)[0]["serves"]),
        (&"not-granted".into(), &false.into())
    );
    assert_eq!(inspected()["grant"]["state"], "not-granted");
    assert!(line().ends_with("not used: not granted"), "{}", line());

    world.modsmith("plugin grant ownsys").expect(0);
    assert_eq!((&listed(&world)[0]["grant"]["state"], &listed(&world)[0]["serves"]), (&"granted".into(), &true.into()));
    assert_eq!(inspected()["grant"]["state"], "granted");
    assert!(line().ends_with("serves this system, granted"), "{}", line());

    world.write(TABLE, table(TOOL));
    let grant = listed(&world)[0]["grant"].clone();
    assert_eq!(grant["state"], "changed");
    assert_eq!(grant["difference"]["added"][0]["runs"]["program"], "tool");
    assert_eq!(inspected()["grant"], grant);
    assert!(line().ends_with("not used: changed since it was granted"), "{}", line());

    let packaged = world.modsmith("plugin inspect table --json").expect(0).json();
    assert_eq!(packaged["grant"]["state"], "not-needed");
}

#[test]
fn a_file_can_be_compared_with_its_grant_before_it_is_installed() {
    let world = own_system();
    world.write(TABLE, table(""));
    world.modsmith("plugin grant ownsys").expect(0);
    world.write("boot/ownsys.toml", table(TOOL));
    let shown =
        world.modsmith(&format!("plugin inspect {}", world.path("boot/ownsys.toml").display())).expect(0).stdout;
    assert_has(&shown, &["granted       no, it has changed since", "+ runs          tool --dir etc/own"]);
}

#[test]
fn a_grant_with_a_digest_alone_still_counts() {
    let world = own_system();
    world.write(TABLE, table(""));
    world.modsmith("plugin grant ownsys").expect(0);
    let digest =
        |text: String| text.lines().find(|line| line.starts_with("digest")).map(str::to_owned).expect("a digest");
    let old = digest(fs::read_to_string(world.path(GRANT)).expect("the grant"));
    world.write(GRANT, format!("{old}\n"));
    install(&world).expect(0);
    assert_eq!(listed(&world)[0]["grant"]["state"], "granted");

    world.write(TABLE, table(TOOL));
    let out = world.dkms(&format!("uninstall moved/1.0 -k {}", kernel())).expect(31);
    assert_has(&out.stderr, &["it is not what was granted", "`modsmith plugin grant ownsys`"]);
    let out = world.modsmith("plugin grant ownsys").expect(0);
    assert_has(&out.stdout, &["What the last grant was for is not known"]);
}

#[test]
fn of_two_files_of_one_id_only_the_granted_one_can_have_changed() {
    let world = own_system();
    world.write(TABLE, table(""));
    world.modsmith("plugin grant ownsys").expect(0);
    let base = modsmith_tests::paths::programs().join("plugins/alpine.toml");
    let other = fs::read_to_string(base).expect("a table of the program").replace("\"alpine\"", "\"ownsys\"");
    world.write("boot/plugins/ownsys.toml", other);
    let plugins = world.path("boot/plugins").display().to_string();
    let with_path = |line: &str| {
        let program = world.program(modsmith_tests::world::modsmith()).words(line);
        program.env("MODSMITH_PLUGIN_PATH", plugins.clone()).run()
    };
    let (granted, dropped) = ("/etc/modsmith/plugins/ownsys.toml", format!("{plugins}/ownsys.toml"));
    let install = format!("install moved/1.0 -k {}", kernel());
    let out = with_path(&format!("{install} --dry-run")).expect(0);
    let told =
        format!("({dropped}) is not used: it has not been granted, the grant is for {granted}, which has the same id");
    assert_has(&out.stderr, &[&told, &format!("modsmith plugin grant {dropped}")]);
    assert!(!out.stderr.contains("has changed"), "{out}");

    // The granted one changed: both are named, and only one of them changed.
    world.write(TABLE, table(TOOL));
    let out = with_path(&install).expect(31);
    assert_has(&out.stderr, &[&dropped, granted, "and asks for more: runs tool", "is not used either"]);
    let shown = with_path("plugin inspect ownsys").expect(0).stdout;
    assert_has(&shown, &[&format!("file          {granted}"), &format!("also there    {dropped}")]);

    // The other one is granted by its path, and takes the place of the first.
    with_path(&format!("plugin grant {dropped}")).expect(0);
    let out = with_path(&format!("{install} --dry-run")).expect(0);
    let told = format!("({granted}) is not used: {dropped} has the same id and is found first");
    assert_has(&out.stderr, &[&told]);
}

#[test]
fn a_word_that_is_no_id_grants_nothing_and_takes_nothing_back() {
    const SITE: &str = "etc/modsmith/policy.d/site.toml";
    let (world, image) = (own_system(), tempfile::tempdir_in("/var/tmp").expect("a directory"));
    world.write(TABLE, table(""));
    world.write(SITE, "[deny]\nprograms = [\"tool\"]\n");
    let site = image.path().join(SITE);
    fs::create_dir_all(site.parent().expect("below")).expect("writable");
    fs::copy(world.path(SITE), &site).expect("writable");
    let options = ["".to_owned(), format!("--root {} --of-root", image.path().display())];
    for options in &options {
        for command in ["grant", "inspect", "revoke", "remove", "update"] {
            for word in ["", "Ownsys", "own sys", ".", "1"] {
                let program = world.program(modsmith_tests::world::modsmith());
                let out = program.words(&format!("plugin {command} {options}")).arg(word).run();
                out.expect(1).expect_error(&format!("`{word}` is not the id of a plugin")).expect_hint();
            }
        }
        let program = world.program(modsmith_tests::world::modsmith());
        let out = program.words(&format!("plugin revoke {options}")).arg("../policy.d/site").run();
        out.expect(1).expect_error("is not the id of a plugin");
    }
    assert!(world.path(SITE).exists() && site.exists());
    assert!(!world.path("etc/modsmith/grants").exists() && !image.path().join("etc/modsmith/grants").exists());
}

#[test]
fn a_grant_that_cannot_be_used_says_what_is_wrong_and_can_be_given_again() {
    let world = own_system();
    world.write(TABLE, table(""));
    world.modsmith("plugin grant ownsys").expect(0);
    let good = fs::read_to_string(world.path(GRANT)).expect("the grant");
    for (text, why) in [
        ("format = 1\n".to_owned(), "is not a grant (missing field `digest`)"),
        (good.replace("format = 1", "format = 1\nuntil = 2"), "is not a grant (unknown field `until`"),
    ] {
        world.write(GRANT, text);
        let out = install(&world).expect(31);
        assert_has(&out.stderr, &[why, "grant it again: `modsmith plugin grant ownsys`"]);
        world.modsmith("plugin grant ownsys").expect(0);
        assert_eq!(listed(&world)[0]["grant"]["state"], "granted");
    }

    // Others could replace it.
    let directory = world.path("etc/modsmith/grants");
    fs::set_permissions(&directory, std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("it is there");
    assert_has(&install(&world).expect(31).stderr, &["etc/modsmith/grants is not trusted", "`chmod go-w "]);
    for command in ["grant", "revoke"] {
        let out = world.modsmith(&format!("plugin {command} ownsys")).expect(31).expect_hint();
        assert_has(&out.stderr, &["etc/modsmith/grants is not trusted"]);
    }
    fs::set_permissions(&directory, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("it is there");
    assert_eq!(listed(&world)[0]["grant"]["state"], "granted");
}
