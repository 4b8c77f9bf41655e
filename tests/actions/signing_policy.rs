//! `signing.toml`: which packages are signed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use modsmith_tests::fixture::{Package, product};
use modsmith_tests::prelude::*;
use modsmith_tests::schema::validate;
use modsmith_tests::signature::Signed;
use modsmith_tests::{Output, World};

const FILE: &str = "modsmith/signing.toml";

/// A machine with a signing key, the package `signed/1.0` and this policy.
fn world(policy: &str) -> World {
    let world = World::generic();
    world.add_package(&Package::new("signed", "1.0"));
    world.settings(FILE, policy);
    world
}

fn build(world: &World) -> Output {
    world.modsmith(&format!("build signed/1.0 -k {} --force", kernel())).expect(0)
}

fn is_signed(world: &World) -> bool {
    Signed::read(&product(world, "signed")).is_some()
}

/// What `status --json` says why the modules are unsigned.
fn unsigned(world: &World) -> Option<String> {
    let json = world.modsmith("status signed --json").expect(0).json();
    validate("status-schema.json", &json).expect("as its schema says");
    json["packages"][0]["unsigned"].as_str().map(str::to_owned)
}

#[test]
fn a_package_that_the_policy_refuses_is_built_and_stays_unsigned() {
    let world = world("[[rule]]\npackage = \"zfs\"\n\n[[rule]]\npackage = \"*\"\nsign = false\n");
    let why = "rule 2 of /etc/modsmith/signing.toml (package = \"*\") forbids it";
    let out = build(&world);
    assert!(out.stdout.contains(&format!("The modules of signed/1.0 will not be signed: {why}.")), "{out}");
    assert!(!out.stdout.contains("Sign command"), "{out}");
    assert!(!is_signed(&world));
    assert_eq!(unsigned(&world).as_deref(), Some(why));
    let log = world.modsmith(&format!("log signed/1.0 -k {}", kernel())).expect(0).stdout;
    assert!(log.contains(&format!("# not signed: {why}")), "{log}");
    let plan = world.modsmith(&format!("build signed/1.0 -k {} --force --dry-run", kernel())).expect(0).stdout;
    assert!(plan.contains(&format!("stay unsigned: {why}")), "{plan}");
    // That is no broken state, and repair signs nothing.
    world.modsmith(&format!("install signed/1.0 -k {}", kernel())).expect(0);
    let json = world.modsmith("check signed --json").json();
    assert!(!json.to_string().contains("\"signature\""), "{json:#}");
    // Allowed, it is missed, the repair signs it, and nothing says otherwise.
    world.settings(FILE, "[[rule]]\npackage = \"signed/1.*\"\n\n[[rule]]\npackage = \"*\"\nsign = false\n");
    world.modsmith("check signed").expect(35);
    world.modsmith("check signed --repair").expect(0);
    assert!(is_signed(&world));
    assert_eq!(unsigned(&world), None);
}

#[test]
fn a_digest_allows_the_source_that_has_it_and_no_other() {
    let world = world("");
    world.modsmith("add signed/1.0").expect(0);
    let text = world.modsmith(&format!("identity signed/1.0 -k {}", kernel())).expect(0).stdout;
    let line = text.lines().find(|line| line.starts_with("  source: ")).expect("the source is an input");
    let digest = line.split_whitespace().last().expect("a digest").to_owned();
    let policy =
        format!("[[rule]]\npackage = \"signed\"\ndigest = \"{digest}\"\n\n[[rule]]\npackage = \"*\"\nsign = false\n");
    world.settings(FILE, &policy);
    let plan = world.modsmith(&format!("build signed/1.0 -k {} --dry-run --json", kernel())).expect(0).json();
    assert!(plan.to_string().contains("\"expect-tree\""), "the copy is compared, too: {plan:#}");
    validate("plan-schema.json", &plan).expect("as its schema says");
    build(&world);
    assert!(is_signed(&world));
    // What was built before cannot be shown to come from that source: the repair builds it again.
    world.settings(FILE, "[[rule]]\npackage = \"*\"\nsign = false\n");
    build(&world);
    world.modsmith(&format!("install signed/1.0 -k {} --force", kernel())).expect(0);
    assert!(!is_signed(&world));
    world.settings(FILE, &policy);
    world.modsmith("check signed --repair").expect(0);
    assert!(is_signed(&world));
    let source = world.path("usr/src/signed-1.0/signed.c");
    let changed = fs::read_to_string(&source).expect("readable") + "\n/* another */\n";
    fs::write(&source, changed).expect("writable");
    let out = build(&world);
    assert!(out.stdout.contains("rule 2 of /etc/modsmith/signing.toml"), "{out}");
    assert!(!is_signed(&world));
}

