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
        let program = self.arguments(&[program]);
        let mut code = format!("(local.set $command (call $command {program}))\n");
        for argument in arguments {
            let text = self.arguments(&[argument]);
            let unused = "(i32.const 0) (i32.const 0)";
            code += &format!("(call $argument (local.get $command) (i32.const 0) {text} {unused})\n");
        }
        for (name, value) in environment {
            let texts = self.arguments(&[name, value]);
            code += &format!("(call $variable (local.get $command) {texts})\n");
        }
        self.code(&format!("{code}(call $run (local.get $plan) (local.get $command) {RESULT})\n"))
    }

    /// A command with so many arguments of so many NUL bytes each.
    pub fn command(mut self, times: usize, bytes: usize) -> Self {
        let program = self.arguments(&["tool"]);
        self.code(&format!("(local.set $command (call $command {program}))\n")).repeat(times, |body| {
            let text = format!("(i32.const 65536) (i32.const {bytes})");
            body.code(&format!(
                "(call $argument (local.get $command) (i32.const 0) {text} (i32.const 0) (i32.const 0))\n"
            ))
        })
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
        // Results: no images; `when-asked`.
        let fixed = "(data (i32.const 256) \"\\00\\00\\00\\00\\10\\01\\00\\00\\0a\\00\\00\\00\")\n\
                     (data (i32.const 272) \"when-asked\")\n";
        let answer = |export: &str, result: usize| {
            format!(
                "(func (export \"modsmith:plugin/initrd@1.0.0#{export}\") (param $request i32) (result i32)
                   (call $drop-request (local.get $request)) (i32.const {result}))"
            )
        };
        let refresh = self.function("$refresh-image", "initrd@1.0.0#refresh");
        let functions = [answer("images", 288), answer("when", 256), refresh];
        component("initrd", "image-request", &format!("{fixed}{}", self.data), &functions.concat())
    }

    /// A place of a `store` plugin.
    pub fn place(mut self, kind: &str, address: &str, keys: &[&str]) -> Self {
        let texts = self.arguments(&[kind, address]);
        let mut code = format!("(local.set $place (call $place {texts}))\n");
        for key in keys {
            let text = self.arguments(&[key]);
            code += &format!("(call $add-key (local.get $place) {text})\n");
        }
        self.code(&code)
    }

    /// Adds a key to the last place without end.
    pub fn key_for_ever(mut self, key: &str) -> Self {
        let text = self.arguments(&[key]);
        self.code(&format!("(loop $again (call $add-key (local.get $place) {text}) (br $again))\n"))
    }

    /// The component of a `store` plugin that does this, and answers with the last place.
    pub fn component_of_store(&self) -> Vec<u8> {
        // At 256 the result, a list of one, which is at 272.
        let fixed = "(data (i32.const 256) \"\\00\\00\\00\\00\\10\\01\\00\\00\\01\\00\\00\\00\")\n";
        let text = format!(
            r#"(module
  (import "modsmith:plugin/requests@1.0.0" "[resource-drop]store-request" (func $drop-request (param i32)))
  (import "modsmith:plugin/answers@1.0.0" "[constructor]store-place"
    (func $place (param i32 i32 i32 i32) (result i32)))
  (import "modsmith:plugin/answers@1.0.0" "[method]store-place.add-key" (func $add-key (param i32 i32 i32)))
  (memory (export "memory") 18)
  {fixed}{data}
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 16384))
  (func (export "modsmith:plugin/store@1.0.0#places") (param $request i32) (result i32)
    (local $i i32)
    (local $place i32)
    {code}
    (i32.store (i32.const 272) (local.get $place))
    (call $drop-request (local.get $request))
    (i32.const 256)))"#,
            data = self.data,
            code = self.code
        );
        encoded(&text, "store")
    }

    /// The component of a `modprobe-config` plugin whose `add` does this, and
    /// whose `remove` does the other.
    pub fn component_that_removes(&self, remove: impl FnOnce(Body) -> Body) -> Vec<u8> {
        let remove = remove(Body { end: self.end, ..Body::default() });
        let functions = [
            self.function("$add-config", "modprobe-config@1.0.0#add"),
            remove.function("$remove-config", "modprobe-config@1.0.0#remove"),
        ];
        component("modprobe-config", "config-request", &format!("{}{}", self.data, remove.data), &functions.concat())
    }

    /// An exported function with this body.
    fn function(&self, name: &str, export: &str) -> String {
        format!(
            r#"
  (func {name} (export "modsmith:plugin/{export}") (param $request i32) (param $plan i32) (result i32)
    (local $i i32)
    (local $kernel i32)
    (local $command i32)
    (local.set $kernel (call $kernel (local.get $request)))
    {code}
    (call $drop-kernel (local.get $kernel))
    (call $drop-request (local.get $request))
    (call $drop-plan (local.get $plan))
    (i32.const 0))"#,
            code = self.code
        )
    }
}

