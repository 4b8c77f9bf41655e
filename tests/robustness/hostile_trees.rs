//! Trees, sources and images that somebody made to do harm by being looked at:
//! nothing outside of them is changed or shown, nothing hangs, nothing panics.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::path::Path;

use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self};
use modsmith_tests::prelude::*;
use modsmith_tests::{Output, World, tool, world};

/// In a file that only root may read, outside of every tree and image.
pub const SECRET: &str = "top-secret-4711";

/// A user that owns nothing on the machine.
const USER: u32 = 4711;

/// How long a command may take, in seconds: one that waits for a pipe would wait
/// for ever.
pub const WATCHDOG: u32 = 300;

const LANDLOCK_REFUSED: &str = "strace -f --seccomp-bpf -qq -o /dev/null -e trace=landlock_create_ruleset -e inject=landlock_create_ruleset:error=EOPNOTSUPP";

const AS_USER: &str = "setpriv --reuid 4711 --regid 4711 --clear-groups";

const ONE_ID: &str = "unshare --user --map-root-user";

/// A way in which everything is run.
pub struct Way {
    pub name: &'static str,
    pub wrapper: [&'static str; 2],
    /// Whether bash can be confined, so that it reads.
    pub confines: bool,
}

/// By root, by a user, and in a user namespace that has one user; and each without Landlock,
/// when only root has the same walls by other means.
pub const WAYS: [Way; 6] = [
    Way { name: "root", wrapper: ["", ""], confines: true },
    Way { name: "a user", wrapper: ["", AS_USER], confines: true },
    Way { name: "a user namespace", wrapper: ["", ONE_ID], confines: true },
    Way { name: "root without Landlock", wrapper: [LANDLOCK_REFUSED, ""], confines: true },
    Way { name: "a user without Landlock", wrapper: [LANDLOCK_REFUSED, AS_USER], confines: false },
    Way { name: "a user namespace without Landlock", wrapper: [LANDLOCK_REFUSED, ONE_ID], confines: false },
];

/// The walls that a reader has.
pub const ALL_WALLS: &str = "no network, no writes, no secrets, own processes, no privileges";

pub fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// A pipe or a socket.
pub fn special(path: &Path, kind: libc::mode_t) {
    let name = CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: the name ends with a NUL byte and lives until the call returns.
    assert_eq!(unsafe { libc::mknod(name.as_ptr(), kind | 0o644, 0) }, 0, "cannot make {}", path.display());
}

pub fn device(path: &Path, kind: libc::mode_t, major: u32, minor: u32) {
    let name = CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: as above.
    let status = unsafe { libc::mknod(name.as_ptr(), kind | 0o666, libc::makedev(major, minor)) };
    assert_eq!(status, 0, "cannot make {}", path.display());
}

/// A machine with a secret, and a place that nothing may be written to.
pub fn machine() -> World {
    let world = World::generic();
    world.write("boot/secret", format!("{SECRET}=1\n"));
    mode(&world.path("boot/secret"), 0o600);
    world.write("boot/outside/victim", "kept\n");
    // Where every user can start it.
    fs::copy(world::modsmith(), world.path("boot/modsmith")).unwrap();
    world
}

/// Runs each command in each way; returns what was printed. None may take for
/// ever, panic, print the secret, or change anything.
pub fn look(world: &World, commands: &[String]) -> String {
    for program in ["timeout", "unshare", "strace"] {
        tool::path(program);
    }
    let before = world.snapshot().with(world.sources());
    let mut all = String::new();
    for Way { name: way, wrapper: [outer, inner], .. } in WAYS {
        let script: String = commands
            .iter()
            .map(|command| {
                format!(
                    "echo '== {command}'; timeout {WATCHDOG} {outer} {inner} /boot/modsmith {command}; echo \"exit $?\"\n"
                )
            })
            .collect();
        let out: Output = world.shell(&script).run().expect_no_panic();
        let text = format!("{}{}", out.stdout, out.stderr);
        assert!(!text.contains(SECRET), "{way}: the secret is shown: {out}");
        assert!(!text.contains("exit 124"), "{way}: a command hangs: {out}");
        assert!(!text.contains("exit 101") && !text.contains("exit 139"), "{way}: a command crashes: {out}");
        before.assert_same(&world.snapshot().with(world.sources()), &format!("looking, {way}"));
        all += &text;
    }
    all
}

pub fn commands(name: &str, more: &str) -> Vec<String> {
    let kernel = kernel();
    let actions = [
        "status".to_owned(),
        "status --json".to_owned(),
        format!("conf {name}/1.0"),
        format!("log {name}/1.0"),
        format!("add {name}/1.0 --dry-run"),
        format!("build {name}/1.0 -k {kernel} --dry-run"),
        format!("install {name}/1.0 -k {kernel} --dry-run"),
        format!("remove {name}/1.0 --all --dry-run"),
        format!("autoinstall -k {kernel} --dry-run"),
    ];
    actions.map(|action| format!("{action} {more}")).to_vec()
}

/// Registers a package and lets it look built, so that its dkms.conf is read.
fn register(world: &World, name: &str) {
    symlink(format!("/usr/src/{name}-1.0"), {
        let version = world.tree().join(name).join("1.0");
        fs::create_dir_all(version.join("build")).unwrap();
        fs::create_dir_all(version.join(kernel()).join(kernel::arch()).join("module")).unwrap();
        version.join("source")
    })
    .unwrap();
}

/// A dkms.conf, or another file, that is none.
fn instead(world: &World, what: &str, location: &Path) {
    let _ = fs::remove_file(location);
    match what {
        "pipe" => special(location, libc::S_IFIFO),
        "socket" => special(location, libc::S_IFSOCK),
        "directory" => fs::create_dir(location).unwrap(),
        "device" => symlink("/dev/zero", location).unwrap(),
        "large" => fs::File::create(location).unwrap().set_len(3 << 20).unwrap(),
        "link" => {
            symlink("/boot/secret", location).unwrap();
            lchown(location, Some(USER), Some(USER)).unwrap();
        }
        _ => unreachable!("{what} in {}", world.dir().display()),
    }
}

#[test]
fn a_conf_that_is_no_regular_file_is_told_and_not_waited_for() {
    for (what, says) in [
        ("pipe", "a named pipe, not a regular file"),
        ("socket", "a socket, not a regular file"),
        ("device", "a device, not a regular file"),
        ("large", "larger than 1 MiB"),
        ("directory", ""),
        ("link", "a link of the user 4711"),
    ] {
        let world = machine();
        let source = world.add_package(&Package::new("trap", "1.0"));
        register(&world, "trap");
        instead(&world, what, &source.join("dkms.conf"));
        let shown = look(&world, &commands("trap", ""));
        assert!(shown.contains(says), "{what}: {shown}");
    }
}

/// What a dkms.conf tries with bash: to show a secret, to write where everybody may, to leave
/// something running, to end others.
pub const EVIL: [&str; 5] = [
    "BUILD_DEPENDS=$(cat /boot/secret to-secret /proc/$PPID/environ)",
    "cd /boot/outside; echo x >victim; echo x >new; rm -f victim; ln -s /boot/secret link; chmod 700 .",
    "MAKE='$(echo x >/boot/outside/new)`rm -rf /boot/outside/victim to-outside/victim`'",
    "(setsid sleep NAP &); setsid sleep NAP & trap '' TERM HUP INT",
    "kill -9 $PPID 1; kill -STOP $PPID 1; BUILD_DEPENDS=$(kill -9 1)",
];

/// Whether a process sleeps for so many seconds.
pub fn sleeps(seconds: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.any(|line| line == format!("sleep\0{seconds}\0").as_bytes())
}

#[test]
fn hostile_confs_are_looked_at_behind_all_walls_in_every_way_or_not_read() {
    // No other test's processes sleep that long.
    let nap = (70_000_000 + std::process::id()).to_string();
    for evil in EVIL.map(|evil| evil.replace("NAP", &nap)) {
        let world = machine();
        mode(&world.path("boot/outside"), 0o777);
        mode(&world.path("boot/outside/victim"), 0o666);
        let source = world.add_package(&Package::new("trap", "1.0").conf(&evil));
        symlink("/boot/secret", source.join("to-secret")).unwrap();
        symlink("/boot/outside", source.join("to-outside")).unwrap();
        register(&world, "trap");
        look(&world, &commands("trap", ""));
        for Way { name, wrapper: [outer, inner], confines } in WAYS {
            let program = format!("timeout {WATCHDOG} {outer} {inner} /boot/modsmith");
            let out = world.shell(&format!("{program} conf trap/1.0 --json")).run().expect_no_panic();
            if confines {
                // A file that ended its own shell is invalid, and was read behind the same walls.
                assert!([0, 8].contains(&out.code), "{name}, {evil}: {out}");
                let json = out.json();
                assert_eq!(json["readings"][0]["confinement"].as_str(), Some(ALL_WALLS), "{name}, {evil}: {out}");
            } else {
                assert!(out.code != 0, "{name}, {evil}: {out}");
                // Of the file nothing is shown: the document is the error alone.
                let json = out.json();
                assert_eq!(json.as_object().map(|members| members.len()), Some(1), "{name}, {evil}: {out}");
                assert_eq!(json["error"]["id"], "system", "{name}, {evil}: {out}");
                out.expect_error("bash is needed to read")
                    .expect_error("it cannot be confined on this system")
                    .expect_error("no writes: Operation not supported");
            }
        }
        assert!(!sleeps(&nap), "{evil}: a process was left");
    }
}

#[test]
fn settings_and_facts_that_are_no_regular_files_are_not_waited_for() {
    for file in ["etc/dkms/framework.conf", "etc/dkms/framework.conf.d/x.conf", "etc/dkms/plain.conf", "etc/os-release"]
    {
        let world = machine().of_system("ID=debian\n");
        world.add_package(&Package::new("plain", "1.0"));
        register(&world, "plain");
        world.write(file, "");
        instead(&world, "pipe", &world.path(file));
        look(&world, &commands("plain", ""));
    }
}

#[test]
fn what_others_wrote_into_the_tree_is_told_and_not_believed() {
    let world = machine();
    world.add_package(&Package::new("plain", "1.0"));
    register(&world, "plain");
    let outside = world.path("boot/outside");
    let journal = format!(
        "{}\n{}\n",
        r#"{"plan":{"version":2,"title":"x","pid":1,"roots":{"tree":"/var/lib/dkms","boot":"/boot"}}}"#,
        r#"{"begin":{"step":0,"keep":false,"undo":[{"remove":{"location":{"root":"boot","relative":"outside/victim"}}}]}}"#
    );
    let private = world.tree().join(".modsmith");
    fs::create_dir_all(private.join("journal")).unwrap();
    fs::write(private.join("journal/1-1.jsonl"), &journal).unwrap();
    let failed = private.join(format!("failed/plain/1.0/{}/{}", kernel(), kernel::arch()));
    fs::create_dir_all(&failed).unwrap();
    symlink("/boot/secret", failed.join("record.json")).unwrap();
    symlink("/boot/secret", failed.join("make.log")).unwrap();
    let built = world.tree().join("plain/1.0").join(kernel()).join(kernel::arch());
    fs::create_dir(built.join("log")).unwrap();
    symlink("/boot/secret", built.join("log/make.log")).unwrap();
    instead(&world, "pipe", &built.join(".modsmith.json"));
    for path in [private.join("journal/1-1.jsonl"), private.join("journal")] {
        chown(path, Some(USER), Some(USER)).unwrap();
    }
    let shown = look(&world, &commands("plain", ""));
    assert!(shown.contains("belongs to the user 4711") && shown.contains("it is a symbolic link"), "{shown}");
    // A change is made all the same, and the journal is still left alone.
    let out = world.modsmith("add other/1.0").expect_no_panic();
    assert!(outside.join("victim").exists() && private.join("journal/1-1.jsonl").exists(), "{out}");
    assert!(out.stderr.contains("is not trusted"), "{out}");

    // A private directory that leads elsewhere stops changes.
    fs::remove_dir_all(&private).unwrap();
    symlink("/boot/outside", &private).unwrap();
    fs::write(outside.join("builds"), "kept").unwrap();
    world.add_package(&Package::new("other", "1.0"));
    look(&world, &commands("plain", ""));
    world.modsmith("add other/1.0").expect_no_panic().expect_error("it is a symbolic link").expect_hint();
    assert!(outside.join("builds").exists() && outside.join("victim").exists());
}

#[test]
fn a_conf_has_no_terminal_where_the_caller_has_one() {
    let world = machine();
    // A program that opens the terminal can type into the shell of its user.
    world.add_package(&Package::new("trap", "1.0").conf("BUILD_DEPENDS=$({ : </dev/tty; } 2>/dev/null && echo typed)"));
    let mut terminal =
        world.shell("{ : </dev/tty; } && echo there; /boot/modsmith conf trap/1.0; echo done").on_terminal(50, 100);
    terminal.until(|lines| lines.iter().any(|line| line == "done"), |_| {});
    let screen = terminal.screen().join("\n");
    assert!(screen.contains("there") && screen.contains("trap"), "{screen}");
    assert!(!screen.contains("typed"), "{screen}");
}

#[test]
fn no_user_can_hold_the_lock_and_a_signal_ends_the_wait_for_it() {
    let world = machine();
    world.add_package(&Package::new("plain", "1.0"));
    let program = world::modsmith().display().to_string();
    // A lock on the tree's directory, which every user can open, holds up nobody.
    let script = format!(
        "exec 9</var/lib/dkms; setpriv --reuid {USER} --regid {USER} --clear-groups flock 9; \
         timeout {WATCHDOG} {program} add plain/1.0"
    );
    world.shell(&script).run().expect(0);

    // Root's own lock is waited for.
    let script = format!(
        "mkdir -p /var/lib/dkms/.modsmith; umask 077; exec 9>/var/lib/dkms/.modsmith/lock; flock 9; umask 022; \
         ! setpriv --reuid {USER} --regid {USER} --clear-groups cat /var/lib/dkms/.modsmith/lock 2>/dev/null || exit 9; \
         {program} remove plain/1.0 --all 2>/boot/said 9>&- & pid=$!; \
         until grep -q Waiting /boot/said; do :; done; kill -TERM $pid; wait $pid"
    );
    world.program(tool::path("timeout")).words(&format!("{WATCHDOG} sh -c")).arg(script).run().expect(130);
}

#[test]
fn no_user_can_hold_up_root_with_a_lock_of_a_cache_or_of_plugins() {
    let world = machine().of_system("ID=debian\n");
    for directory in
        ["etc/modsmith/plugins", "var/cache/modsmith/headers/packages", "var/cache/modsmith/headers/kernels"]
    {
        fs::create_dir_all(world.path(directory)).unwrap();
        world.path(directory).ancestors().take(3).for_each(|directory| mode(directory, 0o755));
    }
    // As earlier versions made it.
    let lock = world.path("var/cache/modsmith/headers/lock");
    fs::write(&lock, "").unwrap();
    mode(&lock, 0o644);
    mode(&world.path("boot/outside"), 0o777);
    let program = world::modsmith().display().to_string();
    let script = format!(
        "setpriv --reuid {USER} --regid {USER} --clear-groups sh -c \
           'exec 8</var/cache/modsmith/headers/lock 9</etc/modsmith/plugins && flock 8 && flock 9 && \
            touch /boot/outside/held && exec sleep 1000' & holder=$!; \
         until test -e /boot/outside/held; do kill -0 $holder || exit 9; done; \
         timeout {WATCHDOG} {program} store gc; echo \"gc $?\"; \
         timeout {WATCHDOG} {program} plugin remove absent; echo \"remove $?\"; kill $holder"
    );
    let out = world.shell(&script).run().expect_no_panic();
    assert!(out.stdout.contains("gc 0\n"), "{out}");
    assert!(out.stdout.contains("remove ") && !out.stdout.contains("remove 124"), "{out}");
    assert!(!lock.exists() && fs::read_dir(world.path("etc/modsmith/plugins")).unwrap().count() == 0, "{out}");
}

#[test]
fn a_build_has_no_pin_in_its_environment() {
    let world = machine();
    let package = Package::new("plain", "1.0").conf("MAKE=\"env >/boot/seen; false\"");
    world.add_package(&package);
    let seen = || {
        let build = world.program(world::modsmith()).words(&format!("build plain/1.0 -k {}", kernel()));
        let build = build.env("KBUILD_SIGN_PIN", SECRET).env("MOK_PIN", SECRET).env("KEPT", "yes");
        let out = build.run().expect_no_panic();
        fs::read_to_string(world.path("boot/seen")).unwrap_or_else(|e| panic!("{e}: {out}"))
    };
    world.opens_boot();
    let confined = seen();
    assert!(!confined.contains("KEPT") && !confined.contains(SECRET), "{confined}");
    fs::remove_file(world.path("boot/seen")).unwrap();
    world.has_no_walls();
    let free = seen();
    assert!(free.contains("KEPT=yes") && !free.contains(SECRET), "{free}");
    let log = world.tree().join("plain/1.0/build/make.log");
    assert!(!fs::read_to_string(log).unwrap().contains(SECRET));
}

#[test]
fn roots_temporary_files_are_not_where_the_caller_says() {
    let world = machine();
    fs::create_dir(world.path("boot/callers")).unwrap();
    // Behind walls a build has temporary files of its own.
    world.has_no_walls();
    world.add_package(&Package::new("plain", "1.0").conf("MAKE=\"printenv TMPDIR >/boot/seen; false\""));
    let build = |world: &World| {
        let build = world.program(world::modsmith()).words(&format!("build plain/1.0 -k {} --force", kernel()));
        build.env("TMPDIR", "/boot/callers").run().expect_no_panic()
    };
    build(&world);
    assert_eq!(fs::read_to_string(world.path("boot/seen")).unwrap(), "");
    fs::create_dir(world.path("boot/own")).unwrap();
    world.write("etc/dkms/framework.conf", "tmp_location=/boot/own\n");
    build(&world);
    assert_eq!(fs::read_to_string(world.path("boot/seen")).unwrap(), "/boot/own\n");
    world.write("etc/dkms/framework.conf", "tmp_location=/boot/missing\n");
    let out = build(&world);
    assert!(out.stderr.contains("Temporary files cannot be created in /boot/missing"), "{out}");
}
