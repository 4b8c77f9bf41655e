//! Options, lists and directives that decide what else happens at an
//! installation, and options that are only accepted.

use std::fs;
use std::os::unix::fs::symlink;

use modsmith_tests::fixture::{self, Package};
use modsmith_tests::kernel::{self};
use modsmith_tests::prelude::*;
use modsmith_tests::{Output, World, plan, tool};

/// Steps in JSON whose command or reason has this text.
fn steps_with(out: &Output, text: &str) -> usize {
    plan::steps(out).iter().filter(|step| step.command.contains(text) || step.reason.contains(text)).count()
}

/// A world whose kernel is the running one, with other headers: the modules
/// are never loaded.
fn running() -> (World, String) {
    let world = World::generic();
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("a running kernel").trim().to_owned();
    let modules = world.modules(&release);
    fs::create_dir_all(&modules).expect("writable");
    for name in ["modules.dep", "modules.order", "modules.builtin"] {
        fs::write(modules.join(name), "").expect("writable");
    }
    let headers = fs::read_link(world.modules(&kernel()).join("build")).expect("a link");
    symlink(headers, modules.join("build")).expect("writable");
    world.add_package(&Package::new("load", "1.0"));
    (world, release)
}

#[test]
fn modules_are_loaded_after_an_install_for_the_running_kernel_only() {
    let (world, release) = running();
    let load = |line: &str| steps_with(&world.modsmith(&format!("{line} --dry-run --json")).expect(0), "modprobe -a");
    assert_eq!(load(&format!("install load/1.0 -k {release} --modprobe-on-install")), 1);
    assert_eq!(load(&format!("install load/1.0 -k {release}")), 0);
    assert_eq!(load(&format!("install load/1.0 -k {} --modprobe-on-install", kernel())), 0);
    fs::write(world.path("etc/dkms/framework.conf"), "modprobe_on_install=yes\n").expect("writable");
    assert_eq!(load(&format!("install load/1.0 -k {release}")), 1);
    assert_eq!(load(&format!("install load/1.0 -k {}", kernel())), 0);
}

/// The programs are others for as long as the script runs: nothing is loaded
/// into the machine's kernel.
#[test]
fn a_module_is_loaded_when_depmod_has_run_and_a_failure_is_of_no_consequence() {
    let (world, release) = running();
    world.dkms("add load/1.0").expect(0);
    let script = format!(
        "mount -t tmpfs fakes /usr/local/sbin\n\
         for name in modprobe depmod systemctl; do\n\
         printf '#!/bin/sh\\necho %s >> /boot/calls\\nexit 1\\n' $name > /usr/local/sbin/$name\n\
         chmod +x /usr/local/sbin/$name\n\
         done\n\
         dkms install load/1.0 -k {release} --modprobe-on-install"
    );
    world.shell(&script).run().expect(0);
    let calls = fs::read_to_string(world.path("boot/calls")).expect("programs were called");
    let calls: Vec<&str> = calls.lines().collect();
    assert_eq!(calls.first(), Some(&"depmod"), "{calls:?}");
    assert!(calls.contains(&"modprobe"), "{calls:?}");
}

/// A package over a newer module of the kernel, and a list with some words.
fn installed_with_list(words: &str) -> Output {
    let world = World::generic();
    world.add_package(&Package::new("old", "1.0").conf("PRE_INSTALL=\"no.sh\"").script("no.sh", "exit 1"));
    world.add_module(&kernel(), &fixture::module(&kernel(), "old", Some("9.0")));
    world
        .shell(&format!(
            "mount -t tmpfs lists /usr/share && mkdir -p /usr/share/dkms/modules_to_force_install\n\
             echo 'other {words}' > /usr/share/dkms/modules_to_force_install/list\n\
             sed -i \"s/PRE_INSTALL.*/$SCRIPT/\" /usr/src/old-1.0/dkms.conf\n\
             dkms install old/1.0 -k {}",
            kernel()
        ))
        .env("SCRIPT", if words == "old" { "PRE_INSTALL=no.sh" } else { "" })
        .run()
}

#[test]
fn lists_of_the_system_force_an_installation_or_overrule_its_version_check() {
    installed_with_list("old").expect(0);
    installed_with_list("old_version-override").expect(0);
    installed_with_list("old-1.0 older").expect(6);
}

