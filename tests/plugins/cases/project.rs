//! The project of a guide for plugin authors: its code blocks, as files.

use std::path::Path;

use anyhow::{Context, Result};

/// A guide's text.
pub struct Guide(pub &'static str);

impl Guide {
    /// The code block that contains a text.
    pub fn block(&self, containing: &str) -> Result<&'static str> {
        let mut blocks = self.blocks().map(|(_, body)| body);
        blocks.find(|body| body.contains(containing)).with_context(|| format!("no code block has `{containing}`"))
    }

    /// All code blocks: language and text.
    pub fn blocks(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        self.0.split("```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'))
    }
}

/// A guide's crate, and a directory for what is built from it.
pub struct Project {
    dir: tempfile::TempDir,
}

impl Project {
    /// `name` keeps apart what cargo makes of the projects in the shared target
    /// directory.
    pub fn new(guide: &Guide, name: &str, code: &str) -> Result<Self> {
        let project = Self { dir: tempfile::tempdir()? };
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
        let cargo = guide.block("[package]\nname")?.replace("../modsmith", &repository.display().to_string());
        let named = cargo.lines().find(|line| line.starts_with("name = ")).context("the crate has a name")?;
        project.write("Cargo.toml", &cargo.replace(named, &format!("name = \"{name}\"")))?;
        // With the versions of the other plugins, so that nothing is looked up.
        std::fs::copy(repository.join("plugins/Cargo.lock"), project.dir.path().join("Cargo.lock"))?;
        project.write("plugin.toml", guide.block("api = \"1.0\"")?)?;
        project.write("src/lib.rs", code)?;
        // Shares the standard library that was compiled for the other plugins.
        let target = repository.join("plugins/target");
        project.write(".cargo/config.toml", &format!("[build]\ntarget-dir = {:?}\n", target.display().to_string()))?;
        Ok(project)
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn write(&self, name: &str, contents: &str) -> Result<()> {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().context("a path below the project")?)?;
        Ok(std::fs::write(path, contents)?)
    }
}
