//! Files that are no plugins, or not of this interface.

use modsmith::plugin::manifest;

use crate::guest::{Body, GRANT, manifest_text};
use crate::setting::{Setting, assert_names, refresh};

#[test]
fn a_core_module_is_refused_as_such() {
    let message = Setting::of(&wat::parse_str("(module)").unwrap()).problem();
    assert_names(&message, &["hostile.wasm", "core module", "modsmith plugin build"]);
}

#[test]
fn a_component_without_a_manifest_is_refused() {
    let message = Setting::of(&wat::parse_str("(component)").unwrap()).problem();
    assert_names(&message, &["hostile.wasm", "modsmith:manifest", "modsmith plugin build"]);
}

#[test]
fn an_invalid_manifest_is_refused_with_line_and_key() {
    let component = wat::parse_str("(component)").unwrap();
    let message = Setting::of(&manifest::embed(&component, &manifest_text("[reed]\nroots = []\n"))).problem();
    assert_names(&message, &["hostile.wasm", "line 6", "reed"]);
}

#[test]
fn a_truncated_file_is_refused() {
    let whole = manifest::embed(&Body::new().component(), &manifest_text(GRANT));
    let message = Setting::of(&whole[..whole.len() / 2]).problem();
    assert_names(&message, &["hostile.wasm", "truncated or damaged", "install it again"]);
}

#[test]
fn garbage_is_refused() {
    assert_names(&Setting::of(b"#!/bin/sh\n").problem(), &["hostile.wasm", "not WebAssembly", "modsmith plugin build"]);
}

#[test]
fn a_refused_file_hides_no_other_plugin() {
    let setting = Setting::doing(Body::new());
    std::fs::write(setting.dir.path().join("plugins/broken.wasm"), b"x").unwrap();
    let plugins = setting.open();
    assert_eq!((plugins.problems().len(), plugins.list().len()), (1, 1));
    assert!(refresh(&plugins, &setting.system()).0.is_ok());
}

#[test]
fn a_wasi_import_is_refused_with_the_way_to_do_without() {
    let message = Setting::raw("(component (import \"wasi:filesystem/preopens@0.2.0\" (instance)))").failure();
    assert_names(&message, &["`hostile`", "wasi:filesystem/preopens@0.2.0", "no WASI", "wasm32-unknown-unknown"]);
}

#[test]
fn an_unknown_import_is_refused_by_name() {
    let message = Setting::raw("(component (import \"evil:net/sockets@1.0.0\" (instance)))").failure();
    assert_names(&message, &["`hostile`", "evil:net/sockets@1.0.0", "track 0.1"]);
}

#[test]
fn a_function_that_this_host_does_not_have_is_named() {
    let message =
        Setting::raw("(component (import \"modsmith:plugin/log@0.1.0\" (instance (export \"teleport\" (func)))))")
            .failure();
    assert_names(&message, &["`hostile`", "teleport", "newer modsmith"]);
}

#[test]
fn a_role_that_is_named_but_not_exported_is_refused() {
    let message = Setting::raw("(component)").failure();
    assert_names(&message, &["`hostile`", "`initrd`", "does not export", "[roles] provides"]);
}

#[test]
fn an_export_that_the_manifest_does_not_name_is_refused() {
    let text = manifest_text(GRANT).replace("[\"initrd\"]", "[\"signer\"]");
    let setting = Setting::of(&manifest::embed(&Body::new().component(), &text));
    let message = setting.open().inspect("hostile").unwrap_err().to_string();
    assert_names(&message, &["hostile.wasm", "modsmith:plugin/initrd@0.1.0", "[roles] provides"]);
}

#[test]
fn what_a_plugin_asks_for_is_shown_without_starting_it() {
    let setting = Setting::doing(Body::new().code("unreachable"));
    let shown = setting.open().inspect("hostile").unwrap().to_string();
    assert_names(&shown, &["hostile 1.0.0", "sha256:", "boot/img-*", "tool -f img-*", "builder.run", "initrd"]);
}
