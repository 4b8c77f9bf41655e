//! The tools of authors: the interface as text, packing, build commands, checks, and new
//! plugins.

use modsmith_tests::{paths, tool};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::desk::Desk;

const MANIFEST: &str = r#"
id = "packed"
version = "1.0.0"
api = "1.0"

[roles]
provides = ["settings-check"]
"#;

/// A core module of the role `settings-check`, with imports and the code of its function.
pub(crate) fn settings_check(imports: &str, code: &str) -> Vec<u8> {
    let text = format!(
        "(module {imports} (memory (export \"memory\") 1)
           (func (export \"modsmith:plugin/settings-check@1.0.0#validate\") (result i32) {code} (i32.const 64))
           (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 256)))"
    );
    wat::parse_str(text).expect("valid text")
}

#[test]
fn the_interface_is_one_text_or_several_files_for_a_parser() {
    let desk = Desk::new();
    let mut resolve = Resolve::default();
    let package = resolve.push_str("plugin.wit", &desk.plugin("wit").expect(0).stdout).expect("valid WIT");
    assert!(resolve.select_world(&[package], Some("initrd-plugin")).is_ok());
    let files = desk.plugin("wit --out wit").expect(0).stdout;
    assert!(files.lines().all(|file| desk.path().join(file).is_file()), "{files}");
    Resolve::default().push_dir(desk.path().join("wit")).expect("valid WIT");
    desk.plugin("wit --out /dev/null/wit").expect(30).expect_error("/dev/null/wit");
}

/// The module crashes if an answer is another one.
#[test]
fn wasi_is_answered_with_nothing_in_a_packed_module() {
    let desk = Desk::new();
    let import = |name: &str, types: &str| {
        format!("(import \"wasi_snapshot_preview1\" \"{name}\" (func ${name} (param {types}) (result i32)))\n")
    };
    let imports = [
        import("args_sizes_get", "i32 i32"),
        import("clock_time_get", "i32 i64 i32"),
        import("random_get", "i32 i32"),
        import("fd_write", "i32 i32 i32 i32"),
        import("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32"),
        "(import \"wasi_snapshot_preview1\" \"proc_exit\" (func $proc_exit (param i32)))\n".to_owned(),
    ];
    let must = |condition: &str| format!("(if (i32.eqz {condition}) (then (call $proc_exit (i32.const 1))))\n");
    let code = [
        "(i32.store (i32.const 128) (i32.const 9))".to_owned(),
        must("(i32.eqz (call $args_sizes_get (i32.const 128) (i32.const 132)))"),
        must("(i32.eqz (i32.load (i32.const 128)))"),
        must("(i32.eqz (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 136)))"),
        must("(i64.gt_u (i64.load (i32.const 136)) (i64.const 0))"),
        must("(i32.eqz (call $random_get (i32.const 144) (i32.const 2)))"),
        must("(i32.ne (i32.load8_u (i32.const 144)) (i32.load8_u (i32.const 145)))"),
        // Two texts of 3 and 4 bytes.
        "(i32.store (i32.const 164) (i32.const 3)) (i32.store (i32.const 172) (i32.const 4))".to_owned(),
        must("(i32.eqz (call $fd_write (i32.const 1) (i32.const 160) (i32.const 2) (i32.const 176)))"),
        must("(i32.eq (i32.load (i32.const 176)) (i32.const 7))"),
        must(
            "(i32.eq (i32.const 8) (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) \
             (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0)))",
        ),
    ];
    desk.write("core.wasm", settings_check(&imports.concat(), &code.concat()));
    desk.write("plugin.toml", MANIFEST);
    desk.case();
    let output = desk.plugin("pack core.wasm").expect(0);
    assert!(output.stdout.trim_end().ends_with("packed.wasm"), "{output}");
    desk.plugin("test packed.wasm --cases cases").expect(0);

    desk.write("core.wasm", settings_check(&imports.concat(), "(call $proc_exit (i32.const 0))"));
    desk.plugin("pack core.wasm").expect(0);
    let output = desk.plugin("test packed.wasm --cases cases").expect(1);
    assert!(output.stdout.contains("crashed"), "{output}");
}