/// A component of one role, whose functions take this kind of request.
fn component(role: &str, request: &str, data: &str, functions: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
  (import "modsmith:plugin/requests@1.0.0" "[resource-drop]{request}" (func $drop-request (param i32)))
  (import "modsmith:plugin/requests@1.0.0" "[method]{request}.kernel" (func $kernel (param i32) (result i32)))
  (import "modsmith:plugin/context@1.0.0" "[resource-drop]kernel" (func $drop-kernel (param i32)))
  (import "modsmith:plugin/context@1.0.0" "[method]kernel.release" (func $release (param i32 i32)))
  (import "modsmith:plugin/plan@1.0.0" "[resource-drop]builder" (func $drop-plan (param i32)))
  (import "modsmith:plugin/plan@1.0.0" "[method]builder.note" (func $note (param i32 i32 i32)))
  (import "modsmith:plugin/plan@1.0.0" "[method]builder.write-file"
    (func $write-file (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "modsmith:plugin/plan@1.0.0" "[method]builder.back-up"
    (func $back-up (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "modsmith:plugin/plan@1.0.0" "[method]builder.remove"
    (func $remove (param i32 i32 i32 i32 i32 i32)))
  (import "modsmith:plugin/plan@1.0.0" "[method]builder.symlink"
    (func $symlink (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "modsmith:plugin/plan@1.0.0" "[constructor]command" (func $command (param i32 i32) (result i32)))
  (import "modsmith:plugin/plan@1.0.0" "[method]command.argument"
    (func $argument (param i32 i32 i32 i32 i32 i32)))
  (import "modsmith:plugin/plan@1.0.0" "[method]command.variable" (func $variable (param i32 i32 i32 i32 i32)))
  (import "modsmith:plugin/plan@1.0.0" "[method]builder.run" (func $run (param i32 i32 i32)))
  (import "modsmith:plugin/system@1.0.0" "probe" (func $probe (param i32 i32 i32)))
  (import "modsmith:plugin/log@1.0.0" "emit" (func $emit (param i32 i32 i32 i32 i32)))
  (memory (export "memory") 18)
  {data}
  (global $heap (mut i32) (i32.const 16384))
  (func (export "cabi_realloc") (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
    ;; Each result replaces the one before.
    (global.get $heap))
  {functions})"#
    );
    encoded(&text, role)
}

/// The component of a role that this text of a module makes.
fn encoded(text: &str, role: &str) -> Vec<u8> {
    let mut module = wat::parse_str(text).expect("the test's own text is a module");
    let mut resolve = wit_parser::Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/v1.0");
    let (package, _) = resolve.push_dir(&wit).expect("the interface is valid");
    let world = resolve.select_world(&[package], Some(&format!("{role}-plugin"))).expect("the world exists");
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
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
    format!("id = \"hostile\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"{role}\"]\n{extra}")
}
