//! Files that are no plugins, or not of this interface.

use super::guest::{Body, GRANT, manifest_text};
use super::setting::{Setting, assert_names, refresh};
use modsmith_plugins::Administration;

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
    let message =
        Setting::of(&modsmith_kit::build::embed(&component, &manifest_text("[reed]\nroots = []\n"))).problem();
    assert_names(&message, &["hostile.wasm", "line 6", "reed"]);
}

#[test]
fn a_truncated_file_is_refused() {
    let whole = modsmith_kit::build::embed(&Body::new().component(), &manifest_text(GRANT));
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
    assert_eq!((plugins.problems().len(), Administration(&plugins).list().len()), (1, 1));
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
    assert_names(&message, &["`hostile`", "evil:net/sockets@1.0.0", "track 1.0"]);
}

#[test]
fn a_function_that_this_host_does_not_have_is_named() {
    let message =
        Setting::raw("(component (import \"modsmith:plugin/log@1.0.0\" (instance (export \"teleport\" (func)))))")
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
    let setting = Setting::of(&modsmith_kit::build::embed(&Body::new().component(), &text));
    let message = Administration(&setting.open()).inspect("hostile").unwrap_err().to_string();
    assert_names(&message, &["hostile.wasm", "modsmith:plugin/initrd@1.0.0", "[roles] provides"]);
}

#[test]
fn what_a_plugin_asks_for_is_shown_without_starting_it() {
    let setting = Setting::doing(Body::new().code("unreachable"));
    let shown = Administration(&setting.open()).inspect("hostile").unwrap().to_string();
    assert_names(&shown, &["hostile 1.0.0", "sha256:", "boot/img-*", "tool -f img-*", "builder.run", "initrd"]);
}

/// A core module inside a component, so that only the module's own code decides.
fn around(module: &str) -> String {
    format!("(component (core {})", module.trim_start_matches('('))
}

#[test]
fn features_of_webassembly_that_the_interface_does_not_need_are_refused_by_name() {
    let vector = "(module (func (export \"f\") (result v128) (v128.const i32x4 0 0 0 0)))";
    let throwing = "(module (tag $t) (func (throw $t)))";
    let reference = "(module (type $t (func)) (func (param (ref $t))))";
    for (module, feature) in [
        ("(module (memory 1 1 shared))", "threads"),
        (vector, "simd"),
        ("(module (func $f (return_call $f)))", "tail-call"),
        ("(module (memory 1) (memory 1))", "multi-memory"),
        ("(module (memory i64 1))", "memory64"),
        ("(module (type (struct)))", "gc"),
        (throwing, "exceptions"),
        (reference, "function-references"),
        ("(module (memory 1 (pagesize 1)))", "custom-page-sizes"),
        ("(module (func (param externref)))", "gc-types"),
    ] {
        let message = Setting::raw(&around(module)).failure();
        assert_names(&message, &["`hostile`", &format!("the feature `{feature}`"), "target features"]);
    }
    let asynchronous = "(component (type (stream u8)))";
    assert_names(&Setting::raw(asynchronous).failure(), &["`hostile`", "the feature `component-model async`"]);
}

#[test]
fn what_compilers_emit_for_plugins_is_none_of_these_features() {
    let module = "(module (memory 1) (table 2 funcref) (global (mut i32) (i32.const 0)) \
        (func (param f64) (result i32 i64) (i32.extend8_s (i32.trunc_sat_f64_s (local.get 0))) (i64.const 1)) \
        (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 1))))";
    assert_names(&Setting::raw(&around(module)).failure(), &["`initrd`", "does not export"]);
}

#[test]
fn a_manifest_of_megabytes_is_refused_before_it_is_read() {
    let component = wat::parse_str("(component)").unwrap();
    let text = manifest_text(&format!("[read]\nroots = [{}]\n", "\"etc\",".repeat(1_000_000)));
    let message = Setting::of(&modsmith_kit::build::embed(&component, &text)).problem();
    assert_names(&message, &["hostile.wasm", "its manifest is longer than 64 KiB"]);
}

#[test]
fn a_table_of_megabytes_is_refused_before_it_is_read() {
    let setting = Setting::empty();
    let text = format!("id = \"x\"\nversion = \"1.0.0\"\nbase = \"y\"\n#{}\n", "x".repeat(64 << 10));
    std::fs::write(setting.dir.path().join("plugins/x.toml"), text).unwrap();
    assert_names(&setting.problem(), &["x.toml", "longer than 64 KiB"]);
}

#[test]
fn a_component_is_as_large_as_the_limit_allows() {
    let large = |mib: usize| {
        let mut component = Body::new().component();
        component = modsmith_kit::build::embed(&component, &manifest_text(GRANT));
        // A custom section of zeros, which is of no meaning to anybody.
        let size: usize = mib << 20;
        let content = vec![0; size + 1];
        component.push(0);
        component.extend(leb128(content.len()));
        component.extend(content);
        Setting::of(&component)
    };
    let setting = large(8);
    assert_names(
        &setting.problem(),
        &["hostile.wasm", "limit of 8 MiB", "`component-mib`", "/etc/modsmith/limits.toml"],
    );
    let shown = Administration(&setting.open()).inspect("hostile").unwrap_err().to_string();
    assert_names(&shown, &["hostile.wasm", "`component-mib`"]);

    std::fs::create_dir_all(setting.search().config).unwrap();
    std::fs::write(setting.search().config.join("limits.toml"), "component-mib = 9\n").unwrap();
    let plugins = setting.open();
    assert!(plugins.problems().is_empty(), "{:?}", plugins.problems());
    assert!(refresh(&plugins, &setting.system()).0.is_ok());
}

/// The length of a section.
fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (number & 0x7f) as u8;
        number >>= 7;
        bytes.push(if number == 0 { byte } else { byte | 0x80 });
        if number == 0 {
            return bytes;
        }
    }
}