/// A library and a package that is built against it.
fn dependents() -> World {
    let world = World::generic();
    world.add_package(&Package::new("library", "1.0"));
    world.add_package(&Package::new("library", "2.0"));
    world.add_package(&Package::new("other", "1.0"));
    let user =
        Package::new("user", "1.0").compiled().conf("BUILD_DEPENDS[0]=\"library\"\nBUILD_DEPENDS_REBUILD=\"yes\"");
    world.add_package(&user);
    for name in ["library", "user"] {
        world.dkms(&format!("install {name}/1.0 -k {}", kernel())).expect(0);
    }
    world
}

fn built_with(world: &World) -> Option<String> {
    let directory = world.tree().join("user/1.0").join(kernel()).join(kernel::arch());
    fs::read_to_string(directory.join(".dep_library")).ok()
}

const REBUILDING: &str = "Rebuilding module user/1.0 due to updated dependencies";

#[test]
fn dependents_are_rebuilt_when_another_version_is_installed() {
    let world = dependents();
    assert_eq!(built_with(&world).as_deref(), Some("1.0\n"));
    // Registered is not installed: what matters is what symbols are there.
    world.dkms("add library/2.0").expect(0);
    let out = world.dkms(&format!("install other/1.0 -k {}", kernel())).expect(0);
    assert!(!out.stdout.contains("Rebuilding"), "{out}");

    let dry = world.modsmith(&format!("install library/2.0 -k {} --dry-run --json", kernel())).expect(0);
    assert!(steps_with(&dry, "BUILD_DEPENDS_REBUILD") > 0, "{dry}");

    let out = world.dkms(&format!("install library/2.0 -k {}", kernel())).expect(0);
    assert!(out.stdout.contains(REBUILDING), "{out}");
    assert_eq!(built_with(&world).as_deref(), Some("2.0\n"));
    assert!(world.dkms("status user").stdout.trim().ends_with(": installed"));
    let out = world.dkms(&format!("install other/1.0 -k {} --force", kernel())).expect(0);
    assert!(!out.stdout.contains("Rebuilding"), "{out}");
}

#[test]
fn a_dependent_that_cannot_be_rebuilt_stays_as_it_was() {
    let world = dependents();
    fs::write(world.path("usr/src/user-1.0/user.c"), "this is not C\n").expect("writable");
    let out = world.dkms(&format!("install library/2.0 -k {}", kernel())).expect(10);
    out.expect_error("user.c:1");
    let status = world.dkms("status").stdout;
    for line in ["library/2.0", "user/1.0"] {
        let state = status.lines().find(|text| text.starts_with(line)).unwrap_or_default();
        assert!(state.ends_with(": installed"), "{status}");
    }
    assert_eq!(built_with(&world).as_deref(), Some("1.0\n"));
}

#[test]
fn force_keeps_no_notes_and_rebuilds_nothing() {
    let world = dependents();
    world.dkms(&format!("build user/1.0 -k {} --force", kernel())).expect(0);
    assert_eq!(built_with(&world), None);
    let out = world.dkms(&format!("install library/2.0 -k {} --force", kernel())).expect(0);
    assert!(!out.stdout.contains("Rebuilding"), "{out}");
    // The next installation finds what has no note.
    let out = world.dkms(&format!("install other/1.0 -k {}", kernel())).expect(0);
    assert!(out.stdout.contains(REBUILDING), "{out}");
}

/// Runs lines as a package's scripts would: one process starts them all. The
/// locks are in `/boot`, which the world has for itself.
fn upgrade(world: &World, lines: &[&str]) -> Output {
    fs::write(world.path("etc/dkms/framework.conf"), "tmp_location=/boot\n").expect("writable");
    let dkms = tool::path("dkms").display().to_string();
    let lines: Vec<String> =
        lines.iter().map(|line| format!("{}; echo code $?\n", line.replace("PEER", &dkms))).collect();
    world.shell(&lines.concat()).env("TMPDIR", "/boot").run()
}

fn codes(out: &Output) -> Vec<&str> {
    out.stdout.lines().filter_map(|line| line.strip_prefix("code ")).collect()
}

