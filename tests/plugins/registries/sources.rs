//! Each kind of source, and what is kept of where a plugin came from.

use std::fs;
use std::process::Command;

use modsmith_tests::emulated::{Asked, Emulated, Reply};
use modsmith_tests::registry::Registry;
use modsmith_tests::{World, tool};

use super::{author, installed, key_pair, machine, plugin};

const LOCK: &str = "etc/modsmith/plugins/plugins.lock";
const FILE: &str = "etc/modsmith/plugins/offered.wasm";

fn lock(world: &World) -> toml::Table {
    fs::read_to_string(world.path(LOCK)).expect("a lock file").parse().expect("valid TOML")
}

#[test]
fn a_file_is_installed_updated_and_removed_and_never_granted() {
    let world = machine();
    world.write("srv/offered.wasm", plugin("1.0.0", ""));
    let source = world.path("srv/offered.wasm").display().to_string();
    let out = world.modsmith(&format!("plugin install {source}")).expect(0);
    assert!(out.stdout.starts_with("Installed offered 1.0.0 (/etc/modsmith/plugins/offered.wasm) from "), "{out}");
    assert!(out.stdout.contains("`modsmith plugin grant offered`"), "{out}");
    assert_eq!(installed(&world), ["offered.wasm", "plugins.lock"]);
    assert_eq!(lock(&world)["plugin"]["offered"]["source"].as_str(), Some(source.as_str()));
    let listed = world.modsmith("plugin list --json").expect(0).json();
    let listed =
        listed.as_array().expect("a list").iter().find(|plugin| plugin["id"] == "offered").expect("it").clone();
    assert_eq!(
        (&listed["grant"]["state"], &listed["from"]["source"]),
        (&"not-granted".into(), &source.as_str().into())
    );

    let again = world.modsmith(&format!("plugin install {source}")).expect(0);
    assert!(again.stdout.starts_with("Already installed: offered 1.0.0"), "{again}");
    assert_eq!(world.modsmith("plugin update").expect(0).stdout, "offered 1.0.0 is the newest\n");
    world.write("srv/offered.wasm", plugin("1.1.0", ""));
    let out = world.modsmith("plugin update offered").expect(0);
    assert!(out.stdout.starts_with("Updated from 1.0.0: offered 1.1.0"), "{out}");

    world.modsmith("plugin grant offered").expect(0);
    let out = world.modsmith("plugin remove offered").expect(0);
    assert!(out.stdout.contains("Revoked: /etc/modsmith/grants/offered.toml"), "{out}");
    assert_eq!(installed(&world), ["plugins.lock"]);
    world.modsmith("plugin remove offered").expect(1).expect_error("`offered` was not installed").expect_hint();
    world.modsmith("plugin install /nosuch.wasm").expect(1).expect_error("/nosuch.wasm").expect_hint();
}

#[test]
fn all_plugins_of_a_directory_are_installed_tables_too() {
    let world = machine();
    world.write("srv/offered.wasm", plugin("1.0.0", ""));
    world.write("srv/own.toml", "id = \"own\"\nversion = \"2.0.0\"\nbase = \"table\"\n[match]\ndistro = [\"x\"]\n");
    let out = world.modsmith(&format!("plugin install {}", world.path("srv").display())).expect(0);
    assert!(out.stdout.contains("Installed offered 1.0.0") && out.stdout.contains("Installed own 2.0.0"), "{out}");
    assert_eq!(installed(&world), ["offered.wasm", "own.toml", "plugins.lock"]);
    let own = lock(&world)["plugin"]["own"]["source"].as_str().map(str::to_owned);
    assert_eq!(own, Some(world.path("srv/own.toml").display().to_string()));
    world.write("empty/readme", "");
    world
        .modsmith(&format!("plugin install {}", world.path("empty").display()))
        .expect(1)
        .expect_error(".wasm or .toml");
    world.write("bad/a.toml", "id = 1\n");
    world.modsmith(&format!("plugin install {}", world.path("bad").display())).expect(31).expect_error("a.toml");
}

