//! The guide for plugin authors, followed to the letter.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use modsmith::plugin::build::{BuildOptions, build};

use modsmith::plugin::testing::Facts;

use crate::answer;

const GUIDE: &str = include_str!("../../../docs/guides/write-a-plugin.md");

/// The code block that contains a text.
fn block(containing: &str) -> Result<&'static str> {
    let blocks = GUIDE.split("```").skip(1).step_by(2);
    let mut bodies = blocks.filter_map(|block| block.split_once('\n')).map(|(_, body)| body);
    bodies.find(|body| body.contains(containing)).with_context(|| format!("no code block has `{containing}`"))
}

/// The guide's crate, and a directory for what is built from it.
struct Project {
    dir: tempfile::TempDir,
}

impl Project {
    /// `name` keeps apart what cargo makes of the projects in the shared target
    /// directory.
    fn new(name: &str, code: &str) -> Result<Self> {
        let project = Self { dir: tempfile::tempdir()? };
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
        let cargo = block("[package]")?.replace("../modsmith", &repository.display().to_string());
        project.write("Cargo.toml", &cargo.replace("\"dracut\"", &format!("\"{name}\"")))?;
        // With the versions of the other plugins, so that nothing is looked up.
        std::fs::copy(repository.join("plugins/Cargo.lock"), project.dir.path().join("Cargo.lock"))?;
        project.write("plugin.toml", block("api = \"0.1\"")?)?;
        project.write("src/lib.rs", code)?;
        // Shares the standard library that was compiled for the other plugins.
        let target = repository.join("plugins/target");
        project.write(".cargo/config.toml", &format!("[build]\ntarget-dir = {:?}\n", target.display().to_string()))?;
        Ok(project)
    }

    fn write(&self, name: &str, contents: &str) -> Result<()> {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().context("a path below the project")?)?;
        Ok(std::fs::write(path, contents)?)
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    /// What the guide's case gives.
    fn answer(&self) -> Result<Result<String, String>> {
        build(&BuildOptions { directory: self.dir.path().into(), out: self.out() })?;
        let case = self.dir.path().join("cases/installed");
        self.write("cases/installed/facts.toml", block("# facts.toml")?)?;
        answer(&Facts::read(&case)?, &case, "dracut", &self.out())
    }
}

#[test]
fn the_plugin_of_the_guide_is_built_and_passes_the_case_of_the_guide() -> Result<()> {
    let expected = block("# expected.plan")?.trim_start_matches("# expected.plan\n").trim();
    let given = Project::new("as-in-the-guide", block("export!(Dracut: Initrd);")?)?.answer()?;
    assert_eq!(given.as_deref(), Ok(expected));
    Ok(())
}

#[test]
fn a_panic_in_a_plugin_is_reported_with_its_message_and_place() -> Result<()> {
    let code = block("export!(Dracut: Initrd);")?
        .replace("let image = ", "assert!(kernel.release().is_empty(), \"the image is lost\");\nlet image = ");
    let error = Project::new("panicking", &code)?.answer()?.expect_err("a plugin that panics gives no answer");
    for part in ["`dracut` (initrd) crashed", "the image is lost", "src/lib.rs"] {
        assert!(error.contains(part), "{error}");
    }
    Ok(())
}
