//! Scripts that the kernel cannot start: it reports that the script is missing, and means the
//! interpreter that the script's first line names.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use modsmith_facts::resolve_in_root;

/// The exit status of a script that is not started, as a shell has it.
pub const NOT_FOUND: i32 = 127;

/// As much of a file as the kernel looks at. Source: Linux, `BINPRM_BUF_SIZE`.
const LOOKED_AT: u64 = 256;

/// Why a script is not started whose interpreter is not found; `None` for other files, and where the
/// interpreter is there. Both are files of the system below `root`.
pub fn missing_interpreter(script: &Path, root: &Path) -> Option<String> {
    let file = File::open(resolve_in_root(root, script).ok()?).ok()?;
    let mut line = Vec::new();
    BufReader::new(file.take(LOOKED_AT)).read_until(b'\n', &mut line).ok()?;
    let line = String::from_utf8_lossy(line.strip_prefix(b"#!")?).into_owned();
    let name = line.trim_matches([' ', '\t', '\n']).split([' ', '\t']).next()?;
    if name.ends_with('\r') {
        return Some(
            "it cannot be started: its first line ends in a carriage return. Convert the file to Unix line ends".into(),
        );
    }
    let is_missing = Path::new(name).is_absolute() && resolve_in_root(root, Path::new(name)).is_err();
    is_missing.then(|| format!("its interpreter `{name}` is not installed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_tells_what_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("script");
        let why = |text: &str| {
            std::fs::write(&script, text).unwrap();
            missing_interpreter(&script, Path::new("/"))
        };
        assert_eq!(why("#!/no/such -e\necho").as_deref(), Some("its interpreter `/no/such` is not installed"));
        assert_eq!(why("#! /no/such").as_deref(), Some("its interpreter `/no/such` is not installed"));
        assert!(why("#!/bin/sh\r\necho\r\n").unwrap().contains("ends in a carriage return"));
        for text in ["#!/bin/sh\necho", "#!/bin/sh -e\r\n", "#!\n", "#!", "echo", "", "#!relative\n", "\x7fELF"] {
            assert_eq!(why(text), None, "{text:?}");
        }
        std::fs::remove_file(&script).unwrap();
        assert_eq!(missing_interpreter(&script, Path::new("/")), None);
    }

    #[test]
    fn the_interpreter_is_that_of_the_root() {
        let dir = tempfile::tempdir().unwrap();
        let why = || missing_interpreter(Path::new("/script"), dir.path());
        std::fs::write(dir.path().join("script"), "#!/bin/sh\n").unwrap();
        assert!(why().is_some());
        std::fs::create_dir(dir.path().join("bin")).unwrap();
        std::fs::write(dir.path().join("bin/sh"), "").unwrap();
        assert_eq!(why(), None);
    }
}
