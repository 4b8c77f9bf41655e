//! The tool for packages of the WebAssembly community: what modsmith publishes it reads, and what
//! it publishes is installed.

use std::fs;
use std::process::Command;

use modsmith_tests::registry::Registry;
use modsmith_tests::{tool, toolchains};

use super::{author, machine, plugin};

#[test]
#[ignore = "slow: compiles a program"]
fn wkg_and_modsmith_fetch_plugins_that_the_other_published() {
    let wkg = || Command::new(toolchains::wkg());
    let (registry, world, desk) = (Registry::open(), machine(), tempfile::tempdir().expect("a directory"));
    let (ours, theirs) = (format!("{}/ours/offered", registry.host()), format!("{}/theirs/offered", registry.host()));
    let (file, pulled) = (desk.path().join("offered.wasm"), desk.path().join("pulled.wasm"));
    let bytes = plugin("1.2.3", "");
    fs::write(&file, &bytes).expect("writable");

    author(desk.path(), &format!("publish offered.wasm {ours}")).expect(0);
    let insecure = ["--insecure", &registry.host()];
    let mut pull = wkg();
    pull.args(["oci", "pull"]).args(insecure).arg("-o").arg(&pulled).arg(format!("{ours}:1.2.3"));
    tool::run(&mut pull);
    assert!(fs::read(&pulled).expect("pulled") == bytes, "wkg pulled other bytes than those that were published");

    let mut push = wkg();
    push.args(["oci", "push"]).args(insecure).arg(format!("{theirs}:1.2.3")).arg(&file);
    tool::run(&mut push);
    let out = world.modsmith(&format!("plugin install {theirs}")).expect(0);
    assert!(out.stdout.starts_with("Installed offered 1.2.3"), "{out}");
    assert!(fs::read(world.path("etc/modsmith/plugins/offered.wasm")).expect("installed") == bytes, "other bytes");
    // Published by either, a version is the same plugin.
    author(desk.path(), &format!("publish offered.wasm {theirs}")).expect(0);
}