#[test]
fn what_comes_from_an_address_needs_the_signature_that_the_administrator_asks_for() {
    let world = machine();
    let (key, public) = key_pair(world.dir(), "author");
    let bytes = plugin("1.0.0", "");
    world.write("offered.wasm", &bytes);
    let sign = "dgst -sha256 -sign";
    tool::run(
        Command::new(tool::path("openssl"))
            .args(sign.split(' '))
            .arg(&key)
            .arg("-out")
            .arg(world.path("sig"))
            .arg(world.path("offered.wasm")),
    );
    use base64::Engine;
    let signature = base64::engine::general_purpose::STANDARD.encode(fs::read(world.path("sig")).expect("signed"));
    let server = Emulated::start(move |asked: &Asked| match asked.path.as_str() {
        "/signed/offered.wasm" | "/other/offered.wasm" => Reply::of(200, bytes.clone()),
        "/signed/offered.wasm.sig" => Reply::of(200, format!("{signature}\n")),
        _ => Reply::of(404, ""),
    });
    let at = |path: &str| format!("http://{}/{path}/offered.wasm", server.host());
    world.modsmith(&format!("plugin install {}", at("other"))).expect(0);
    world.modsmith("plugin remove offered").expect(0);

    fs::create_dir_all(world.path("etc/modsmith")).expect("writable");
    fs::copy(public, world.path("etc/modsmith/author.pub")).expect("writable");
    let keys = format!("[source.\"http://{}\"]\nkeys = [\"author.pub\"]\n", server.host());
    world.write("etc/modsmith/registries.toml", keys);
    world
        .modsmith(&format!("plugin install {}", at("other")))
        .expect(31)
        .expect_error("has no signature")
        .expect_hint();
    assert_eq!(installed(&world), ["plugins.lock"]);
    let out = world.modsmith(&format!("plugin install {}", at("signed"))).expect(0);
    assert!(out.stdout.contains("\nSigned by sha256:"), "{out}");

    key_pair(world.dir(), "stranger");
    fs::copy(world.path("stranger.pub"), world.path("etc/modsmith/author.pub")).expect("writable");
    world.modsmith("plugin update").expect(31).expect_error("not with the key that counts");
}

