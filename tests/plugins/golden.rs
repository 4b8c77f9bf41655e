//! Plugins of track 1.0 as they were made when the track was frozen, as the text of their
//! components. Nothing makes them anew, neither a newer tool chain nor the WIT files: a host that
//! does not load one of them, or whose plan for it is another one, has broken the track.
//!
//! Source of the texts: `wasm-tools print` of a component of each.

use std::fs;
use std::process::Command;

use modsmith_tests::{paths, tool};

const MADE: [(&str, &str, &str); 3] = [
    ("initrd", include_str!("golden/initrd/component.wat"), include_str!("golden/initrd/plugin.toml")),
    (
        "modprobe-config",
        include_str!("golden/modprobe-config/component.wat"),
        include_str!("golden/modprobe-config/plugin.toml"),
    ),
    ("store", include_str!("golden/store/component.wat"), include_str!("golden/store/plugin.toml")),
];

#[test]
fn plugins_of_the_frozen_track_answer_as_they_did() {
    for (name, component, manifest) in MADE {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join(format!("golden-{name}.wasm"));
        let bytes = wat::parse_str(component).expect("the text of a component");
        fs::write(&file, modsmith_kit::build::embed(&bytes, manifest)).expect("writable");
        let cases = paths::checkout().join("tests/plugins/golden").join(name).join("cases");
        let mut command = Command::new(paths::programs().join("modsmith"));
        let out = tool::output(command.args(["plugin", "test"]).arg(&file).arg("--cases").arg(&cases)).expect(0);
        let count = fs::read_dir(&cases).expect("cases").count();
        assert!(out.stdout.contains(&format!("{count} case")) && out.stdout.ends_with("all passed\n"), "{name}: {out}");
    }
}
