//! Plugins that mean harm, or are broken: each is refused or stopped with a
//! message that names the plugin, the rule and what to do, and leaves the plan
//! as it was.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use modsmith::error::{Error, Kind};
use modsmith::kernel::{Kernel, KernelInput};
use modsmith::plan::{Action, Builder};
use modsmith::plugin::{Answer, FrameworkSettings, Limits, Occasion, Place, Plugins, SearchPath, manifest};
use modsmith::system::{OsRelease, System};
use wit_component::{ComponentEncoder, StringEncoding};

/// Rights that most of these plugins have, and try to exceed.
const GRANT: &str = "[write]\nroots = [\"boot/img-*\"]\n[[run]]\nprogram = \"tool\"\narguments = [\"-f\", \"img-*\"]\n";

/// The body of a guest's `refresh`, with the strings that it uses.
#[derive(Default)]
struct Body {
    code: String,
    data: String,
    end: usize,
}

/// Where results of imports are written.
const RESULT: &str = "(i32.const 512)";

impl Body {
    fn new() -> Self {
        Self { end: 1024, ..Self::default() }
    }

    /// Pointer and length of a string in memory.
    fn text(&mut self, text: &str) -> (usize, usize) {
        let at = self.end;
        let bytes: String = text.bytes().map(|b| format!("\\{b:02x}")).collect();
        self.data.push_str(&format!("(data (i32.const {at}) \"{bytes}\")\n"));
        self.end += text.len();
        (at, text.len())
    }

    fn arguments(&mut self, texts: &[&str]) -> String {
        let parts = texts.iter().map(|text| {
            let (at, length) = self.text(text);
            format!("(i32.const {at}) (i32.const {length})")
        });
        parts.collect::<Vec<_>>().join(" ")
    }

    fn code(mut self, code: &str) -> Self {
        self.code.push_str(code);
        self
    }

    fn note(mut self, text: &str) -> Self {
        let text = self.arguments(&[text]);
        self.code(&format!("(call $note (local.get $plan) {text})\n"))
    }

    fn write(mut self, root: &str, relative: &str, bytes: usize) -> Self {
        let path = self.arguments(&[root, relative]);
        self.code(&format!(
            "(call $write-file (local.get $plan) {path} (i32.const 65536) (i32.const {bytes}) (i32.const 420) {RESULT})\n"
        ))
    }

    fn symlink(mut self, relative: &str, target: &str) -> Self {
        let texts = self.arguments(&["boot", relative, target]);
        self.code(&format!("(call $symlink (local.get $plan) {texts} {RESULT})\n"))
    }

    fn run(mut self, program: &str, arguments: &[&str]) -> Self {
        let name = self.arguments(&[program]);
        let texts: Vec<_> = arguments.iter().map(|text| self.text(text)).collect();
        // A list of variants: a tag, then pointer and length; 20 bytes each.
        self.end = self.end.next_multiple_of(4);
        let list = self.end;
        for (at, length) in &texts {
            let words: String = [0, *at, *length, 0, 0]
                .iter()
                .flat_map(|word| (*word as u32).to_le_bytes())
                .map(|b| format!("\\{b:02x}"))
                .collect();
            self.data.push_str(&format!("(data (i32.const {}) \"{words}\")\n", self.end));
            self.end += 20;
        }
        let count = texts.len();
        self.code(&format!(
            "(call $run (local.get $plan) {name} (i32.const {list}) (i32.const {count}) \
             (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) \
             (i32.const 0) (i32.const 0) (i32.const 0) {RESULT})\n"
        ))
    }

    fn log_error(mut self, text: &str) -> Self {
        let text = self.arguments(&[text]);
        self.code(&format!("(call $emit (i32.const 4) {text} (i32.const 0) (i32.const 0))\n"))
    }

    fn repeat(self, times: usize, body: impl FnOnce(Self) -> Self) -> Self {
        let inside = body(self.code("(local.set $i (i32.const 0)) (loop $again\n"));
        inside.code(&format!(
            "(br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {times}))))\n"
        ))
    }

