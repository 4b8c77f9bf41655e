//! `nm` without plugins that are of no use to it.
//!
//! The kernel's make runs `nm` twice for each file that it compiles. For each, `nm`
//! loads all plugins for link-time optimisation that are installed; LLVM's, a
//! hundred megabytes, takes ten times as long as the rest. With `--plugin`, it
//! loads only that one: gcc's, whose files LLVM's could not read anyway. (Kernels
//! built by clang have `llvm-nm`, which has no plugins.)
//!
//! Source: binutils' bfd/plugin.c, and nm(1) about `--plugin`.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// gcc's plugin.
const NEEDED: &str = "liblto_plugin.so";

/// Where binutils look, from the directory that their programs are in.
const PLUGINS: [&str; 2] = ["../lib/bfd-plugins", "../lib64/bfd-plugins"];

/// `nm`, perhaps with a machine before it.
pub fn is_lister(name: &str) -> bool {
    name == "nm" || name.ends_with("-linux-gnu-nm")
}

/// Whether a program would load plugins for nothing.
pub fn is_slow(lister: &Path) -> bool {
    needed(lister).is_some_and(|needed| {
        let all = needed.parent().and_then(|plugins| plugins.read_dir().ok());
        all.into_iter().flatten().filter_map(Result::ok).any(|other| other.file_name() != NEEDED)
    })
}

/// The arguments that keep it from that: with `--plugin`, if it is to read nothing
/// but objects, where no other plugin has anything to say.
pub fn arguments(lister: &Path, given: &[OsString]) -> Vec<OsString> {
    let plain = given.iter().all(|argument| match argument.as_bytes() {
        [b'@', ..] => false,
        [b'-', ..] => !argument.as_bytes().starts_with(b"--plugin"),
        _ => is_object(Path::new(argument)),
    });
    let needed = if plain { needed(lister) } else { None };
    let plugin = needed.into_iter().flat_map(|needed| ["--plugin".into(), needed.into_os_string()]);
    plugin.chain(given.iter().cloned()).collect()
}

/// Whether a file is an object of the kind that gcc makes.
fn is_object(file: &Path) -> bool {
    let mut start = [0; 4];
    File::open(file).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == *b"\x7fELF"
}

fn needed(lister: &Path) -> Option<PathBuf> {
    let real = lister.canonicalize().ok()?;
    let programs = real.parent()?;
    PLUGINS.iter().map(|plugins| programs.join(plugins).join(NEEDED)).find(|plugin| plugin.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_gccs_plugin_is_loaded_where_there_are_others() {
        let dir = tempfile::tempdir().unwrap();
        let (programs, plugins) = (dir.path().join("bin"), dir.path().join("lib/bfd-plugins"));
        std::fs::create_dir_all(&programs).unwrap();
        std::fs::create_dir_all(&plugins).unwrap();
        let lister = programs.join("nm");
        std::fs::write(&lister, "").unwrap();
        assert!(!is_slow(&lister));
        std::fs::write(plugins.join(NEEDED), "").unwrap();
        assert!(!is_slow(&lister));
        std::fs::write(plugins.join("LLVMgold-14.so"), "").unwrap();
        assert!(is_slow(&lister));

        let file = |name: &str, start: &str| {
            std::fs::write(dir.path().join(name), format!("{start} and more")).unwrap();
            dir.path().join(name).into_os_string()
        };
        let object = file("a.o", "\x7fELF");
        let words = arguments(&lister, &["-p".into(), object.clone()]);
        assert_eq!(words[0], "--plugin");
        assert_eq!(Path::new(&words[1]).canonicalize().unwrap(), plugins.join(NEEDED).canonicalize().unwrap());
        assert_eq!(words[2..], ["-p".into(), object.clone()]);

        // A plugin that was chosen, LLVM's objects, archives, and files that are named elsewhere.
        for other in ["--plugin=x.so".into(), file("b.o", "BC\u{c0}"), file("c.a", "!<arch>"), "@names".into()] {
            let given = [other, object.clone()];
            assert_eq!(arguments(&lister, &given), given);
        }
    }

    #[test]
    fn other_programs_are_left_alone() {
        assert!(is_lister("nm") && is_lister("aarch64-linux-gnu-nm"));
        for name in ["gcc-nm", "llvm-nm", "x86_64-linux-gnu-gcc-nm-12", "nm-new"] {
            assert!(!is_lister(name), "{name}");
        }
    }
}