#[test]
fn a_directory_and_an_owner_allow_sources_there_that_nobody_else_can_change() {
    let policy = |condition: &str| {
        format!("[[rule]]\npackage = \"signed\"\n{condition}\n\n[[rule]]\npackage = \"*\"\nsign = false\n")
    };
    let world = world(&policy("source = \"/usr/src/*\"\nowner = \"root\""));
    build(&world);
    assert!(is_signed(&world));
    assert_eq!(unsigned(&world), None);
    let refuses = |world: &World, why: &str| {
        let out = build(world);
        assert!(out.stdout.contains(&format!("rule 1 is for another source: {why}")), "{out}");
        assert!(!is_signed(world) && unsigned(world).is_some_and(|told| told.contains(why)));
    };
    // A file that others can write.
    let file = world.path("usr/src/signed-1.0/signed.c");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).expect("a file of ours");
    refuses(&world, "others can change /usr/src/signed-1.0/signed.c, whose mode is 0666");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("a file of ours");
    world.settings(FILE, policy("owner = 12345"));
    refuses(&world, "/usr/src/signed-1.0 belongs to the user 0");
    // The real path counts, not that of a link.
    fs::create_dir(world.path("boot/work")).expect("writable");
    fs::rename(world.path("usr/src/signed-1.0"), world.path("boot/work/signed")).expect("the same file system");
    symlink("/boot/work/signed", world.path("usr/src/signed-1.0")).expect("writable");
    world.settings(FILE, policy("source = \"/usr/src/*\""));
    refuses(&world, "/boot/work/signed does not fit \"/usr/src/*\"");
    world.settings(FILE, policy("source = \"/boot/**\""));
    build(&world);
    assert!(is_signed(&world));
}

#[test]
fn a_rule_about_a_key_allows_that_key_only() {
    let world = world("[[rule]]\npackage = \"signed\"\nkey = \"/root/other.key\"\n");
    let out = build(&world);
    let why = "allows the key /root/other.key only, and this system signs with /var/lib/dkms/mok.key";
    assert!(out.stdout.contains(why), "{out}");
    assert!(!is_signed(&world) && unsigned(&world).is_some_and(|told| told.contains(why)));
    world.settings(FILE, "[[rule]]\npackage = \"signed\"\nkey = \"/var/lib/dkms/mok.key\"\n");
    build(&world);
    assert!(is_signed(&world));
}

#[test]
fn a_policy_that_cannot_be_followed_signs_nothing() {
    let world = world("[[rule]]\npackge = \"signed\"\n");
    let out = build(&world);
    assert!(out.stderr.contains("/etc/modsmith/signing.toml cannot be used: unknown field `packge`"), "{out}");
    assert!(!is_signed(&world));
    assert_eq!(unsigned(&world).as_deref(), Some("/etc/modsmith/signing.toml could not be followed"));
    world.settings(FILE, "[[rule]]\npackage = \"signed\"\nowner = \"nobody-here\"\n");
    let out = build(&world);
    let why = "/etc/modsmith/signing.toml cannot be used: /etc/passwd has no user `nobody-here`";
    assert!(out.stderr.contains(why), "{out}");
    assert!(!is_signed(&world));
}
