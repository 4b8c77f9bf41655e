//! Plugins made from text, as no compiler would make them.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding};

/// Rights that most of these plugins have, and try to exceed.
pub const GRANT: &str =
    "[write]\nroots = [\"boot/img-*\"]\n[[run]]\nprogram = \"tool\"\narguments = [\"-f\", \"img-*\"]\n";

/// The body of a guest's function that adds steps, with the strings that it
/// uses.
#[derive(Default)]
pub struct Body {
    code: String,
    data: String,
    end: usize,
}

/// Where results of imports are written.
const RESULT: &str = "(i32.const 512)";

impl Body {
    pub fn new() -> Self {
        Self { end: 1024, ..Self::default() }
    }

    /// Pointer and length of a string in memory.
    fn text(&mut self, text: &str) -> (usize, usize) {
        let location = self.end;
        let bytes: String = text.bytes().map(|b| format!("\\{b:02x}")).collect();
        self.data.push_str(&format!("(data (i32.const {location}) \"{bytes}\")\n"));
        self.end += text.len();
        (location, text.len())
    }

    /// Numbers in memory, where the next string would be.
    fn words(&mut self, words: &[usize]) {
        let bytes = words.iter().flat_map(|word| (*word as u32).to_le_bytes());
        let bytes: String = bytes.map(|b| format!("\\{b:02x}")).collect();
        self.data.push_str(&format!("(data (i32.const {}) \"{bytes}\")\n", self.end));
        self.end += 4 * words.len();
    }

    fn arguments(&mut self, texts: &[&str]) -> String {
        let parts = texts.iter().map(|text| {
            let (location, length) = self.text(text);
            format!("(i32.const {location}) (i32.const {length})")
        });
        parts.collect::<Vec<_>>().join(" ")
    }

    pub fn code(mut self, code: &str) -> Self {
        self.code.push_str(code);
        self
    }

    pub fn note(mut self, text: &str) -> Self {
        let text = self.arguments(&[text]);
        self.code(&format!("(call $note (local.get $plan) {text})\n"))
    }

    /// So many NUL bytes.
    pub fn write(mut self, root: &str, relative: &str, bytes: usize) -> Self {
        let path = self.arguments(&[root, relative]);
        self.code(&format!(
            "(call $write-file (local.get $plan) {path} (i32.const 65536) (i32.const {bytes}) (i32.const 420) {RESULT})\n"
        ))
    }

    pub fn back_up(mut self, root: &str, relative: &str, suffix: &str) -> Self {
        let texts = self.arguments(&[root, relative, suffix]);
        self.code(&format!("(call $back-up (local.get $plan) {texts} {RESULT})\n"))
    }

    pub fn remove(mut self, root: &str, relative: &str) -> Self {
        let texts = self.arguments(&[root, relative]);
        self.code(&format!("(call $remove (local.get $plan) {texts} {RESULT})\n"))
    }

    pub fn symlink(mut self, relative: &str, target: &str) -> Self {
        let texts = self.arguments(&["boot", relative, target]);
        self.code(&format!("(call $symlink (local.get $plan) {texts} {RESULT})\n"))
    }

    pub fn run(self, program: &str, arguments: &[&str]) -> Self {
        self.run_with(program, arguments, &[])
    }

    /// The same with variables.
    pub fn run_with(mut self, program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let name = self.arguments(&[program]);
        // A list of pairs of strings: 16 bytes each.
        let pairs: Vec<_> = environment.iter().map(|(name, value)| (self.text(name), self.text(value))).collect();
        self.end = self.end.next_multiple_of(4);
        let (variables, number) = (self.end, pairs.len());
        for ((name, length), (value, size)) in pairs {
            self.words(&[name, length, value, size]);
        }
        let texts: Vec<_> = arguments.iter().map(|text| self.text(text)).collect();
        // A list of variants: a tag, then pointer and length; 20 bytes each.
        self.end = self.end.next_multiple_of(4);
        let list = self.end;
        for (location, length) in &texts {
            self.words(&[0, *location, *length, 0, 0]);
        }
        let count = texts.len();
        self.code(&format!(
            "(call $run (local.get $plan) {name} (i32.const {list}) (i32.const {count}) \
             (i32.const {variables}) (i32.const {number}) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) \
             (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) {RESULT})\n"
        ))
    }

    /// Asks for the output of a probe.
    pub fn probe(mut self, name: &str) -> Self {
        let name = self.arguments(&[name]);
        self.code(&format!("(call $probe {name} {RESULT})\n"))
    }

    pub fn log_error(mut self, text: &str) -> Self {
        let text = self.arguments(&[text]);
        self.code(&format!("(call $emit (i32.const 4) {text} (i32.const 0) (i32.const 0))\n"))
    }

