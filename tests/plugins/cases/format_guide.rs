//! The guide "Add a package format": its plugin is built, its commands are typed,
//! and what they print is what the guide shows.

use std::process::Command;

use anyhow::Result;
use modsmith_tests::{Output, World, paths, tool};

use super::project::{Guide, Project};

const GUIDE: Guide = Guide(include_str!("../../../docs/guides/add-a-package-format.md"));

/// A command of the guide, and the lines that follow it there.
struct Typed {
    as_root: bool,
    command: &'static str,
    shown: Vec<&'static str>,
}

impl Typed {
    fn all() -> Vec<Typed> {
        let mut typed: Vec<Typed> = Vec::new();
        let lines = GUIDE.blocks().filter(|(language, _)| *language == "console").flat_map(|(_, text)| text.lines());
        for line in lines {
            let command = line.strip_prefix("$ ").map(|command| (false, command));
            match command.or_else(|| line.strip_prefix("# ").map(|command| (true, command))) {
                Some((as_root, command)) => typed.push(Typed { as_root, command, shown: Vec::new() }),
                None => typed.last_mut().expect("a block begins with a command").shown.push(line),
            }
        }
        typed
    }

    #[track_caller]
    fn check(&self, output: &Output) {
        let fails = self.shown.iter().any(|line| line.starts_with("error: "));
        assert_eq!(output.code != 0, fails, "`{}`: {output}", self.command);
        let said: Vec<&str> = output.stdout.lines().chain(output.stderr.lines()).collect();
        for line in &self.shown {
            assert!(said.contains(line), "`{}` does not print `{line}`: {output}", self.command);
        }
    }
}

fn project() -> Result<Project> {
    let project = Project::new(&GUIDE, "format-of-the-guide", GUIDE.block("export!(Txz: Packager);")?)?;
    project.write("src/doinst.sh", GUIDE.block("chroot . /usr/sbin/dkms")?)?;
    project.write("cases/made/facts.toml", GUIDE.block("# facts.toml")?)?;
    Ok(project)
}

/// Slackware, with a package in its source tree.
fn machine() -> Result<World> {
    let world = World::generic().of_system("ID=slackware\nVERSION_ID=15.0\n");
    std::os::unix::fs::symlink(modsmith_tests::world::modsmith(), world.path("bin/modsmith"))?;
    let conf = "PACKAGE_NAME=\"demo\"\nPACKAGE_VERSION=\"1.0\"\nBUILT_MODULE_NAME[0]=\"demo\"\n\
        DEST_MODULE_LOCATION[0]=\"/kernel/drivers/misc\"\n";
    world.write("usr/src/demo-1.0/dkms.conf", conf);
    Ok(world)
}

#[test]
fn every_command_of_the_guide_prints_what_the_guide_shows() -> Result<()> {
    let (project, world) = (project()?, machine()?);
    let path = format!("{}:{}", paths::programs().display(), std::env::var("PATH")?);
    let typed = Typed::all();
    assert!(typed.iter().filter(|typed| typed.as_root).count() > 8 && typed.len() > 15, "the guide has lost commands");
    for typed in typed {
        let output = if typed.as_root {
            world.shell(&format!("cd {} && {}", project.path().display(), typed.command)).run()
        } else {
            let mut shell = Command::new("/bin/sh");
            tool::output(shell.args(["-c", typed.command]).env("PATH", &path).current_dir(project.path()))
        };
        typed.check(&output);
    }
    let package = world.path("boot/demo-1.0-noarch-1_dkms.txz");
    let script = tool::run(Command::new("tar").arg("-xOf").arg(&package).arg("install/doinst.sh"));
    assert!(script.contains("/usr/sbin/dkms add demo/1.0\n"), "{script}");
    tool::run(Command::new("/bin/sh").args(["-n", "-c", &script]));
    let description = tool::run(Command::new("tar").arg("-xOf").arg(&package).arg("install/slack-desc"));
    assert_eq!(description.lines().filter(|line| line.starts_with("demo:")).count(), 11, "{description}");
    Ok(())
}
