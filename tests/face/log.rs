//! `modsmith log`: with a pager, of the build before, and of one that is going on.

use std::fs;
use std::os::unix::fs::symlink;

use modsmith_tests::World;
use modsmith_tests::world::modsmith;

use crate::terminal::on_a_terminal;

const KERNEL: &str = "6.1.0-9-amd64";

fn world() -> World {
    let world = World::new(&[]);
    let version = world.tree().join("demo/1.0");
    fs::create_dir_all(&version).unwrap();
    world.write("usr/src/demo-1.0/dkms.conf", "PACKAGE_NAME=\"demo\"\nPACKAGE_VERSION=\"1.0\"\n");
    symlink("/usr/src/demo-1.0", version.join("source")).unwrap();
    world
}

/// Where a build leaves its things.
fn built(world: &World, kernel: &str, log: &str) {
    let directory = format!("var/lib/dkms/demo/1.0/{kernel}/{}", std::env::consts::ARCH);
    world.write(&format!("{directory}/module/demo.ko"), "");
    world.write(&format!("{directory}/log/make.log"), log);
}

/// A build that failed, after all others.
fn failed(world: &World, kernel: &str, log: &str) {
    let arch = std::env::consts::ARCH;
    let record = serde_json::json!({
        "schema_version": 1, "module": "demo", "version": "1.0", "kernel": kernel, "arch": arch,
        "time": "2099-11-27T20:00:00Z", "exit_code": 10, "message": "make failed", "class": "unknown",
        "remedy": "Read the log."
    });
    let directory = format!("var/lib/dkms/.modsmith/failed/demo/1.0/{kernel}/{arch}");
    world.write(&format!("{directory}/record.json"), record.to_string());
    world.write(&format!("{directory}/make.log"), log);
}

#[test]
fn a_pager_shows_the_log_on_a_terminal_only() {
    let world = world();
    built(&world, KERNEL, "a line of the log\n");
    let line = format!("PAGER='sed s/^/paged:/' {} log demo", modsmith().display());
    let shown = on_a_terminal(&world, &line, 80);
    assert!(shown.stdout.contains("paged:a line of the log"), "{shown}");
    let piped = world.program(modsmith()).words("log demo").env("PAGER", "sed s/^/paged:/").run().expect(0);
    assert!(piped.stdout.contains("\na line of the log\n") && !piped.stdout.contains("paged:"), "{piped}");
    for pager in ["", "no-such-pager", "true"] {
        let line = format!("PAGER='{pager}' {} log demo", modsmith().display());
        let shown = on_a_terminal(&world, &line, 80);
        assert_eq!(shown.code, 0, "{shown}");
        assert_eq!(shown.stdout.contains("a line of the log"), pager != "true", "{shown}");
    }
    // No shell reads the variable.
    let line = format!("PAGER='cat;touch /boot/ran' {} log demo", modsmith().display());
    assert_eq!(on_a_terminal(&world, &line, 80).code, 0);
    assert!(!world.path("boot/ran").exists());
}

#[test]
fn the_build_before_is_the_one_that_succeeded_before_it_failed() {
    let world = world();
    built(&world, KERNEL, "the good build\n");
    world.modsmith("log demo --previous").expect(3).expect_error("none before it").expect_hint();
    failed(&world, KERNEL, "the bad build\n");
    let newest = world.modsmith("log demo").expect(0);
    assert!(newest.stdout.contains("the bad build") && !newest.stdout.contains("the good build"), "{newest}");
    let previous = world.modsmith(&format!("log demo --previous -k {KERNEL}")).expect(0);
    assert!(previous.stdout.contains("the good build") && previous.stdout.contains("succeeded"), "{previous}");
    let json = world.modsmith("log demo --previous --json").expect(0).json();
    assert_eq!(json["state"], "built");
}

#[test]
fn a_build_that_is_going_on_is_followed_to_its_end() {
    let world = world();
    // The build: a log that grows, then what a build leaves, and the log is gone.
    let directory = format!("/var/lib/dkms/demo/1.0/{KERNEL}/{}", std::env::consts::ARCH);
    let script = format!(
        "mkdir -p /var/lib/dkms/demo/1.0/build; log=/var/lib/dkms/demo/1.0/build/make.log\n\
         printf 'first\\nhal' >$log\n\
         {} log demo --follow >/boot/shown & follower=$!\n\
         until grep -q first /boot/shown; do kill -0 $follower || exit 9; done\n\
         ! grep -q hal /boot/shown || exit 8\n\
         printf 'f a line\\n\\033[2Jlast\\n' >>$log\n\
         mkdir -p {directory}/module {directory}/log; cp $log {directory}/log/make.log; rm $log\n\
         touch {directory}/module/demo.ko; wait $follower",
        modsmith().display()
    );
    world.shell(&script).run().expect(0);
    let shown = fs::read_to_string(world.path("boot/shown")).unwrap();
    assert!(shown.starts_with("first\nhalf a line\n\\u{1b}[2Jlast\n"), "{shown}");
    assert!(shown.contains("the build succeeded"), "{shown}");
}

#[test]
fn a_link_in_the_place_of_a_log_is_not_followed() {
    let world = world();
    world.write("boot/secret", "secret\n");
    let directory = format!("/var/lib/dkms/demo/1.0/{KERNEL}/{}", std::env::consts::ARCH);
    let script = format!(
        "mkdir -p /var/lib/dkms/demo/1.0/build; log=/var/lib/dkms/demo/1.0/build/make.log; echo first >$log\n\
         {} log demo -f >/boot/shown & follower=$!\n\
         until grep -q first /boot/shown; do kill -0 $follower || exit 9; done\n\
         ln -sf /boot/secret $log; mkdir -p {directory}/module {directory}/log\n\
         echo end >{directory}/log/make.log; wait $follower",
        modsmith().display()
    );
    world.shell(&script).run().expect(0);
    let shown = fs::read_to_string(world.path("boot/shown")).unwrap();
    assert!(shown.contains("the build succeeded") && !shown.contains("secret"), "{shown}");
}
