//! The desk of an author: a directory with the tools.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::{Output, paths, tool};

/// A directory for one test.
pub struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory") }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let file = self.path().join(name);
        fs::create_dir_all(file.parent().expect("below")).expect("writable");
        fs::write(&file, contents).expect("writable");
        file
    }

    /// A case of the role `settings-check`, which finds nothing to complain about.
    pub fn case(&self) {
        self.write("cases/valid/facts.toml", "call = \"validate\"\n[kernel]\nrelease = \"6.12.9\"\n");
        self.write("cases/valid/expected.plan", "answer: valid\n");
    }

    /// `modsmith plugin` with these words.
    pub fn plugin(&self, line: &str) -> Output {
        self.plugin_with(line, &[])
    }

    /// The same with variables.
    pub fn plugin_with(&self, line: &str, variables: &[(&str, &Path)]) -> Output {
        let mut command = Command::new(paths::programs().join("modsmith"));
        command.envs(variables.iter().copied());
        tool::output(command.arg("plugin").args(line.split(' ')).current_dir(self.path()))
    }

    /// A new plugin; its name. In Rust, the standard library that was compiled for the other
    /// plugins is used again, and nothing is looked up.
    pub fn start(&self, kind: &str, language: &str) -> String {
        let repository = paths::checkout();
        let name = format!("new-{kind}");
        let sdk = repository.join("sdk/guest");
        let output = self.plugin(&format!("new {kind} {name} --lang {language} --sdk {}", sdk.display())).expect(0);
        assert_eq!(output.stdout, format!("{name}\n"));
        if language == "rust" {
            let target = repository.join("plugins/target").display().to_string();
            self.write(".cargo/config.toml", format!("[build]\ntarget-dir = {target:?}\n"));
            let lock = fs::read(repository.join("plugins/Cargo.lock")).expect("a file");
            self.write(&format!("{name}/Cargo.lock"), lock);
        }
        name
    }
}