#[test]
fn a_version_is_published_once_and_followed_by_its_tag_or_its_number() {
    let (registry, world, desk) = (Registry::open(), machine(), tempfile::tempdir().expect("a directory"));
    let repository = format!("{}/team/offered", registry.host());
    let publish = |version: &str, rights: &str| {
        fs::write(desk.path().join("offered.wasm"), plugin(version, rights)).expect("writable");
        author(desk.path(), &format!("publish offered.wasm {repository}"))
    };
    let first = publish("1.0.0", "").expect(0);
    assert!(first.stdout.starts_with(&format!("{repository}:1.0.0@sha256:")), "{first}");
    assert_eq!(publish("1.0.0", "").expect(0).stdout, first.stdout, "the same plugin changes nothing");
    publish("1.0.0", "[read]\nroots = [\"etc/x\"]\n").expect(1).expect_error("published already").expect_hint();
    author(desk.path(), &format!("publish offered.wasm {repository}:9.0.0")).expect(1).expect_error("9.0.0");

    world.modsmith(&format!("plugin install {repository}")).expect(0);
    publish("1.1.0", "").expect(0);
    publish("2.0.0-rc.1", "").expect(0);
    let out = world.modsmith("plugin update").expect(0);
    assert!(out.stdout.starts_with("Updated from 1.0.0: offered 1.1.0"), "{out}");
    let locked = lock(&world)["plugin"]["offered"].clone();
    assert_eq!(locked["source"].as_str(), Some(format!("oci://{repository}").as_str()));
    assert!(locked["manifest"].as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{locked}");

    world.modsmith("plugin remove offered").expect(0);
    let digest = first.stdout.trim().rsplit('@').next().expect("a digest").to_owned();
    world.modsmith(&format!("plugin install {repository}@{digest}")).expect(0);
    let out = world.modsmith("plugin update").expect(0);
    assert_eq!(out.stdout, "offered 1.0.0 was installed by its digest and stays\n");
}

#[test]
fn an_update_that_asks_for_more_stops_before_it_replaces_what_was_granted() {
    let world = machine();
    let source = world.path("srv/offered.wasm").display().to_string();
    world.write("srv/offered.wasm", plugin("1.0.0", ""));
    world.modsmith(&format!("plugin install {source}")).expect(0);
    world.modsmith("plugin grant offered").expect(0);
    let before = fs::read(world.path(FILE)).expect("installed");
    world.write("srv/offered.wasm", plugin("1.1.0", "[[run]]\nprogram = \"sh\"\narguments = [\"**\"]\n"));
    let out = world.modsmith("plugin update").expect(31).expect_error("asks for more than was granted; 1.0.0 stays");
    let out = out.expect_error("+ runs sh **").expect_error("--more-rights").expect_hint();
    assert!(fs::read(world.path(FILE)).expect("installed") == before, "{out}");
    assert_eq!(world.modsmith("plugin inspect offered --json").expect(0).json()["grant"]["state"], "granted");
    let out = world.modsmith("plugin update offered --more-rights").expect(0);
    assert!(out.stdout.contains("It asks to run programs that execute their input: sh"), "{out}");
    assert_eq!(world.modsmith("plugin inspect offered --json").expect(0).json()["grant"]["state"], "changed");
}

/// What two authors publish, both of whom this machine believes.
#[test]
fn a_version_that_asks_for_nothing_new_stays_granted_if_the_same_key_has_signed_it() {
    let (registry, world, desk) = (Registry::open(), machine(), tempfile::tempdir().expect("a directory"));
    let repository = format!("{}/team/offered", registry.host());
    for name in ["author", "other"] {
        let (_, public) = key_pair(desk.path(), name);
        world.write(&format!("etc/modsmith/{name}.pub"), fs::read(public).expect("a key"));
    }
    let both = "keys = [\"author.pub\", \"other.pub\"]\n";
    world.write("etc/modsmith/registries.toml", format!("[source.\"{}\"]\n{both}", registry.host()));
    let publish = |version: &str, rights: &str, key: &str| {
        fs::write(desk.path().join("offered.wasm"), plugin(version, rights)).expect("writable");
        author(desk.path(), &format!("publish offered.wasm {repository} --key {key}.key")).expect(0);
    };
    let grant = || world.modsmith("plugin inspect offered --json").expect(0).json()["grant"]["state"].clone();
    let update = || world.modsmith("plugin update").expect(0).stdout;
    let stays = "It stays granted: it asks for nothing new, and the same key has signed it\n";
    let (reads, reads_more) = ("[read]\nroots = [\"etc/x\"]\n", "[read]\nroots = [\"etc\"]\n");

    publish("1.0.0", reads, "author");
    world.modsmith(&format!("plugin install {repository}")).expect(0);
    publish("1.1.0", reads, "author");
    assert!(!update().contains(stays), "it was never granted");
    assert_eq!(grant(), "not-granted");
    world.modsmith("plugin grant offered").expect(0);

    publish("1.2.0", reads, "author");
    assert!(update().contains(stays));
    assert_eq!(grant(), "granted");
    publish("1.3.0", "", "author");
    assert!(update().contains(stays));
    publish("1.4.0", reads, "author");
    world.modsmith("plugin update").expect(31).expect_error("asks for more than was granted; 1.3.0 stays");
    assert_eq!(grant(), "granted");
    publish("1.5.0", reads_more, "author");
    assert!(!world.modsmith("plugin update --more-rights").expect(0).stdout.contains(stays));
    assert_eq!(grant(), "changed");
    world.modsmith("plugin grant offered").expect(0);

    publish("1.6.0", reads_more, "other");
    assert!(!update().contains(stays), "another key has signed it");
    assert_eq!(grant(), "changed");
    // A grant that was not used any more does not come back with the next version.
    publish("1.7.0", reads_more, "other");
    assert!(!update().contains(stays));
    assert_eq!(grant(), "changed");
    world.modsmith("plugin grant offered").expect(0);
    world.modsmith("plugin revoke offered").expect(0);
    publish("1.8.0", reads_more, "other");
    assert!(!update().contains(stays), "the grant was taken back");
    assert_eq!(grant(), "not-granted");
}

#[test]
fn with_a_root_everything_is_below_it() {
    let (world, image) = (machine(), tempfile::tempdir_in("/var/tmp").expect("a directory"));
    world.write("srv/offered.wasm", plugin("1.0.0", ""));
    let root = image.path().display().to_string();
    fs::create_dir_all(image.path().join("etc")).expect("writable");
    fs::write(image.path().join("etc/os-release"), "ID=example\n").expect("writable");
    let source = world.path("srv/offered.wasm").display().to_string();
    let out = world.modsmith(&format!("plugin --root {root} install {source}")).expect(0);
    assert!(out.stdout.contains(&format!("`modsmith plugin --root {root} --of-root grant offered`")), "{out}");
    assert!(image.path().join(FILE).is_file() && image.path().join(LOCK).is_file());
    assert!(!image.path().join("var/cache").exists(), "it was compiled into this machine's cache");
    assert_eq!(installed(&world), Vec::<String>::new());
    world.modsmith(&format!("plugin grant offered --root {root} --of-root")).expect(0);
    assert!(image.path().join("etc/modsmith/grants/offered.toml").is_file());
    let out = world.modsmith(&format!("plugin list --root {root} --of-root")).expect(0);
    let words = out.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(" offered 1.0.0 ") && words.contains(", granted, from /"), "{out}");
    let out = world.modsmith(&format!("plugin list --root {root}")).expect(0);
    assert!(!out.stdout.contains("offered"), "without --of-root, this machine's plugins are listed: {out}");
    world.modsmith(&format!("plugin remove offered --root {root}")).expect(0);
    assert!(!image.path().join(FILE).exists() && !image.path().join("etc/modsmith/grants/offered.toml").exists());
}