/// componentize-py adds an export of this name.
#[test]
fn a_component_with_further_exports_is_packed_and_runs() {
    let desk = Desk::new();
    let world = "world extended { include imports; export settings-check; export exports: interface { f: func(); } }";
    let mut resolve = Resolve::default();
    let text = format!("{}\n{world}\n", desk.plugin("wit").expect(0).stdout);
    let package = resolve.push_str("plugin.wit", &text).expect("valid WIT");
    let world = resolve.select_world(&[package], Some("extended")).expect("the world is there");
    let mut module = settings_check("(func (export \"exports#f\"))", "");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("a type");
    let component = ComponentEncoder::default().module(&module).expect("a module").encode().expect("a component");
    desk.write("made.wasm", component);
    desk.write("plugin.toml", MANIFEST);
    desk.case();
    desk.plugin("pack made.wasm").expect(0);
    desk.plugin("test packed.wasm --cases cases").expect(0);
    desk.plugin("pack packed.wasm --out again.wasm").expect(31).expect_error("a manifest already").expect_hint();
}

#[test]
fn what_modsmith_would_refuse_is_not_packed() {
    let desk = Desk::new();
    desk.write("core.wasm", settings_check("(import \"env\" \"puts\" (func (param i32)))", ""));
    desk.write("plugin.toml", MANIFEST);
    desk.plugin("pack core.wasm").expect(31).expect_error("core.wasm: ").expect_error("puts").expect_hint();
    desk.write("core.wasm", settings_check("", ""));
    desk.write("other.toml", MANIFEST.replace("settings-check", "initrd"));
    desk.plugin("pack core.wasm --manifest other.toml").expect(31).expect_error("initrd").expect_hint();
    assert!(!desk.path().join("packed.wasm").exists());
    desk.plugin("pack core.wasm --out core.wasm").expect(1).expect_error("core.wasm").expect_hint();
    desk.plugin("pack nothing.wasm").expect(30).expect_error("nothing.wasm");
}

#[test]
fn a_dependency_that_only_browsers_serve_is_named_with_the_way_to_it() {
    let desk = Desk::new();
    let name = desk.start("initrd", "rust");
    let package = |name: &str, dependencies: &str| {
        format!(
            "[package]\nname = \"{name}\"\nversion = \"0.2.100\"\nedition = \"2024\"\n[dependencies]\n{dependencies}"
        )
    };
    // As the crate of this name has it, without a network.
    desk.write("bindgen/Cargo.toml", package("wasm-bindgen", ""));
    desk.write(
        "bindgen/src/lib.rs",
        "#[link(wasm_import_module = \"__wbindgen_placeholder__\")]\nunsafe extern \"C\" { fn __wbindgen_now() -> u32; }\n\
         pub fn now() -> u32 { unsafe { __wbindgen_now() } }\n",
    );
    desk.write("clock/Cargo.toml", package("clock", "wasm-bindgen = { path = \"../bindgen\" }\n"));
    desk.write("clock/src/lib.rs", "pub use wasm_bindgen::now;\n");
    let edit = |file: &str, change: &dyn Fn(String) -> String| {
        let file = format!("{name}/{file}");
        let text = std::fs::read_to_string(desk.path().join(&file)).expect("a file of the template");
        desk.write(&file, change(text));
    };
    edit("Cargo.toml", &|text| text.replace("[dependencies]\n", "[dependencies]\nclock = { path = \"../clock\" }\n"));
    edit("src/lib.rs", &|text| {
        text + "\n#[unsafe(no_mangle)]\npub extern \"C\" fn now() -> u32 {\n    clock::now()\n}\n"
    });
    let out = desk.plugin(&format!("build {name} --out dist")).expect(31).expect_hint();
    let out = out.expect_error(&format!("The plugin `{name}` calls functions that only web browsers have."));
    out.expect_error(&format!("{name} → clock → wasm-bindgen."));
}

#[test]
fn a_build_command_takes_the_place_of_cargo() {
    let desk = Desk::new();
    desk.write("mine/core.wasm", settings_check("", ""));
    let build = "\n[build]\ncommand = [\"cp\", \"core.wasm\", \"made.wasm\"]\noutput = \"made.wasm\"\n";
    desk.write("mine/plugin.toml", format!("{MANIFEST}{build}"));
    desk.write("mine/cases/valid/facts.toml", "call = \"validate\"\n[kernel]\nrelease = \"6.12.9\"\n");
    desk.write("mine/cases/valid/expected.plan", "answer: valid\n");
    desk.plugin("build . --out dist").expect(0);
    assert!(desk.path().join("dist/packed.wasm").is_file());
    desk.plugin("test mine").expect(0);
    desk.plugin("check mine").expect(0);

    desk.write("mine/plugin.toml", format!("{MANIFEST}{}", build.replace("core.wasm", "lost.wasm")));
    desk.plugin("build mine --out dist").expect(31).expect_error("`cp` ended with").expect_hint();
    desk.write("mine/plugin.toml", format!("{MANIFEST}{}", build.replace("\"cp\"", "\"no-such-compiler\"")));
    desk.plugin("build mine --out dist").expect(31).expect_error("no-such-compiler").expect_hint();
}