    /// Crashes where the kernel's release is longer than any real one.
    pub fn trap_on_a_long_release(self) -> Self {
        self.code(&format!(
            "(call $release (local.get $kernel) {RESULT})\n\
             (if (i32.gt_u (i32.load offset=4 {RESULT}) (i32.const 100)) (then unreachable))\n"
        ))
    }

    pub fn repeat(self, times: usize, body: impl FnOnce(Self) -> Self) -> Self {
        let inside = body(self.code("(local.set $i (i32.const 0)) (loop $again\n"));
        inside.code(&format!(
            "(br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {times}))))\n"
        ))
    }

    /// The component of an `initrd` plugin whose `refresh` does this and then
    /// says that all is well.
    pub fn component(&self) -> Vec<u8> {
        let when = "(func (export \"modsmith:plugin/initrd@0.1.0#when\") (result i32) (i32.const 0))";
        let refresh = self.function("$refresh-image", "initrd@0.1.0#refresh", "occasion");
        component("initrd", &self.data, &format!("{when}{refresh}"))
    }

    /// The component of a `modprobe-config` plugin whose `add` does this, and
    /// whose `remove` does the other.
    pub fn component_that_removes(&self, remove: impl FnOnce(Body) -> Body) -> Vec<u8> {
        let remove = remove(Body { end: self.end, ..Body::default() });
        let functions = [
            self.function("$add-config", "modprobe-config@0.1.0#add", "module"),
            remove.function("$remove-config", "modprobe-config@0.1.0#remove", "module"),
        ];
        component("modprobe-config", &format!("{}{}", self.data, remove.data), &functions.concat())
    }

    /// An exported function with this body. `other` is its parameter beside the
    /// kernel and the plan: an occasion, or a package.
    fn function(&self, name: &str, export: &str, other: &str) -> String {
        let (parameters, drop) = match other {
            "module" => ("(param $module i32) (param $kernel i32)", "(call $drop-module (local.get $module))"),
            _ => ("(param $kernel i32) (param $occasion i32)", ""),
        };
        format!(
            r#"
  (func {name} (export "modsmith:plugin/{export}") {parameters} (param $plan i32) (result i32)
    (local $i i32)
    {code}
    {drop}
    (call $drop-kernel (local.get $kernel))
    (call $drop-plan (local.get $plan))
    (i32.const 0))"#,
            code = self.code
        )
    }
}

/// A component of one role.
fn component(role: &str, data: &str, functions: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
  (import "modsmith:plugin/context@0.1.0" "[resource-drop]kernel" (func $drop-kernel (param i32)))
  (import "modsmith:plugin/context@0.1.0" "[resource-drop]module-package" (func $drop-module (param i32)))
  (import "modsmith:plugin/context@0.1.0" "[method]kernel.release" (func $release (param i32 i32)))
  (import "modsmith:plugin/plan@0.1.0" "[resource-drop]builder" (func $drop-plan (param i32)))
  (import "modsmith:plugin/plan@0.1.0" "[method]builder.note" (func $note (param i32 i32 i32)))
  (import "modsmith:plugin/plan@0.1.0" "[method]builder.write-file"
    (func $write-file (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "modsmith:plugin/plan@0.1.0" "[method]builder.back-up"
    (func $back-up (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "modsmith:plugin/plan@0.1.0" "[method]builder.remove"
    (func $remove (param i32 i32 i32 i32 i32 i32)))
  (import "modsmith:plugin/plan@0.1.0" "[method]builder.symlink"
    (func $symlink (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "modsmith:plugin/plan@0.1.0" "[method]builder.run"
    (func $run (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "modsmith:plugin/system@0.1.0" "probe" (func $probe (param i32 i32 i32)))
  (import "modsmith:plugin/log@0.1.0" "emit" (func $emit (param i32 i32 i32 i32 i32)))
  (memory (export "memory") 18)
  {data}
  (global $heap (mut i32) (i32.const 16384))
  (func (export "cabi_realloc") (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
    ;; Each result replaces the one before.
    (global.get $heap))
  {functions})"#
    );
    let mut module = wat::parse_str(&text).expect("the test's own text is a module");
    let mut resolve = wit_parser::Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/v0.1");
    let (package, _) = resolve.push_dir(&wit).expect("the interface is valid");
    let world = resolve.select_world(&[package], Some(&format!("{role}-plugin"))).expect("the world exists");
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
        .expect("the world can be embedded");
    ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.validate(true).debug_names(true).encode())
        .expect("the test's own module fits the world")
}

/// The manifest of an `initrd` plugin.
pub fn manifest_text(extra: &str) -> String {
    manifest_of("initrd", extra)
}

/// The manifest of a plugin with one role.
pub fn manifest_of(role: &str, extra: &str) -> String {
    format!("id = \"hostile\"\nversion = \"1.0.0\"\napi = \"0.1\"\n[roles]\nprovides = [\"{role}\"]\n{extra}")
}