#[test]
fn an_image_whose_links_lead_out_is_not_changed() {
    let (world, image) = (machine(), tempfile::tempdir_in("/var/tmp").expect("a directory"));
    world.write("srv/offered.wasm", plugin("1.0.0", ""));
    fs::create_dir_all(image.path().join("etc/modsmith")).expect("writable");
    fs::create_dir_all(world.path("outside")).expect("writable");
    for name in ["plugins", "grants", "registries.toml"] {
        let link = image.path().join("etc/modsmith").join(name);
        std::os::unix::fs::symlink(world.path("outside"), &link).expect("writable");
        let line =
            format!("plugin --root {} install {}", image.path().display(), world.path("srv/offered.wasm").display());
        world.modsmith(&line).expect(31).expect_error("leads out of").expect_hint();
        fs::remove_file(link).expect("a link");
    }
    assert_eq!(fs::read_dir(world.path("outside")).expect("a directory").count(), 0);
}

#[test]
fn a_mistake_in_the_administrators_file_is_named_before_anything_is_fetched() {
    let world = machine();
    world.write("etc/modsmith/registries.toml", "[registry.\"localhost:1\"]\nplain_http = true\n");
    let out = world.modsmith("plugin install localhost:1/x").expect(31).expect_hint();
    assert!(
        out.stderr.contains("there is no key `registry.\"localhost:1\".plain_http`; the nearest one is `plain-http`"),
        "{out}"
    );
}
