//! `nm` without plugins that it has no use for.
//!
//! The kernel's make runs `nm` twice for each file that it compiles. For each, `nm`
//! loads all plugins for link-time optimisation that are installed; LLVM's, a
//! hundred megabytes, takes ten times as long as the rest. With `--plugin`, it
//! loads only that one: gcc's, whose files LLVM's could not read anyway. (Kernels
//! built by clang have `llvm-nm`, which has no plugins.)
//!
//! Source: binutils' bfd/plugin.c, and nm(1) about `--plugin`.

use std::ffi::OsString;
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

/// The arguments that keep it from that.
pub fn arguments(lister: &Path, given: &[OsString]) -> Vec<OsString> {
    let chosen = given.iter().any(|argument| argument.as_encoded_bytes().starts_with(b"--plugin"));
    let needed = if chosen { None } else { needed(lister) };
    let plugin = needed.into_iter().flat_map(|needed| ["--plugin".into(), needed.into_os_string()]);
    plugin.chain(given.iter().cloned()).collect()
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

        let given: Vec<OsString> = vec!["a.o".into()];
        let words = arguments(&lister, &given);
        assert_eq!(words.len(), 3);
        assert_eq!(words[0], "--plugin");
        assert_eq!(Path::new(&words[1]).canonicalize().unwrap(), plugins.join(NEEDED).canonicalize().unwrap());
        assert_eq!(words[2], "a.o");
        let chosen: Vec<OsString> = vec!["--plugin=x.so".into(), "a.o".into()];
        assert_eq!(arguments(&lister, &chosen), chosen);
    }

    #[test]
    fn other_programs_are_left_alone() {
        assert!(is_lister("nm") && is_lister("aarch64-linux-gnu-nm"));
        for name in ["gcc-nm", "llvm-nm", "x86_64-linux-gnu-gcc-nm-12", "nm-new"] {
            assert!(!is_lister(name), "{name}");
        }
    }
}