    /// The component of an `initrd` plugin whose `refresh` does this and then
    /// says that all is well.
    fn component(&self) -> Vec<u8> {
        let text = format!(
            r#"(module
  (import "modsmith:plugin/context@0.1.0" "[resource-drop]kernel" (func $drop-kernel (param i32)))
  (import "modsmith:plugin/plan@0.1.0" "[resource-drop]builder" (func $drop-plan (param i32)))
  (import "modsmith:plugin/plan@0.1.0" "[method]builder.note" (func $note (param i32 i32 i32)))
  (import "modsmith:plugin/plan@0.1.0" "[method]builder.write-file"
    (func $write-file (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "modsmith:plugin/plan@0.1.0" "[method]builder.symlink"
    (func $symlink (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "modsmith:plugin/plan@0.1.0" "[method]builder.run"
    (func $run (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "modsmith:plugin/log@0.1.0" "emit" (func $emit (param i32 i32 i32 i32 i32)))
  (memory (export "memory") 18)
  {data}
  (global $heap (mut i32) (i32.const 16384))
  (func (export "cabi_realloc") (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
    ;; Each result replaces the one before.
    (global.get $heap))
  (func $refresh-image (export "modsmith:plugin/initrd@0.1.0#refresh")
    (param $kernel i32) (param $occasion i32) (param $plan i32) (result i32)
    (local $i i32)
    {code}
    (call $drop-kernel (local.get $kernel))
    (call $drop-plan (local.get $plan))
    (i32.const 0)))"#,
            data = self.data,
            code = self.code
        );
        let mut module = wat::parse_str(&text).expect("the test's own text is a module");
        let mut resolve = wit_parser::Resolve::default();
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/v0.1");
        let (package, _) = resolve.push_dir(&wit).expect("the interface is valid");
        let world = resolve.select_world(&[package], Some("initrd-plugin")).expect("the world exists");
        wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
            .expect("the world can be embedded");
        ComponentEncoder::default()
            .module(&module)
            .and_then(|encoder| encoder.validate(true).debug_names(true).encode())
            .expect("the test's own module fits the world")
    }
}

fn manifest_text(extra: &str) -> String {
    format!("id = \"hostile\"\nversion = \"1.0.0\"\napi = \"0.1\"\n[roles]\nprovides = [\"initrd\"]\n{extra}")
}

/// A directory with one plugin in it.
struct Setting {
    dir: tempfile::TempDir,
}

impl Setting {
    fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("plugins")).unwrap();
        std::fs::create_dir(dir.path().join("root")).unwrap();
        std::fs::create_dir(dir.path().join("cache")).unwrap();
        Self { dir }
    }

    fn of(bytes: &[u8]) -> Self {
        let setting = Self::empty();
        std::fs::write(setting.plugin(), bytes).unwrap();
        setting
    }

    fn doing(body: Body) -> Self {
        Self::of(&manifest::embed(&body.component(), &manifest_text(GRANT)))
    }

    /// A component from text, as no encoder would write it.
    fn raw(component: &str) -> Self {
        let bytes = wat::parse_str(component).expect("the test's own text is a component");
        Self::of(&manifest::embed(&bytes, &manifest_text("")))
    }

    fn plugin(&self) -> PathBuf {
        self.dir.path().join("plugins/hostile.wasm")
    }

    fn search(&self) -> SearchPath {
        SearchPath::only(self.dir.path().join("plugins"), self.dir.path().join("cache"))
    }

    fn system(&self) -> Arc<System> {
        Arc::new(System::new(self.dir.path().join("root"), OsRelease::default()))
    }

    fn open(&self) -> Plugins {
        Plugins::open(self.system(), self.search(), FrameworkSettings::default())
    }

    fn refresh(&self) -> (Result<Answer<()>, Error>, Vec<Action>) {
        refresh(&self.open(), &self.system())
    }

    /// The failure of a call, as the user reads it; the plan is untouched.
    #[track_caller]
    fn failure(&self) -> String {
        failure_of(&self.open(), &self.system())
    }

    /// The refusal of the file, as the user reads it.
    #[track_caller]
    fn problem(&self) -> String {
        let plugins = self.open();
        assert_eq!(plugins.problems().len(), 1, "{:?}", plugins.problems());
        assert!(plugins.list().is_empty());
        plugins.problems()[0].to_string()
    }

    /// The only compiled file in the cache.
    fn compiled(&self) -> PathBuf {
        let only = |dir: &Path| {
            let entries: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
            assert_eq!(entries.len(), 1, "{entries:?}");
            entries[0].clone()
        };
        only(&only(&self.dir.path().join("cache")))
    }
}

fn refresh(plugins: &Plugins, system: &System) -> (Result<Answer<()>, Error>, Vec<Action>) {
    let kernel = Arc::new(Kernel::new(KernelInput { release: "6.1.0-test".into(), ..KernelInput::default() }));
    let mut plan = Builder::new("a test", system.roots.clone());
    plan.push(Action::Note("before".into()), "a test");
    let answer = plugins.refresh_initrd(&kernel, Occasion::Installed, &mut plan);
    (answer, plan.steps().iter().skip(1).map(|step| step.action.clone()).collect())
}

#[track_caller]
fn failure_of(plugins: &Plugins, system: &System) -> String {
    let (answer, steps) = refresh(plugins, system);
    let error = answer.expect_err("the plugin should have been stopped");
    assert_eq!(error.kind, Kind::Plugin);
    assert!(steps.is_empty(), "steps of a failed call are still in the plan: {steps:?}");
    assert!(!error.hints.is_empty(), "no remedy: {error}");
    [vec![error.message], error.details, error.hints].concat().join("\n")
}

#[track_caller]
fn assert_names(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[test]
fn a_well_behaved_plugin_gets_its_steps_into_the_plan() {
    let setting = Setting::doing(Body::new().note("hello").write("boot", "img-1", 4).run("tool", &["-f", "img-1"]));
    let (answer, steps) = setting.refresh();
    assert_eq!(answer.unwrap(), Answer::Given { plugin: "hostile".into(), value: () });
    assert_eq!(steps.len(), 3);
    assert_eq!(steps[0], Action::Note("hello".into()));
}

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
fn a_write_outside_the_grant_is_refused_even_if_the_plugin_says_nothing() {
    let message = Setting::doing(Body::new().note("x").write("etc", "shadow", 4)).failure();
    assert_names(&message, &["`hostile`", "etc/shadow", "[write] roots = [\"boot/img-*\"]", "ask its author"]);
}

#[test]
fn a_path_that_climbs_is_refused() {
    let message = Setting::doing(Body::new().write("boot", "img-1/../../etc/shadow", 4)).failure();
    assert_names(&message, &["`hostile`", "img-1/../../etc/shadow", "without `..`", "plugin inspect hostile"]);
}

#[test]
fn an_absolute_path_is_refused() {
    let message = Setting::doing(Body::new().write("boot", "/etc/shadow", 4)).failure();
    assert_names(&message, &["`hostile`", "/etc/shadow", "must be relative", "plugin inspect hostile"]);
}

#[test]
fn a_root_of_the_hosts_own_is_refused() {
    let message = Setting::doing(Body::new().write("system", "etc/shadow", 4)).failure();
    assert_names(&message, &["`hostile`", "`system`", "plugin inspect hostile"]);
}

#[test]
fn a_link_out_of_its_root_is_refused() {
    let message = Setting::doing(Body::new().symlink("img-1", "/etc")).failure();
    assert_names(&message, &["`hostile`", "boot/img-1", "`/etc`", "link-targets"]);
}

#[test]
fn a_program_outside_the_grant_is_refused() {
    let message = Setting::doing(Body::new().run("sh", &["-c", "true"])).failure();
    assert_names(&message, &["`hostile`", "`sh`", "[[run]]", "ask its author"]);
}

#[test]
fn a_program_by_its_path_is_not_a_granted_program() {
    let message = Setting::doing(Body::new().run("/tmp/tool", &["-f", "img-1"])).failure();
    assert_names(&message, &["`hostile`", "/tmp/tool", "[[run]]"]);
}

#[test]
fn too_many_arguments_are_refused() {
    let message = Setting::doing(Body::new().run("tool", &["-f", "img-1", "--also"])).failure();
    assert_names(&message, &["`hostile`", "`tool -f img-1 --also`", "`tool -f img-*`", "ask its author"]);
}

#[test]
fn arguments_of_another_pattern_are_refused() {
    let message = Setting::doing(Body::new().run("tool", &["-f", "vmlinuz"])).failure();
    assert_names(&message, &["`hostile`", "`tool -f vmlinuz`", "`tool -f img-*`", "ask its author"]);
}

#[test]
fn an_endless_loop_is_stopped() {
    let setting = Setting::doing(Body::new().code("(loop $for-ever (br $for-ever))"));
    let plugins = setting.open().with_limits(Limits { fuel: 1_000_000, ..Limits::default() });
    let message = failure_of(&plugins, &setting.system());
    assert_names(&message, &["`hostile`", "initrd", "6.1.0-test", "1000000 units of work", "`fuel`", "limits.toml"]);
}

#[test]
fn a_memory_bomb_is_stopped() {
    let bomb = "(loop $more (drop (memory.grow (i32.const 16))) (br $more))";
    let message = Setting::doing(Body::new().code(bomb)).failure();
    assert_names(&message, &["`hostile`", "128 MiB of memory", "`memory-mib`", "limits.toml"]);
}

#[test]
fn a_million_steps_are_stopped() {
    let message = Setting::doing(Body::new().repeat(1_000_000, |body| body.note("x"))).failure();
    assert_names(&message, &["`hostile`", "10000 steps", "`steps`", "limits.toml"]);
}

#[test]
fn a_hundred_mebibytes_of_content_are_stopped() {
    let message = Setting::doing(Body::new().repeat(100, |body| body.write("boot", "img-1", 1 << 20))).failure();
    assert_names(&message, &["`hostile`", "64 MiB of file content", "`content-mib`", "limits.toml"]);
}

#[test]
fn limits_count_what_the_plan_already_has() {
    let setting = Setting::doing(Body::new().repeat(60, |body| body.note("x")));
    let plugins = setting.open().with_limits(Limits { steps: 100, ..Limits::default() });
    let kernel = Arc::new(Kernel::new(KernelInput::default()));
    let mut plan = Builder::new("a test", setting.system().roots.clone());
    assert!(plugins.refresh_initrd(&kernel, Occasion::Installed, &mut plan).is_ok());
    let error = plugins.refresh_initrd(&kernel, Occasion::Installed, &mut plan).unwrap_err();
    assert_names(&error.message, &["100 steps"]);
    assert_eq!(plan.steps().len(), 60);
}

#[test]
fn a_trap_is_told_with_plugin_role_kernel_and_remedy() {
    let message = Setting::doing(Body::new().note("x").code("unreachable")).failure();
    assert_names(
        &message,
        &["`hostile`", "(initrd)", "6.1.0-test", "unreachable", "[deny] plugins", "0: refresh-image"],
    );
}

#[test]
fn what_a_panicking_guest_logged_is_in_the_message() {
    let body = Body::new().log_error("panicked at src/lib.rs:7: no image").code("unreachable");
    assert_names(&Setting::doing(body).failure(), &["`hostile`", "src/lib.rs:7: no image"]);
}

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
        SearchPath { directories: vec![(setting.dir.path().join("plugins"), Place::Local)], config, ..setting.search() }
    };
    let open = || Plugins::open(setting.system(), search(), FrameworkSettings::default());
    let refused = open();
    assert_names(
        &refused.problems()[0].to_string(),
        &["`hostile`", "not been granted", "modsmith plugin grant hostile"],
    );
    assert_eq!(refresh(&refused, &setting.system()).0.unwrap(), Answer::Unsupported(Vec::new()));

    refused.grant("hostile").unwrap();
    assert_eq!(refresh(&open(), &setting.system()).1.len(), 1);

    // A file with other contents is another plugin.
    let other = manifest::embed(&Body::new().note("other").component(), &manifest_text(GRANT));
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
    let at = good.windows(version.len()).position(|window| window == version).expect("the version is in the file");
    let mut old = good.clone();
    old[at + 1..at + 3].copy_from_slice(b"17");
    std::fs::write(&file, &old).unwrap();

    assert_eq!(setting.refresh().1, [Action::Note("hello".into())]);
    assert!(std::fs::read(&file).unwrap() == good, "the old file was not replaced");
}

#[test]
fn a_damaged_compiled_plugin_is_a_miss() {
    let setting = Setting::doing(Body::new().note("hello"));
    assert!(setting.refresh().0.is_ok());
    for damaged in [&b""[..], b"\x7fELF", b"garbage"] {
        std::fs::write(setting.compiled(), damaged).unwrap();
        assert_eq!(setting.refresh().1, [Action::Note("hello".into())]);
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
    assert_eq!(smuggle(0o644), [Action::Note("smuggled".into())]);
    assert_eq!(smuggle(0o666), [Action::Note("hello".into())]);
}

#[test]
fn a_cache_directory_that_others_can_write_is_ignored() {
    let other = Setting::doing(Body::new().note("smuggled"));
    assert!(other.refresh().0.is_ok());
    let setting = Setting::doing(Body::new().note("hello"));
    assert!(setting.refresh().0.is_ok());
    std::fs::copy(other.compiled(), setting.compiled()).unwrap();
    std::fs::set_permissions(setting.dir.path().join("cache"), std::fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(setting.refresh().1, [Action::Note("hello".into())]);
}

#[test]
fn what_a_plugin_asks_for_is_shown_without_starting_it() {
    let setting = Setting::doing(Body::new().code("unreachable"));
    let shown = setting.open().inspect("hostile").unwrap().to_string();
    assert_names(&shown, &["hostile 1.0.0", "sha256:", "boot/img-*", "tool -f img-*", "builder.run", "initrd"]);
}
