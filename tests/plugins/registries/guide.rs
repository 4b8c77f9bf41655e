//! The guide "Share a plugin", typed: from a new plugin to one that another machine uses,
//! updates and removes.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::registry::{PASSWORD, Registry, USER};
use modsmith_tests::{Output, World, paths, tool};

use crate::cases::project::Guide;

const GUIDE: Guide = Guide(include_str!("../../../docs/guides/share-a-plugin.md"));

/// The registry of the guide.
const HOST: &str = "registry.example:5000";

/// A command of the guide, and the lines that follow it there.
struct Typed {
    as_root: bool,
    command: String,
    shown: Vec<String>,
}

fn typed(host: &str) -> Vec<Typed> {
    let mut typed: Vec<Typed> = Vec::new();
    let lines = GUIDE.blocks().filter(|(language, _)| *language == "console").flat_map(|(_, text)| text.lines());
    for line in lines.map(|line| line.replace(HOST, host)) {
        let author = line.strip_prefix("$ ").map(|command| (false, command));
        match author.or_else(|| line.strip_prefix("# ").map(|command| (true, command))) {
            Some((as_root, command)) => typed.push(Typed { as_root, command: command.to_owned(), shown: Vec::new() }),
            None => typed.last_mut().expect("a block begins with a command").shown.push(line),
        }
    }
    typed
}

#[track_caller]
fn check(typed: &Typed, output: &Output) {
    let fails = typed.shown.iter().any(|line| line.starts_with("error: "));
    assert_eq!(output.code != 0, fails, "`{}`: {output}", typed.command);
    let said: Vec<&str> = output.stdout.lines().chain(output.stderr.lines()).collect();
    for line in &typed.shown {
        assert!(said.contains(&line.as_str()), "`{}` does not print `{line}`: {output}", typed.command);
    }
}

/// The files that the registry's user and its authority have, in a directory.
fn access(registry: &Registry, directory: &Path) -> Result<()> {
    use base64::Engine;
    fs::create_dir_all(directory)?;
    fs::copy(registry.authority(), directory.join("registry.crt"))?;
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    Ok(fs::write(
        directory.join("auth.json"),
        format!("{{\"auths\":{{\"{}\":{{\"auth\":\"{auth}\"}}}}}}", registry.host()),
    )?)
}

#[test]
fn a_stranger_publishes_a_plugin_and_another_machine_uses_updates_and_removes_it() -> Result<()> {
    tool::path("clang");
    let registry = Registry::guarded();
    let desk = tempfile::tempdir()?;
    access(&registry, desk.path())?;
    let file = |containing: &str| GUIDE.block(containing).map(|block| block.replace(HOST, &registry.host()));
    fs::write(desk.path().join("registries.toml"), file("# registries.toml")?)?;

    let world = World::generic().of_system("ID=example\n");
    world.add_package(&Package::new("moved", "1.0"));
    std::os::unix::fs::symlink(modsmith_tests::world::modsmith(), world.path("bin/modsmith"))?;
    access(&registry, &world.path("etc/modsmith"))?;
    world.write("etc/modsmith/registries.toml", file("# /etc/modsmith/registries.toml")?);

    let kernel = kernel::newest(Flavour::Generic);
    let path = format!("{}:{}", paths::programs().display(), std::env::var("PATH")?);
    let all = typed(&registry.host());
    assert!(all.iter().filter(|typed| typed.as_root).count() > 7 && all.len() > 15, "the guide has lost commands");
    for typed in all {
        let output = if typed.as_root {
            world.shell(&typed.command).run()
        } else {
            let mut shell = Command::new("/bin/sh");
            tool::output(shell.args(["-c", &typed.command]).env("PATH", &path).current_dir(desk.path()))
        };
        check(&typed, &output);
        let public = desk.path().join("acme.pub");
        if public.is_file() {
            fs::copy(&public, world.path("etc/modsmith/acme.pub"))?;
        }
        if typed.command.ends_with("plugin grant acme") {
            world.dkms(&format!("install moved/1.0 -k {kernel} --force")).expect(0);
            assert!(world.modules(&kernel).join("extra/acme/moved.ko").exists(), "the plugin was asked");
            world.dkms(&format!("remove moved/1.0 -k {kernel}")).expect(0);
        }
    }
    let left: Vec<_> =
        fs::read_dir(world.path("etc/modsmith/plugins"))?.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["plugins.lock"]);
    Ok(())
}
