//! Finding a compiler for plugins.
//!
//! Any rustc serves that has the target's standard library, or the sources to
//! build it from. The one on the program path is asked first, then the system's
//! own, because a user's toolchain often has only the native target.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;

/// The target of plugins: plain WebAssembly without WASI, so that a plugin has no import but those
/// of the interface.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// A cargo and a rustc that can build for [`TARGET`], and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    pub cargo: PathBuf,
    rustc: PathBuf,
    environment: Vec<(&'static str, PathBuf)>,
    /// Further arguments of `cargo build`.
    pub arguments: Vec<&'static str>,
}

/// A compiler that may do, as it describes itself.
#[derive(Debug, Clone, Default)]
struct Candidate {
    cargo: PathBuf,
    rustc: PathBuf,
    sysroot: PathBuf,
    /// The directory of the target's standard library, if it is installed.
    library: PathBuf,
}

impl Toolchain {
    /// The first that can build; the error says what each one lacks.
    pub fn find(directory: &Path) -> Result<Self, Error> {
        let on_path = |name: &str| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
        };
        let pairs = [(on_path("cargo"), on_path("rustc")), (system("cargo"), system("rustc"))];
        let mut candidates: Vec<Candidate> = Vec::new();
        for (cargo, rustc) in pairs {
            if let (Some(cargo), Some(rustc)) = (cargo, rustc)
                && candidates.iter().all(|known| known.rustc != rustc)
            {
                candidates.extend(Candidate::ask(cargo, rustc, directory));
            }
        }
        Self::choose(&candidates)
    }

    fn choose(candidates: &[Candidate]) -> Result<Self, Error> {
        if let Some(ready) = candidates.iter().find(|c| c.library.is_dir()) {
            return Ok(ready.toolchain(candidates));
        }
        if let Some(buildable) = candidates.iter().find(|c| c.sources().is_file()) {
            let mut toolchain = buildable.toolchain(candidates);
            toolchain.arguments.push("-Zbuild-std=std,panic_abort");
            // Released compilers have `-Z` options too, behind this switch.
            toolchain.environment.push(("RUSTC_BOOTSTRAP", "1".into()));
            return Ok(toolchain);
        }
        Err(none_can(candidates))
    }

    /// cargo in that directory, as if it were started from a plain shell: cargo
    /// and rustup pass their choice of toolchain on to what they start.
    pub fn cargo(&self, directory: &Path) -> Command {
        let mut command = clean(&self.cargo, directory);
        command.env("RUSTC", &self.rustc).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// The system's own program, also if another one is first on the program path.
fn system(name: &str) -> Option<PathBuf> {
    Some(Path::new("/usr/bin").join(name)).filter(|file| file.is_file())
}

fn clean(program: &Path, directory: &Path) -> Command {
    const STEERING: [&str; 9] = [
        "RUSTUP_TOOLCHAIN",
        "RUSTC",
        "RUSTDOC",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
    ];
    let mut command = Command::new(program);
    command.current_dir(directory).env("RUSTUP_AUTO_INSTALL", "0");
    STEERING.iter().for_each(|name| {
        command.env_remove(name);
    });
    // Below cargo, this leads to the libraries of another compiler.
    if std::env::var_os("CARGO").is_some() {
        command.env_remove("CARGO").env_remove("LD_LIBRARY_PATH");
    }
    command
}

impl Candidate {
    /// `None` for a compiler that does not answer: a proxy without a toolchain.
    fn ask(cargo: PathBuf, rustc: PathBuf, directory: &Path) -> Option<Self> {
        let print = |arguments: &[&str]| {
            let output = clean(&rustc, directory).args(arguments).output().ok()?;
            let line = String::from_utf8(output.stdout).ok()?.trim().to_owned();
            (output.status.success() && !line.is_empty()).then(|| PathBuf::from(line))
        };
        let sysroot = print(&["--print", "sysroot"])?;
        let library = print(&["--print", "target-libdir", "--target", TARGET])?;
        Some(Self { cargo, rustc, sysroot, library })
    }

    /// A file that is there when the standard library's sources are.
    fn sources(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml")
    }

    /// The linker that comes with a compiler; those of distributions may rely
    /// on one that is packaged apart, and any compiler's serves for all.
    fn linker(&self) -> Option<PathBuf> {
        let hosts = std::fs::read_dir(self.sysroot.join("lib/rustlib")).ok()?;
        let mut found: Vec<PathBuf> =
            hosts.filter_map(|host| Some(host.ok()?.path().join("bin/rust-lld"))).filter(|l| l.is_file()).collect();
        found.sort();
        found.into_iter().next()
    }

    fn toolchain(&self, all: &[Candidate]) -> Toolchain {
        let borrowed = if self.linker().is_some() { None } else { all.iter().find_map(Candidate::linker) };
        Toolchain {
            cargo: self.cargo.clone(),
            rustc: self.rustc.clone(),
            environment: borrowed.map(|l| ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", l)).into_iter().collect(),
            arguments: Vec::new(),
        }
    }
}

fn none_can(candidates: &[Candidate]) -> Error {
    if candidates.is_empty() {
        return Error::NoCompiler;
    }
    let lacks = candidates.iter().map(|c| {
        format!(
            "{} has neither the target's library ({}) nor the sources to build it from ({}).",
            c.rustc.display(),
            c.library.display(),
            c.sources().display()
        )
    });
    Error::NoCompilerForTarget { target: TARGET, lacks: lacks.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A made-up compiler below a directory, with the parts named.
    fn candidate(dir: &Path, name: &str, parts: &[&str]) -> Candidate {
        let sysroot = dir.join(name);
        let library = sysroot.join("target-library");
        std::fs::create_dir_all(&sysroot).unwrap();
        let candidate = Candidate { cargo: sysroot.join("cargo"), rustc: sysroot.join("rustc"), sysroot, library };
        for part in parts {
            let file = match *part {
                "library" => candidate.library.join("libstd.rlib"),
                "sources" => candidate.sources(),
                "linker" => candidate.sysroot.join("lib/rustlib/host/bin/rust-lld"),
                _ => unreachable!(),
            };
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        candidate
    }

    #[test]
    fn a_compiler_with_the_targets_library_is_preferred_to_building_it() {
        let dir = tempfile::tempdir().unwrap();
        let all =
            [candidate(dir.path(), "a", &["sources", "linker"]), candidate(dir.path(), "b", &["library", "linker"])];
        let chosen = Toolchain::choose(&all).unwrap();
        assert_eq!(chosen.rustc, all[1].rustc);
        assert!(chosen.arguments.is_empty() && chosen.environment.is_empty());
    }

    #[test]
    fn the_library_is_built_from_sources_with_a_linker_borrowed_from_another_compiler() {
        let dir = tempfile::tempdir().unwrap();
        let all = [candidate(dir.path(), "a", &["linker"]), candidate(dir.path(), "b", &["sources"])];
        let chosen = Toolchain::choose(&all).unwrap();
        assert_eq!(chosen.rustc, all[1].rustc);
        assert_eq!(chosen.arguments, ["-Zbuild-std=std,panic_abort"]);
        assert_eq!(chosen.environment[0].1, all[0].linker().unwrap());
    }

    #[test]
    fn when_none_can_each_is_named_with_the_files_that_it_lacks() {
        let dir = tempfile::tempdir().unwrap();
        let all = [candidate(dir.path(), "a", &["linker"]), candidate(dir.path(), "b", &[])];
        let error = Toolchain::choose(&all).unwrap_err();
        let details = error.details();
        assert_eq!(details.len(), 2);
        assert!(details[1].contains("b/rustc") && details[1].contains("library/std/Cargo.toml"), "{error:?}");
        assert!(!error.hints().is_empty());
    }

    #[test]
    fn without_any_compiler_the_places_are_named() {
        assert!(Toolchain::choose(&[]).unwrap_err().details()[0].contains("/usr/bin"));
    }

    #[test]
    fn a_choice_of_toolchain_is_not_passed_on() {
        let toolchain =
            Toolchain { cargo: "/c".into(), rustc: "/r".into(), environment: Vec::new(), arguments: Vec::new() };
        let command = toolchain.cargo(Path::new("/"));
        let value = |name: &str| command.get_envs().find(|(key, _)| *key == name).map(|(_, value)| value);
        assert_eq!(value("RUSTUP_TOOLCHAIN"), Some(None));
        assert_eq!(value("RUSTC"), Some(Some("/r".as_ref())));
    }
}
