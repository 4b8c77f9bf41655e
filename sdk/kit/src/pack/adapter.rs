//! WASI preview 1, answered with nothing.
//!
//! Compilers of many languages link a runtime that imports `wasi_snapshot_preview1`, even
//! if the program uses no file and no clock. Plugins have none of these, so this adapter
//! answers the runtime inside the component: no arguments, no environment, no open files,
//! a clock that stands still, and bytes that are always the same. `wit-component` links the
//! adapter and leaves out the functions that the module does not import.
//!
//! Source: the witx files of preview 1, github.com/WebAssembly/WASI, `wasi_snapshot_preview1.witx`.

/// The module that compilers import preview 1 from.
pub const NAME: &str = "wasi_snapshot_preview1";

/// The errno of all calls that need an open file.
const BADF: u32 = 8;

/// Functions that answer. Each has the signature of preview 1.
///
/// * The clock does not stand at 0, because runtimes take 0 for a missing clock. The time is
///   2001-09-09 01:46:40, in nanoseconds.
/// * The bytes of `random_get` differ from each other, because some runtimes draw until they
///   get another byte.
/// * `fd_write` takes everything, so that a runtime can report why it ends; no program
///   reads the report. The memory has `iovec`s: address and length, 4 bytes each.
/// * `adapter_monotonic_clock_set_paused` is no function of preview 1: Go's own library for
///   bindings calls it, so that an adapter asks for no time while memory is allocated.
const ANSWERS: &str = r#"
  (import "env" "memory" (memory 0))

  (func (export "args_sizes_get") (param $count i32) (param $size i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $size) (i32.const 0))
    (i32.const 0))
  (func (export "environ_sizes_get") (param $count i32) (param $size i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $size) (i32.const 0))
    (i32.const 0))
  (func (export "args_get") (param i32 i32) (result i32) (i32.const 0))
  (func (export "environ_get") (param i32 i32) (result i32) (i32.const 0))

  (func (export "clock_res_get") (param $clock i32) (param $out i32) (result i32)
    (i64.store (local.get $out) (i64.const 1))
    (i32.const 0))
  (func (export "clock_time_get") (param $clock i32) (param $precision i64) (param $out i32) (result i32)
    (i64.store (local.get $out) (i64.const 1000000000000000000))
    (i32.const 0))
  (func (export "sched_yield") (result i32) (i32.const 0))

  (func (export "random_get") (param $out i32) (param $length i32) (result i32)
    (local $index i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $index) (local.get $length)))
        (i32.store8
          (i32.add (local.get $out) (local.get $index))
          (i32.add (i32.mul (local.get $index) (i32.const 167)) (i32.const 13)))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $next)))
    (i32.const 0))

  (func (export "fd_write") (param $file i32) (param $vectors i32) (param $count i32) (param $out i32) (result i32)
    (local $sum i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $sum (i32.add (local.get $sum) (i32.load offset=4 (local.get $vectors))))
        (local.set $vectors (i32.add (local.get $vectors) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.store (local.get $out) (local.get $sum))
    (i32.const 0))

  (func (export "proc_exit") (param i32) (unreachable))
  (func (export "adapter_monotonic_clock_set_paused") (param i32))
"#;

/// All other functions with their parameters: they refuse. `i` is an i32, `I` an i64.
const REFUSALS: [(&str, &str); 36] = [
    ("fd_advise", "iIIi"),
    ("fd_allocate", "iII"),
    ("fd_close", "i"),
    ("fd_datasync", "i"),
    ("fd_fdstat_get", "ii"),
    ("fd_fdstat_set_flags", "ii"),
    ("fd_fdstat_set_rights", "iII"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "iI"),
    ("fd_filestat_set_times", "iIIi"),
    ("fd_pread", "iiiIi"),
    ("fd_prestat_dir_name", "iii"),
    ("fd_prestat_get", "ii"),
    ("fd_pwrite", "iiiIi"),
    ("fd_read", "iiii"),
    ("fd_readdir", "iiiIi"),
    ("fd_renumber", "ii"),
    ("fd_seek", "iIii"),
    ("fd_sync", "i"),
    ("fd_tell", "ii"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiiIIi"),
    ("path_link", "iiiiiii"),
    ("path_open", "iiiiiIIii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiiii"),
    ("path_unlink_file", "iii"),
    ("poll_oneoff", "iiii"),
    ("proc_raise", "i"),
    ("sock_accept", "iii"),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
];

/// The adapter as a core module.
///
/// # Errors
/// A mistake in the text above.
pub fn adapter() -> anyhow::Result<Vec<u8>> {
    let refusals = REFUSALS.into_iter().map(|(name, parameters)| {
        let types = parameters.chars().map(|letter| if letter == 'I' { " i64" } else { " i32" });
        let types: String = types.collect();
        format!("  (func (export \"{name}\") (param{types}) (result i32) (i32.const {BADF}))\n")
    });
    Ok(wat::parse_str(format!("(module{ANSWERS}\n{})", refusals.collect::<String>()))?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_adapter_has_every_function_of_preview_1() {
        let adapter = adapter().unwrap();
        wasmparser::validate(&adapter).unwrap();
        let mut names = BTreeSet::new();
        for payload in wasmparser::Parser::new(0).parse_all(&adapter) {
            if let wasmparser::Payload::ExportSection(exports) = payload.unwrap() {
                names.extend(exports.into_iter().map(|export| export.unwrap().name.to_owned()));
            }
        }
        // 45 of the specification, `sock_accept`, which came later, and Go's.
        assert_eq!(names.len(), 47);
        assert!(names.contains("proc_exit") && names.contains("fd_write"));
    }
}
