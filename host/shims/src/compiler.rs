//! Questions to the compiler that are asked once.
//!
//! Before the kernel's make compiles anything it has the compiler compile nothing,
//! `/dev/null`, some thirty times, to learn which options it knows: a quarter of
//! the time that a small module takes. It does so again for every package and
//! every recipe. A question that was asked before is answered with what the
//! compiler answered then: exit code, output and the file. Everything else the
//! compiler does itself.
//!
//! Source of the form: `try-run` and `cc-option` in the kernel's
//! scripts/Makefile.compiler.

use std::ffi::OsString;
use std::hash::{DefaultHasher, Hasher};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;

use crate::become_program::Real;
use crate::layout::ANSWERS;

/// Variables that change what a compiler does or says; a `*` stands for any end.
const USED: [&str; 11] = [
    "LANG",
    "LANGUAGE",
    "LC_*",
    "GCC_*",
    "COLLECT_*",
    "CCACHE_*",
    "CPATH",
    "C_INCLUDE_PATH",
    "COMPILER_PATH",
    "LIBRARY_PATH",
    "SOURCE_DATE_EPOCH",
];

/// The exit code of a question's answer, which has been given. `None` where it is
/// none, or where there is no answer. `directory` is the one of [`crate::layout`].
pub fn answer(compiler: &Real, arguments: &[OsString], directory: &Path) -> Option<i32> {
    answered(compiler, arguments, question(arguments)?, &directory.join(ANSWERS))
}

/// Whether a name is a compiler's: `gcc`, `cc` or `clang`, perhaps with a machine
/// before it and a version behind it.
pub fn is_compiler(name: &str) -> bool {
    let version = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let unversioned = name.rsplit_once('-').filter(|(_, end)| version(end)).map_or(name, |(start, _)| start);
    matches!(unversioned.rsplit('-').next(), Some("gcc" | "cc" | "clang"))
}

fn is_used(variable: &str) -> bool {
    USED.iter().any(|used| match used.strip_suffix('*') {
        Some(start) => variable.starts_with(start),
        None => variable == *used,
    })
}

/// The file that a question's result goes to, if it is one: nothing but
/// `/dev/null` is compiled, and nothing else is read or written.
fn question(arguments: &[OsString]) -> Option<&Path> {
    let [options @ .., x, _language, input, o, output] = arguments else { return None };
    let plain = |option: &OsString| {
        let unlike = ["-include", "-imacros", "-fplugin", "-specs", "--specs", "-save-temps", "-M", "-Wp,-M", "@"];
        option.to_str().is_some_and(|text| !unlike.iter().any(|prefix| text.starts_with(prefix)))
    };
    let stops = options.iter().any(|option| option == "-c" || option == "-S" || option == "-E");
    let form = x == "-x" && input == "/dev/null" && o == "-o" && stops && options.iter().all(plain);
    (form && output != "/dev/null").then(|| Path::new(output))
}

/// The answer of earlier, or the compiler's, which is kept. `None` where neither
/// can be had.
fn answered(compiler: &Real, arguments: &[OsString], output: &Path, answers: &Path) -> Option<i32> {
    let key = key(compiler, arguments)?;
    let mut hash = DefaultHasher::new();
    hash.write(&key);
    let known = answers.join(format!("{:016x}", hash.finish()));
    if !known.is_dir() {
        ask(compiler, arguments, output, &key, &known)?;
    }
    let part = |name: &str| std::fs::read(known.join(name)).ok();
    // Different questions may have the same hash.
    part("key").filter(|kept| *kept == key)?;
    let code = String::from_utf8(part("code")?).ok()?.parse().ok()?;
    let (said, complained) = (part("stdout")?, part("stderr")?);
    if let Some(file) = part("file") {
        std::fs::write(output, file).ok()?;
    }
    let mut stdout = std::io::stdout();
    let _ = stdout.write_all(&said).and_then(|()| stdout.flush());
    let _ = std::io::stderr().write_all(&complained);
    Some(code)
}

/// Everything that an answer depends on but for the name of the file.
fn key(compiler: &Real, arguments: &[OsString]) -> Option<Vec<u8>> {
    let metadata = compiler.program.metadata().ok()?;
    let mut key = Vec::new();
    let mut add = |bytes: &[u8]| {
        key.extend((bytes.len() as u64).to_le_bytes());
        key.extend(bytes);
    };
    add(compiler.program.as_os_str().as_bytes());
    add(compiler.called_as.as_bytes());
    add(format!("{} {} {}", metadata.ino(), metadata.size(), metadata.mtime()).as_bytes());
    add(std::env::current_dir().ok()?.as_os_str().as_bytes());
    arguments[..arguments.len() - 1].iter().for_each(|argument| add(argument.as_bytes()));
    let mut variables: Vec<_> = std::env::vars_os().collect();
    variables.retain(|(name, _)| name.to_str().is_some_and(is_used));
    variables.sort();
    for (name, value) in variables {
        add(name.as_bytes());
        add(value.as_bytes());
    }
    Some(key)
}