fn locks(world: &World) -> usize {
    let names =
        fs::read_dir(world.path("boot")).expect("it is there").filter_map(|e| e.ok()?.file_name().into_string().ok());
    names.filter(|name| name.starts_with("dkms_rpm_safe_upgrade_lock.")).count()
}

/// `add` twice and `remove` three times, each by one of the two programs: the
/// locks are understood by both.
#[test]
fn a_remove_in_an_upgrade_leaves_the_package_as_dkms_does() {
    let add = "add up/1.0 --rpm_safe_upgrade";
    let remove = "remove up/1.0 --all --rpm_safe_upgrade";
    for (adds, removes) in [("PEER", "PEER"), ("dkms", "dkms"), ("PEER", "dkms"), ("dkms", "PEER")] {
        let world = World::generic();
        world.add_package(&Package::new("up", "1.0"));
        let (add, remove) = (format!("{adds} {add}"), format!("{removes} {remove}"));
        let out = upgrade(&world, &[&add, &add]);
        assert_eq!((codes(&out), locks(&world)), (vec!["0", "3"], 2), "{adds}: {out}");
        let again = upgrade(&world, &[&remove, &remove]);
        assert_eq!((codes(&again), locks(&world)), (vec!["0", "0"], 0), "{adds}, {removes}: {again}");
        assert_eq!(again.stderr.matches("rpm_safe_upgrade").count(), 2);
        assert!(world.tree().join("up/1.0").exists());
        let last = upgrade(&world, &[&remove]);
        assert_eq!(codes(&last), ["0"], "{last}");
        assert!(!world.tree().join("up").exists(), "{adds}, {removes}: {last}");
    }
}

#[test]
fn a_lock_of_another_version_or_process_is_no_upgrade() {
    let world = World::generic();
    world.add_package(&Package::new("up", "1.0"));
    world.add_package(&Package::new("up", "2.0"));
    // Another version.
    let out = upgrade(
        &world,
        &["dkms add up/2.0 --rpm_safe_upgrade", "dkms add up/1.0", "dkms remove up/1.0 --all --rpm_safe_upgrade"],
    );
    assert_eq!(codes(&out), ["0", "0", "0"], "{out}");
    assert!(!world.tree().join("up/1.0").exists() && locks(&world) == 1);
    // The same process by number, but started at another time.
    let spoil = "for lock in /boot/dkms_rpm*; do sed -i '$s/.*/Mon Jan  2 03:04:05 2006/' $lock; done";
    let out =
        upgrade(&world, &["dkms add up/1.0 --rpm_safe_upgrade", spoil, "dkms remove up/1.0 --all --rpm_safe_upgrade"]);
    assert_eq!(codes(&out), ["0", "0", "0"], "{out}");
    assert!(!world.tree().join("up/1.0").exists(), "{out}");
}

#[test]
fn install_in_an_upgrade_is_forced() {
    let world = World::generic();
    world.add_package(&Package::new("old", "1.0"));
    world.add_module(&kernel(), &fixture::module(&kernel(), "old", Some("9.0")));
    world.dkms(&format!("install old/1.0 -k {}", kernel())).expect(6);
    world.dkms(&format!("install old/1.0 -k {} --rpm_safe_upgrade", kernel())).expect(0);
}

#[test]
fn options_of_other_times_and_formats_are_accepted_with_every_action() {
    let world = World::generic();
    world.add_package(&Package::new("any", "1.0"));
    let named = "--distro suse --release 9 --media iso --size 1440 --spec x.spec --legacy-postinst 0 --archive x.tar.gz \
                 --binaries-only --source-only --no-initrd";
    for options in ["-d suse -r 9", named] {
        for action in ["add any/1.0", "status any/1.0", "remove any/1.0 --all"] {
            world.dkms(&format!("{action} {options}")).expect(0);
        }
    }
    for (option, line) in [
        ("--no-prepare-kernel", "Deprecated feature: --no-prepare-kernel\n"),
        ("--no-clean-kernel", "Deprecated feature: --no-clean-kernel\n"),
    ] {
        let ours = world.dkms(&format!("status {option}")).expect(0);
        let peer = world.peer(&format!("status {option}")).expect(0);
        assert_eq!((ours.stderr.as_str(), ours.stdout.as_str()), (line, ""));
        assert_eq!(peer.stderr, line, "as dkms says it");
    }
    world.dkms("status --no-such-option").expect(2);
    let help = world.dkms("-h").expect(0);
    assert!(help.stdout.contains("--kernelver") && !help.stdout.contains("--no-prepare-kernel"), "{help}");
}

