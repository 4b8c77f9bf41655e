//! The same values as the real dkms, where it lets them be seen: it names a
//! missing patch as it understood it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{evaluate, variables};
use modsmith_core::conf::ReaderChoice;
use modsmith_tests::world::is_root;

const HEAD: &str = "PACKAGE_NAME=p\nPACKAGE_VERSION=1\nBUILT_MODULE_NAME=p\nDEST_MODULE_LOCATION=/extra\n";

/// Values of PATCH, as they stand in the file.
const PIECES: &[&str] = &[
    r#"x"#,
    r#""a  b""#,
    "\"a\tb\n  c\"",
    r#"'a $kernelver b'"#,
    r#""a \$kernelver b""#,
    r#"'a \$kernelver b'"#,
    r#"'a\\\$kernelver'"#,
    r#""a\\\\b""#,
    r#"'a\b'"#,
    r#""a \\\"b\\\" c""#,
    r#"'a"b"c'"#,
    r#""it's""#,
    r#"'`echo hi`'"#,
    r#"'$(echo a  b)'"#,
    r#"$kernelver-$arch"#,
    r#"'$PACKAGE_NAME-$PACKAGE_VERSION'"#,
    r#"'<$MAKE><$BUILT_MODULE_NAME><$undefined>'"#,
    r#"${kernelver%%-*}"#,
    r#""${kernelver/-/_}${undefined:-none}""#,
    r#"$((1+2*3))"#,
    "\"a b\"\r",
    "é\\ ü",
    r#"a"b"'c'\d"#,
    r#"'x *.o y'"#,
    r#"'*.o z *.o'"#,
];

/// Lines before `PATCH=x` that end a shell, or have it print something at its end.
const LINES_BEFORE: &[&str] = &[
    "set -e\nfalse",
    "set -euo pipefail\nfalse | true",
    "set -e\nf() { false; CLEAN=true; }\nf",
    "set -e\nnosuchcommand 2>/dev/null",
    "trap 'echo bye' EXIT",
    "trap 'echo bye' RETURN",
];

/// What dkms takes PATCH for. It runs in a mount namespace, so that the
/// machine's own tree stays as it is.
fn by_dkms(dir: &Path, kernel: &str) -> String {
    let script = "mount -t tmpfs tmpfs /var/lib/dkms && cd \"$1/cwd\" && \
                  exec dkms build -m p -v 1 -k \"$2\" --dkmstree \"$1/tree\" --sourcetree \"$1/src\" --installtree /lib/modules";
    let user = if is_root() { None } else { Some("--map-root-user") };
    let output = Command::new("unshare")
        .args(user)
        .args(["--mount", "bash", "-c", script, "bash"])
        .arg(dir)
        .arg(kernel)
        .output()
        .expect("unshare runs (apt-get install util-linux)");
    let text = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    let value = text.split_once(" Patch ").and_then(|(_, rest)| rest.split_once(" as specified in"));
    value.unwrap_or_else(|| panic!("dkms names no patch (apt-get install dkms): {text}")).0.to_owned()
}

/// A kernel with headers, and directories for a package whose dkms.conf is going to be written: its path.
fn scene(dir: &Path) -> (String, PathBuf) {
    let headers = |name: &String| Path::new("/lib/modules").join(name).join("build/include").is_dir();
    let entries = std::fs::read_dir("/lib/modules").into_iter().flatten().flatten();
    let mut kernels: Vec<_> = entries.filter_map(|e| e.file_name().into_string().ok()).filter(headers).collect();
    kernels.sort();
    let kernel = kernels.first().expect("kernel headers (apt-get install linux-headers-amd64)");
    for sub in ["tree", "src/p-1", "cwd"] {
        std::fs::create_dir_all(dir.join(sub)).unwrap();
    }
    for name in ["cwd/a.o", "cwd/b.o", "src/p-1/Makefile"] {
        std::fs::write(dir.join(name), "").unwrap();
    }
    (kernel.clone(), dir.join("src/p-1/dkms.conf"))
}

#[test]
fn patch_names_are_those_that_dkms_sees() {
    let dir = tempfile::tempdir().unwrap();
    let (kernel, conf) = scene(dir.path());
    std::env::set_current_dir(dir.path().join("cwd")).unwrap();
    let mut variables = variables();
    variables.kernelver.clone_from(&kernel);
    let mut failures = Vec::new();
    for piece in PIECES {
        std::fs::write(&conf, format!("{HEAD}MAKE=mk\nPATCH={piece}\n")).unwrap();
        let expected = by_dkms(dir.path(), &kernel);
        let found = evaluate(&conf, &variables, ReaderChoice::Auto, 20).unwrap();
        // dkms prints the name with an unquoted echo once more.
        let words: Vec<_> = found.get("PATCH", 0).unwrap_or_default().split_whitespace().collect();
        if words != expected.split_whitespace().collect::<Vec<_>>() {
            failures.push(format!("{piece}: {words:?}, dkms: {expected:?}"));
        }
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), PIECES.len(), failures.join("\n"));
}

#[test]
fn a_failing_command_or_a_trap_loses_no_directive() {
    let dir = tempfile::tempdir().unwrap();
    let (kernel, conf) = scene(dir.path());
    for lines in LINES_BEFORE {
        std::fs::write(&conf, format!("{HEAD}MAKE=mk\n{lines}\nPATCH=x\n")).unwrap();
        assert_eq!(by_dkms(dir.path(), &kernel), "x", "{lines}");
        let found = evaluate(&conf, &variables(), ReaderChoice::Auto, 20).unwrap();
        assert_eq!(found.get("PATCH", 0), Some("x"), "{lines}: {}", found.stderr);
        // Nor is there a complaint of the reader's own shell.
        assert_eq!(found.stderr, "", "{lines}");
    }
}
