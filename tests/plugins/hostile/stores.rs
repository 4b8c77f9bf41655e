//! Plugins that name a store, or a key, which the administrator has not named.

use modsmith_plugins::{Error, StorePlace, StoreQuestion, Stores};

use super::guest::{Body, manifest_of};
use super::setting::{Setting, assert_names};

const SETTINGS: &str = "[settings]\naddress = { type = \"string\", default = \"/default\", help = \"x\" }\n\
                        keys = { type = \"list\", default = [\"default\"], help = \"x\" }\n";

/// What the plugin answers where the administrator has named this address, and the key `team`.
fn answer(named: &str, body: Body) -> Result<Vec<StorePlace>, Error> {
    let setting = Setting::of(&modsmith_kit::build::embed(&body.component_of_store(), &manifest_of("store", SETTINGS)));
    let settings = setting.dir.path().join("root/etc/modsmith/settings");
    std::fs::create_dir_all(&settings).unwrap();
    std::fs::write(settings.join("hostile.toml"), format!("address = \"{named}\"\nkeys = [\"team\"]\n")).unwrap();
    let plugins = setting.open();
    assert!(plugins.problems().is_empty(), "{:?}", plugins.problems());
    Stores(&plugins).places(&StoreQuestion {
        purpose: "pull",
        module: "mod",
        version: "1.0",
        kernel: "6.1.0-test",
        arch: "x86_64",
        identity: "sha256:0",
    })
}

#[track_caller]
fn assert_refused(named: &str, kind: &str, address: &str) {
    match answer(named, Body::new().place(kind, address, &["team"])) {
        Ok(places) => panic!("{named} was named, and {places:?} would be used"),
        Err(error) => assert_names(&error.to_string(), &["`hostile`", "the store", "settings do not name"]),
    }
}

#[test]
fn a_place_that_is_named_counts_and_one_below_it() {
    for (named, kind, address, used) in [
        ("/srv/builds", "directory", "/srv/builds", "/srv/builds"),
        ("/srv/builds/", "directory", "/srv/builds/a.b/c", "/srv/builds/a.b/c"),
        ("https://host/builds", "https", "https://host/builds/x", "https://host/builds/x"),
        ("host:5000/builds", "oci", "host:5000/builds", "oci://host:5000/builds"),
        ("oci://host/builds", "oci", "host/builds/x", "oci://host/builds/x"),
    ] {
        let place = StorePlace { plugin: "hostile".into(), address: used.into(), keys: vec!["team".into()] };
        assert_eq!(answer(named, Body::new().place(kind, address, &["team"])).unwrap(), [place]);
    }
}

#[test]
fn a_place_elsewhere_is_refused() {
    for address in ["/", "/srv", "/srv/builds2", "/srv/./builds", "/etc", "srv/builds", "", "/default"] {
        assert_refused("/srv/builds", "directory", address);
    }
    for address in
        ["https://other/builds", "http://host/builds", "https://host@other/builds", "https://host", "host/builds"]
    {
        assert_refused("https://host/builds", "https", address);
    }
    for address in ["host:5000", "host:50000/builds", "other/host:5000/builds", "oci://other", "host:5000/build"] {
        assert_refused("host:5000/builds", "oci", address);
    }
}

#[test]
fn a_way_below_a_place_that_leads_out_of_it_is_refused() {
    for way in ["..", "x/../..", ".", "", "x//y", "%2e%2e/y", "x%2fy", "..\\\\y", "?x=/", "#x", "x y", "x\ny", "a@b"] {
        assert_refused("/srv/builds", "directory", &format!("/srv/builds/{way}/end"));
        assert_refused("https://host/builds", "https", &format!("https://host/builds/{way}/end"));
        assert_refused("host/builds", "oci", &format!("host/builds/{way}/end"));
    }
}

/// A setting that is only the beginning of an address names no address.
#[test]
fn half_an_address_names_none() {
    for named in ["", "/", "https:", "https:/", "oci://"] {
        assert_refused(named, "https", "https://other/builds");
        assert_refused(named, "oci", "other/builds");
        assert_refused(named, "directory", "/etc");
    }
}

#[test]
fn keys_are_those_that_are_named() {
    for key in ["other", "default", "", "../keys/team", "team ", "team\nother"] {
        let error = answer("/srv/builds", Body::new().place("directory", "/srv/builds", &["team", key])).unwrap_err();
        assert_names(&error.to_string(), &["`hostile`", "the key", "settings do not name"]);
    }
}

#[test]
fn the_kind_is_one_of_those_that_are_known_and_fits_the_address() {
    let error = answer("/srv/builds", Body::new().place("ftp", "/srv/builds", &[])).unwrap_err();
    assert_names(&error.to_string(), &["`ftp`"]);
    for (named, kind) in [("/srv/builds", "https"), ("https://host", "directory"), ("https://host", "oci")] {
        let error = answer(named, Body::new().place(kind, named, &[])).unwrap_err();
        assert_names(&error.to_string(), &["no address of the kind", kind]);
    }
}

#[test]
fn a_million_places_are_stopped() {
    let error =
        answer("/srv/builds", Body::new().repeat(1_000_000, |body| body.place("directory", "/srv/builds", &[])))
            .unwrap_err();
    let message = [vec![error.to_string()], error.hints()].concat().join("\n");
    assert_names(&message, &["`hostile`", "limits.toml"]);
}

/// Each key is small, and all together are not.
#[test]
fn a_hundred_mebibytes_of_keys_are_stopped() {
    let key = "k".repeat(1024);
    let body = Body::new().place("directory", "/srv/builds", &[]);
    let error = answer("/srv/builds", body.key_for_ever(&key)).unwrap_err();
    let message = [vec![error.to_string()], error.hints()].concat().join("\n");
    assert_names(&message, &["`hostile`", "64 MiB of answers and steps", "`content-mib`", "limits.toml"]);
}