/// Asks the compiler, and keeps what it answers under a name that appears with
/// all of it.
fn ask(compiler: &Real, arguments: &[OsString], output: &Path, key: &[u8], known: &Path) -> Option<()> {
    let asked = compiler.command(arguments).stdin(Stdio::null()).output().ok()?;
    // `None` for one that a signal ended.
    let code = asked.status.code()?;
    let made = known.with_extension(std::process::id().to_string());
    std::fs::create_dir(&made).ok()?;
    let keep = |name: &str, bytes: &[u8]| std::fs::write(made.join(name), bytes);
    let all =
        [("key", key), ("stdout", &asked.stdout), ("stderr", &asked.stderr), ("code", code.to_string().as_bytes())]
            .into_iter()
            .all(|(name, bytes)| keep(name, bytes).is_ok());
    let file = std::fs::read(output).map_or(true, |file| keep("file", &file).is_ok());
    if !all || !file || std::fs::rename(&made, known).is_err() {
        // The disk is full; or another one was faster, with the same answer.
        let _ = std::fs::remove_dir_all(&made);
    }
    known.is_dir().then_some(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn names_of_compilers_are_known() {
        for name in ["gcc", "cc", "gcc-12", "clang-14", "x86_64-linux-gnu-gcc-12", "aarch64-linux-gnu-gcc"] {
            assert!(is_compiler(name), "{name}");
        }
        for name in ["gcc-ar", "gcc-nm-12", "g++", "ccache", "clang-format", "distcc-pump", "modsmith"] {
            assert!(!is_compiler(name), "{name}");
        }
    }

    #[test]
    fn only_the_compilation_of_nothing_is_a_question() {
        let output = |line: &str| question(&words(line)).map(|path| path.display().to_string());
        let asked = "-Werror -D__KERNEL__ -fno-pie -c -x c /dev/null -o .tmp_1/tmp";
        assert_eq!(output(asked).as_deref(), Some(".tmp_1/tmp"));
        for line in [
            "-c -x c main.c -o main.o",
            "-c main.c -o main.o -x c /dev/null",
            "-x c /dev/null -o a.out",
            "-include x.h -c -x c /dev/null -o a.o",
            "-Wp,-MMD,a.d -c -x c /dev/null -o a.o",
            "-MD -c -x c /dev/null -o a.o",
            "@options -c -x c /dev/null -o a.o",
            "-c -x c /dev/null -o /dev/null",
            "--version",
        ] {
            assert_eq!(output(line), None, "{line}");
        }
    }

    #[test]
    fn the_second_answer_is_the_first_one_and_does_not_come_from_the_compiler() {
        let dir = tempfile::tempdir().unwrap();
        let compiler = dir.path().join("gcc");
        let script =
            "#!/bin/sh\necho asked >>\"$0.log\"\nfor last; do :; done\necho object >\"$last\"\necho no >&2\nexit 3\n";
        std::fs::write(&compiler, script).unwrap();
        std::fs::set_permissions(&compiler, PermissionsExt::from_mode(0o755)).unwrap();
        let (first, second) = (dir.path().join("first"), dir.path().join("second"));
        let answers = dir.path().join("answers");
        std::fs::create_dir(&answers).unwrap();
        let real = Real { called_as: "gcc".into(), path: None, program: compiler };
        for output in [&first, &second] {
            let arguments = words(&format!("-c -x c /dev/null -o {}", output.display()));
            assert_eq!(answered(&real, &arguments, output, &answers), Some(3));
            assert_eq!(std::fs::read_to_string(output).unwrap(), "object\n");
        }
        assert_eq!(std::fs::read_to_string(dir.path().join("gcc.log")).unwrap(), "asked\n");
        let other = words(&format!("-O2 -c -x c /dev/null -o {}", first.display()));
        answered(&real, &other, &first, &answers).unwrap();
        assert_eq!(std::fs::read_to_string(dir.path().join("gcc.log")).unwrap(), "asked\nasked\n");

        // An answer to another question under the same name is none.
        for kept in answers.read_dir().unwrap() {
            std::fs::write(kept.unwrap().path().join("key"), "another").unwrap();
        }
        assert_eq!(answered(&real, &other, &first, &answers), None);
    }
}
