//! A dkms.conf that is a template still: what dkms makes of it, and what the user
//! is told.

use std::path::PathBuf;

use modsmith_tests::fixture::Package;
use modsmith_tests::peer::Program;
use modsmith_tests::{Output, World};

/// A source directory elsewhere, with a template of a dkms.conf.
fn template(world: &World, name: &str, lines: &str) -> PathBuf {
    let dir = world.path("boot").join(name);
    Package::new(name, "1.0").conf(lines).write(&dir);
    dir
}

const VERSION: &str = "PACKAGE_VERSION=\"@VERSION@\"";

#[track_caller]
fn assert_explained(out: &Output, directive: &str, placeholder: &str) {
    let is_it = |line: &&str| line.contains(&format!("placeholder {placeholder}"));
    let line = out.stderr.lines().find(is_it).unwrap_or_else(|| panic!("{out}"));
    for text in [directive, "dkms.conf", "was not replaced", ". Write ", " there by hand"] {
        assert!(line.contains(text), "{text} is not said: {line}");
    }
}

#[test]
fn a_directory_with_a_placeholder_for_its_version_is_added_as_dkms_does_and_explained() {
    let run = |program: Program| {
        let world = World::generic();
        let dir = template(&world, "tpl", VERSION);
        let out = program.run(&world, &format!("add {}", dir.display())).expect(0);
        let again = program.run(&world, &format!("add {}", dir.display())).expect(3);
        let status = program.run(&world, "status").stdout;
        let removed = program.run(&world, "remove tpl/@VERSION@ --all").expect(0);
        (out, again, status, removed.code, world.path("usr/src/tpl-@VERSION@/dkms.conf").exists())
    };
    let ((out, again, status, _, copied), peer) = (run(Program::Ours), run(Program::Peer));
    assert_eq!((status.as_str(), copied), ("tpl/@VERSION@: added\n", true));
    assert_eq!((&peer.2, peer.4), (&status, copied), "as dkms has it");
    assert_explained(&out, "PACKAGE_VERSION", "`@VERSION@`");
    assert!(out.stderr.contains("The package is added as tpl/@VERSION@.\n"), "{out}");
    assert_explained(&again, "PACKAGE_VERSION", "`@VERSION@`");
}

#[test]
fn a_version_of_the_command_line_counts_and_the_placeholder_is_still_told() {
    for placeholder in ["@PKGVER@", "_VERSION_"] {
        let package = Package::new("tpl", "1.0").conf(&format!("PACKAGE_VERSION=\"{placeholder}\""));
        let run = |program: Program| {
            let world = World::generic();
            world.add_package(&package);
            let out = program.run(&world, "add -m tpl -v 1.0").expect(0);
            (out, program.run(&world, "status").stdout)
        };
        let ((out, status), (_, peer)) = (run(Program::Ours), run(Program::Peer));
        assert_eq!((status.as_str(), &peer), ("tpl/1.0: added\n", &status));
        assert_explained(&out, "PACKAGE_VERSION", &format!("`{placeholder}`"));
        assert!(out.stderr.contains("The package is added as tpl/1.0.\n"), "{out}");
    }
}

/// dkms adds it; here no version can be called so, whatever the command line says.
#[test]
fn a_placeholder_that_no_version_can_be_is_refused_and_explained() {
    let world = World::generic();
    world.add_package(&Package::new("tpl", "1.0").conf("PACKAGE_VERSION=\"#MODULE_VERSION#\""));
    let out = world.dkms("add -m tpl -v 1.0").expect(8);
    assert_explained(&out, "PACKAGE_VERSION", "`#MODULE_VERSION#`");
    assert_eq!(world.dkms("status").stdout, "");
}

#[test]
fn every_command_that_reads_the_directory_says_it_once() {
    let world = World::generic();
    let dir = template(&world, "tpl", "PACKAGE_VERSION=\"#MODULE_VERSION#\"");
    let kernel = modsmith_tests::state::generic();
    for line in [
        format!("add {}", dir.display()),
        format!("build {} -k {kernel}", dir.display()),
        format!("install {} -k {kernel}", dir.display()),
    ] {
        let out = world.duplicate().dkms(&line);
        assert_explained(&out, "PACKAGE_VERSION", "`#MODULE_VERSION#`");
        assert_eq!(out.stderr.matches("placeholder `#MODULE_VERSION#`").count(), 1, "{out}");
    }
    let shown = world.modsmith(&format!("conf {}", dir.display()));
    assert_explained(&shown, "PACKAGE_VERSION", "`#MODULE_VERSION#`");
}

#[test]
fn a_placeholder_in_another_directive_is_named_with_its_slot() {
    let world = World::generic();
    let lines = "BUILT_MODULE_NAME[0]=a\nBUILT_MODULE_NAME[1]=b\nDEST_MODULE_LOCATION[1]=/extra\n\
                 DEST_MODULE_NAME[1]=\"@MODULE@-b\"";
    let dir = template(&world, "tpl", lines);
    let out = world.dkms(&format!("add {}", dir.display())).expect(0);
    assert_explained(&out, "DEST_MODULE_NAME[1]", "`@MODULE@`");
    assert!(!out.stderr.contains("is added as"), "its name is no placeholder: {out}");
    // What makes the file invalid is told together with the cause.
    let dir = template(&world, "bad", "DEST_MODULE_LOCATION[0]=\"@DEST@\"");
    let out = world.dkms(&format!("add {}", dir.display())).expect(8);
    assert_explained(&out, "DEST_MODULE_LOCATION", "`@DEST@`");
}
