//! Special files where a module is expected: nothing waits for them, and they are not taken for the module.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use modsmith_tests::World;
use modsmith_tests::fixture::Package;
use modsmith_tests::prelude::*;

use crate::hostile_trees::{WATCHDOG, special};

/// The module file below a directory.
fn module(directory: &Path) -> PathBuf {
    let mut entries = walkdir::WalkDir::new(directory).into_iter().filter_map(Result::ok);
    let module = entries.find(|entry| entry.file_name().to_string_lossy().starts_with("piped.ko"));
    module.expect("the module is there").into_path()
}

#[test]
fn a_pipe_in_place_of_a_module_is_not_waited_for_and_stays() {
    for is_installed in [true, false] {
        let world = World::generic();
        world.add_package(&Package::new("piped", "1.0"));
        world.modsmith(&format!("install piped/1.0 -k {}", kernel())).expect(0);
        let pipe = module(&if is_installed { world.modules(&kernel()) } else { world.tree().join("piped") });
        fs::remove_file(&pipe).unwrap();
        special(&pipe, libc::S_IFIFO);
        for command in [
            "status".to_owned(),
            "check".to_owned(),
            format!("install piped/1.0 -k {} --dry-run", kernel()),
            format!("uninstall piped/1.0 -k {}", kernel()),
            "remove piped/1.0 --all".to_owned(),
        ] {
            let script = format!("timeout {WATCHDOG} modsmith {command}; echo \"exit $?\"");
            let out = world.shell(&script).run().expect_no_panic();
            assert!(!out.stdout.contains("exit 124"), "{command}: it waits for a pipe: {out}");
        }
        if is_installed {
            assert!(fs::symlink_metadata(&pipe).expect("it stays").file_type().is_fifo());
        }
    }
}
