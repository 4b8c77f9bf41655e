//! The guide for plugin authors, followed to the letter.

use anyhow::Result;
use modsmith_tests::Output;

use super::plugin_test;
use super::project::{Guide, Project};

const GUIDE: Guide = Guide(include_str!("../../../docs/guides/write-a-plugin.md"));

/// The guide's case, with the plugin as it is.
fn test(project: &Project) -> Result<Output> {
    project.write("cases/installed/facts.toml", GUIDE.block("# facts.toml")?)?;
    let expected = GUIDE.block("# expected.plan")?.trim_start_matches("# expected.plan\n");
    project.write("cases/installed/expected.plan", expected)?;
    Ok(plugin_test(project.path(), &[]))
}

#[test]
fn the_plugin_of_the_guide_is_built_and_passes_the_case_of_the_guide_and_all_laws() -> Result<()> {
    let project = Project::new(&GUIDE, "as-in-the-guide", GUIDE.block("export!(Dracut: Initrd);")?)?;
    let output = test(&project)?.expect(0);
    assert_eq!(output.stdout, "dracut: 1 case, 5 laws\n1 case, 5 laws: all passed\n");
    Ok(())
}

#[test]
fn a_panic_in_a_plugin_is_reported_with_its_message_and_place() -> Result<()> {
    let code = GUIDE.block("export!(Dracut: Initrd);")?.replace(
        "let image = ",
        "assert!(request.kernel().release().is_empty(), \"the image is lost\");\nlet image = ",
    );
    let output = test(&Project::new(&GUIDE, "panicking", &code)?)?.expect(1);
    for part in ["`dracut` (initrd) crashed", "the image is lost", "src/lib.rs", "`robust`"] {
        assert!(output.stdout.contains(part), "{output}");
    }
    Ok(())
}