#[test]
fn the_first_party_plugins_have_no_findings() {
    let desk = Desk::new();
    let plugins = paths::checkout().join("plugins");
    let built = paths::programs().join("plugins");
    let output = desk.plugin(&format!("check {} --built {}", plugins.display(), built.display())).expect(0);
    assert!(output.stdout.ends_with("plugins: no findings\n"), "{output}");
}

#[test]
fn findings_have_a_file_and_end_with_exit_code_1() {
    let desk = Desk::new();
    desk.write("core.wasm", settings_check("", ""));
    desk.write("plugin.c", "settings_get(\"backup\");\n");
    desk.write("Cargo.toml", "[package]\nname = \"packed\"\nversion = \"1.0.1\"\n");
    let unused =
        "[[run]]\nprogram = \"p\"\n[settings]\nunread = { type = \"bool\", default = true, help = \"Not read\" }\n";
    let build = "[build]\ncommand = [\"true\"]\noutput = \"core.wasm\"\n";
    desk.write("plugin.toml", format!("{MANIFEST}{unused}{build}"));
    let output = desk.plugin("check").expect(1).expect_error("4 findings in 1 plugin");
    for part in ["`[[run]]` is requested", "`backup`", "`unread`", "`1.0.1` in Cargo.toml"] {
        assert!(output.stdout.contains(part), "{part}: {output}");
    }
    desk.write("plugin.toml", format!("{MANIFEST}{build}").replace("provides", "provide"));
    let output = desk.plugin("check").expect(1);
    assert!(output.stdout.contains("plugin.toml:7: The key `provide` is unknown; the nearest one is `provides`."));
}

/// A new plugin is built and tested as it is.
fn is_green(kind: &str, language: &str) {
    let desk = Desk::new();
    let name = desk.start(kind, language);
    let output = desk.plugin(&format!("test {name}")).expect(0);
    assert!(output.stdout.contains(&format!("{name}: 1 case")), "{output}");
    desk.plugin(&format!("check {name}")).expect(0);
    desk.plugin(&format!("build {name} --out dist")).expect(0);
    let suffix = if language == "table" { "toml" } else { "wasm" };
    assert!(desk.path().join(format!("dist/{name}.{suffix}")).is_file());
    desk.plugin(&format!("new {kind} {name}")).expect(1).expect_error("is there already").expect_hint();
}

#[test]
fn new_plugins_in_rust_are_green_at_once() {
    let policies = ["initrd", "install-policy", "kernel-hooks", "packager", "signer"];
    let answers = ["boot-loader", "checks", "store", "file-owner"];
    policies.iter().chain(&answers).for_each(|kind| is_green(kind, "rust"));
}

/// Nothing in the new plugin says when an image is made.
#[test]
fn an_image_is_made_when_the_package_asks_unless_the_plugin_says_otherwise() {
    let desk = Desk::new();
    let name = desk.start("initrd", "rust");
    let case = format!("{name}/cases/when");
    let facts = "call = \"regeneration\"\nprograms = [\"mkimage\"]\n[kernel]\nrelease = \"6.12.9\"\n";
    desk.write(&format!("{case}/facts.toml"), facts);
    desk.write(&format!("{case}/expected.plan"), "answer: when-asked\n");
    let output = desk.plugin(&format!("test {name}")).expect(0);
    assert!(output.stdout.contains(&format!("{name}: 2 cases")), "{output}");
}

#[test]
fn new_plugins_in_c_are_green_at_once() {
    tool::path("clang");
    ["initrd", "install-policy"].iter().for_each(|kind| is_green(kind, "c"));
}

#[test]
fn new_tables_are_green_at_once() {
    ["initrd", "install-policy"].iter().for_each(|kind| is_green(kind, "table"));
}

#[test]
fn a_role_without_a_template_names_those_with_one() {
    let desk = Desk::new();
    desk.plugin("new bootloader mine").expect(1).expect_error("`bootloader`").expect_hint();
    desk.plugin("new initrd Mine").expect(1).expect_error("Mine").expect_hint();
    assert!(!desk.path().join("mine").exists());
}