#[test]
fn another_framework_file_counts_after_the_systems() {
    let world = World::generic();
    world.add_package(&Package::new("framed", "1.0"));
    fs::write(world.path("etc/dkms/framework.conf"), "symlink_modules=\"\"\ndkms_tree=/boot/one\n").expect("writable");
    fs::write(world.path("boot/framework"), "dkms_tree=/boot/two\n").expect("writable");
    fs::create_dir(world.path("boot/two")).expect("writable");
    world.dkms("add framed/1.0 --dkmsframework /boot/framework").expect(0);
    assert!(world.path("boot/two/framed/1.0/source").is_symlink() && !world.path("boot/one").exists());
    let out = world.modsmith("status --dkmsframework /boot/none");
    assert!(out.code != 0 && out.stderr.contains("/boot/none"), "{out}");
}

#[test]
fn debug_tells_on_standard_error_what_is_run() {
    let world = World::generic();
    world.add_package(&Package::new("seen", "1.0"));
    let line = format!("install seen/1.0 -k {}", kernel());
    let out = world.dkms(&format!("{line} --debug")).expect(0);
    assert!(out.stderr.contains("DEBUG") && out.stderr.contains("depmod"), "{out}");
    assert!(!out.stdout.contains("DEBUG"), "{out}");
    world.dkms("remove seen/1.0 --all").expect(0);
    let quiet = world.dkms(&line).expect(0);
    assert!(!quiet.stderr.contains("DEBUG"), "{quiet}");
}

#[test]
fn what_a_packages_file_gives_cause_to_say_is_said_once() {
    let conf = "CLEAN=\"make clean\"\nSTRIP=maybe\necho \"a word of $PACKAGE_NAME\" >&2";
    for line in ["install DIR -k KERNEL", "build DIR -k KERNEL", "add DIR", "install said/1.0 -k KERNEL"] {
        let world = World::generic();
        world.add_package(&Package::new("said", "1.0").conf(conf));
        let dir = world.path("boot/elsewhere");
        Package::new("said", "1.0").conf(conf).write(&dir);
        let line = line.replace("DIR", &dir.display().to_string()).replace("KERNEL", &kernel());
        let out = world.dkms(&line).expect(0);
        for text in ["Deprecated feature: CLEAN", "STRIP[0] is `maybe`", "a word of said"] {
            assert_eq!(out.stderr.matches(text).count(), 1, "{text}: {out}");
        }
    }
    // Of each package, though they say the same.
    let world = World::generic();
    for name in ["one", "two"] {
        world.add_package(&Package::new(name, "1.0").conf("CLEAN=\"make clean\"\nAUTOINSTALL=yes"));
        world.dkms(&format!("add {name}/1.0")).expect(0);
    }
    let out = world.dkms(&format!("autoinstall -k {}", kernel())).expect(0);
    assert_eq!(out.stderr.matches("Deprecated feature: CLEAN").count(), 2, "{out}");
}

#[test]
fn an_option_for_all_commands_may_stand_before_the_command() {
    let world = World::generic();
    let root = world.path("boot/image");
    fs::create_dir_all(root.join("etc")).expect("writable");
    fs::write(root.join("etc/os-release"), "ID=alpine\n").expect("writable");
    let serves = |line: String| {
        let listed = world.modsmith(&line).expect(0).stdout;
        listed.lines().filter(|plugin| plugin.contains("serves this system")).map(str::to_owned).collect::<Vec<_>>()
    };
    let root = root.display();
    let before = serves(format!("--root {root} plugin list"));
    assert!(before.iter().any(|line| line.starts_with("alpine ")), "{before:?}");
    assert_eq!(before, serves(format!("plugin list --root={root}")));
    assert!(!serves("plugin list".into()).iter().any(|line| line.starts_with("alpine ")));
    world
        .modsmith(&format!("--root {root}/none plugin list"))
        .expect(30)
        .expect_error("--root names an existing directory");
}
