//! What the dkms.conf tests share: the oracle, which is plain bash.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use modsmith_core::conf::{DIRECTIVES, Evaluated, ReaderChoice, Request, Variables, evaluate_within};
use modsmith_core::error::Error;

/// Slots by directive, as text.
pub type Slots = BTreeMap<(String, u32), String>;

pub fn variables() -> Variables {
    Variables {
        kernelver: "6.1.0-56-amd64".into(),
        arch: "x86_64".into(),
        kernel_source_dir: "/lib/modules/6.1.0-56-amd64/build".into(),
        kernel_config: "/lib/modules/6.1.0-56-amd64/build/.config".into(),
        dkms_tree: "/var/lib/dkms".into(),
        source_tree: "/usr/src".into(),
        install_tree: "/lib/modules".into(),
        module: "hello".into(),
        module_version: "1.0".into(),
    }
}

/// One file, read as the library reads it, without environment.
pub fn evaluate(conf: &Path, variables: &Variables, reader: ReaderChoice, seconds: u64) -> Result<Evaluated, Error> {
    let request = Request { conf, overrides: vec![], variables, directives: &[], reader };
    evaluate_within(&request, [], Duration::from_secs(seconds))
}

pub fn slots(evaluated: &Evaluated) -> Slots {
    let named = |(name, slots): (&String, &BTreeMap<u32, modsmith_core::conf::Slot>)| {
        let name = name.clone();
        slots.iter().map(move |(i, slot)| ((name.clone(), *i), slot.value.clone())).collect::<Vec<_>>()
    };
    evaluated.directives.iter().flat_map(named).filter(|((name, _), _)| DIRECTIVES.contains(&name.as_str())).collect()
}

/// The same through the oracle.
pub fn oracle(conf: &Path, variables: &Variables, path: &str) -> Slots {
    let scratch = tempfile::NamedTempFile::new().expect("a scratch file");
    let output = Command::new("/bin/bash")
        .args(["--norc", "--noprofile", "-c", include_str!("oracle.sh"), "bash"])
        .arg(conf)
        .arg(scratch.path())
        .env_clear()
        .env("PATH", path)
        .env("LC_ALL", "C")
        .envs(std::env::var_os("HOME").map(|home| ("HOME", home)))
        .env("ORACLE_NAMES", DIRECTIVES.join(" "))
        .env("kernelver", &variables.kernelver)
        .env("arch", &variables.arch)
        .env("kernel_source_dir", &variables.kernel_source_dir)
        .env("kernel_config", &variables.kernel_config)
        .env("dkms_tree", &variables.dkms_tree)
        .env("source_tree", &variables.source_tree)
        .env("install_tree", &variables.install_tree)
        .env("module", &variables.module)
        .env("module_version", &variables.module_version)
        .stdin(Stdio::null())
        .output()
        .expect("bash runs (apt-get install bash)");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let words: Vec<&str> = text.split('\0').collect();
    let slot = |w: &[&str]| Some(((w[0].to_owned(), w[1].parse().ok()?), w[2].to_owned()));
    words.chunks_exact(3).filter_map(slot).collect()
}

/// A directory with known files, made the current one for the whole process:
/// patterns in values are matched against it.
pub fn enter_known_directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let dir = tempfile::Builder::new().prefix("cwd").tempdir().expect("a directory").keep();
        for name in ["a.o", "b.o", "x y.o", "CLEAN0=\"q", "file"] {
            std::fs::write(dir.join(name), "").expect("a file");
        }
        std::fs::create_dir(dir.join("sub")).expect("a directory");
        std::fs::write(dir.join("sub/c.o"), "").expect("a file");
        std::env::set_current_dir(&dir).expect("the directory was just made");
        dir
    })
}

/// Compares the readers with the oracle on one text; says whether the plain
/// reader could read it.
pub fn agree(text: &[u8], path: &str) -> Result<bool, String> {
    enter_known_directory();
    let dir = tempfile::tempdir().expect("a directory");
    let conf = dir.path().join("dkms.conf");
    std::fs::write(&conf, text).expect("a file");
    let variables = variables();
    let expected = oracle(&conf, &variables, path);
    let shown = String::from_utf8_lossy(text).into_owned();
    let bash = match evaluate(&conf, &variables, ReaderChoice::Bash, 20) {
        Ok(bash) => bash,
        // The second evaluation ended the shell, the oracle's too.
        Err(_) if expected.is_empty() => return Ok(false),
        Err(error) => return Err(format!("{shown:?}: bash: {error}")),
    };
    if slots(&bash) != expected && oracle(&conf, &variables, path) != expected {
        // It shows a fact of one process, such as `$$`: nothing to compare.
        return Ok(false);
    }
    if slots(&bash) != expected {
        return Err(format!("{shown:?}\n bash reader {:?}\n oracle      {expected:?}", slots(&bash)));
    }
    match evaluate(&conf, &variables, ReaderChoice::Plain, 20) {
        Ok(plain) if slots(&plain) != expected => {
            Err(format!("{shown:?}\n plain reader {:?}\n oracle       {expected:?}", slots(&plain)))
        }
        Ok(_) => Ok(true),
        Err(_) => Ok(false),
    }
}
