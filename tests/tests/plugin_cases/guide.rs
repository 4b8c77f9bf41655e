//! The guide for plugin authors, followed to the letter.

use std::path::Path;

use anyhow::{Context, Result};
use modsmith_tests::Output;

use crate::plugin_test;

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

    /// The guide's case, with the plugin as it is.
    fn test(&self) -> Result<Output> {
        self.write("cases/installed/facts.toml", block("# facts.toml")?)?;
        let expected = block("# expected.plan")?.trim_start_matches("# expected.plan\n");
        self.write("cases/installed/expected.plan", expected)?;
        Ok(plugin_test(self.dir.path(), &[]))
    }
}

#[test]
fn the_plugin_of_the_guide_is_built_and_passes_the_case_of_the_guide_and_all_laws() -> Result<()> {
    let output = Project::new("as-in-the-guide", block("export!(Dracut: Initrd);")?)?.test()?.expect(0);
    assert_eq!(output.stdout, "dracut: 1 case, 5 laws\n1 case, 5 laws: all passed\n");
    Ok(())
}

#[test]
fn a_panic_in_a_plugin_is_reported_with_its_message_and_place() -> Result<()> {
    let code = block("export!(Dracut: Initrd);")?
        .replace("let image = ", "assert!(kernel.release().is_empty(), \"the image is lost\");\nlet image = ");
    let output = Project::new("panicking", &code)?.test()?.expect(1);
    for part in ["`dracut` (initrd) crashed", "the image is lost", "src/lib.rs", "`robust`"] {
        assert!(output.stdout.contains(part), "{output}");
    }
    Ok(())
}
