//! Hostile dkms.conf files, looked at: they learn nothing, change nothing, reach
//! nobody and leave nothing behind, and the level that is told is the one that held.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use modsmith_tests::world::modsmith;
use modsmith_tests::{Output, World};

/// A user without any right.
const USER: u32 = 54321;

const ALL: &str = "no network, no writes, no secrets, own processes, no privileges";

/// As whom the program runs.
#[derive(Debug, Clone, Copy)]
enum As {
    Root,
    User,
    /// Root of a user namespace that has no other id.
    SingleId,
}

/// For how long the processes of this test sleep: no other test's do, nor those of other
/// checkouts on this machine.
fn nap() -> u32 {
    70_000_000 + std::process::id()
}

const LANDLOCK: &[libc::c_long] =
    &[libc::SYS_landlock_create_ruleset, libc::SYS_landlock_add_rule, libc::SYS_landlock_restrict_self];

struct Scene {
    world: World,
    /// Of [`USER`].
    home: tempfile::TempDir,
    /// For everybody who can connect: two sockets.
    listeners: Vec<UnixListener>,
    program: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let world = World::generic();
        let open = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        // Where every user can run it.
        let program = world.path("usr/src/program");
        std::fs::copy(modsmith(), &program).unwrap();
        world.write("var/lib/dkms/mok.key", "the-key-of-root");
        open(&world.path("var/lib/dkms/mok.key"), 0o600);
        open(&world.path("var/lib/dkms"), 0o755);
        world.write("usr/src/open/file", "kept");
        open(&world.path("usr/src/open"), 0o777);
        open(&world.path("usr/src/open/file"), 0o666);
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".ssh")).unwrap();
        std::fs::write(home.path().join(".ssh/id"), "the-key-of-a-user").unwrap();
        let listeners = vec![
            UnixListener::bind(home.path().join("agent")).unwrap(),
            UnixListener::bind(world.path("usr/src/open/agent")).unwrap(),
        ];
        for listener in &listeners {
            listener.set_nonblocking(true).unwrap();
        }
        open(&world.path("usr/src/open/agent"), 0o777);
        for path in ["", ".ssh", ".ssh/id", "agent"] {
            chown(home.path().join(path), Some(USER), Some(USER)).unwrap();
        }
        Self { world, home, listeners, program }
    }

    /// A package whose dkms.conf ends with what it should not do.
    fn package(&self, evil: &str) {
        let head = "PACKAGE_NAME=evil\nPACKAGE_VERSION=1\nBUILT_MODULE_NAME=evil\nDEST_MODULE_LOCATION=/extra\n";
        self.world.write("usr/src/evil-1/dkms.conf", format!("{head}{evil}\n"));
        self.world.write("usr/src/evil-1/Makefile", "");
        let source = self.world.path("var/lib/dkms/evil/1/source");
        std::fs::create_dir_all(source.parent().unwrap()).unwrap();
        if !source.is_symlink() {
            std::os::unix::fs::symlink("/usr/src/evil-1", source).unwrap();
        }
    }

    fn run(&self, who: As, words: &str, landlock: bool) -> Output {
        let invocation = match who {
            As::Root => self.world.program("/usr/src/program"),
            As::User => self
                .world
                .program("setpriv")
                .words(&format!("--reuid={USER} --regid={USER} --clear-groups /usr/src/program")),
            As::SingleId => self.world.program("unshare").words("--user --map-root-user /usr/src/program"),
        };
        let invocation = invocation.words(words).env("HOME", self.home.path().display().to_string());
        if landlock { invocation } else { invocation.refusing(LANDLOCK) }.run().expect_no_panic()
    }

    /// Nothing came of it.
    fn assert_untouched(&self, what: &str) {
        for listener in &self.listeners {
            let error = listener.accept().expect_err("somebody connected");
            assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{what}");
        }
        let file = self.world.path("usr/src/open/file");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept", "{what}");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o666, "{what}");
        let mut names: Vec<_> =
            std::fs::read_dir(self.world.path("usr/src/open")).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["agent", "file"], "{what}");
        assert_eq!(std::fs::read_dir(self.home.path()).unwrap().count(), 2, "{what}");
        let left = std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            std::fs::read(entry.path().join("cmdline")).is_ok_and(|line| {
                String::from_utf8_lossy(&line).replace('\0', " ").contains(&format!("sleep {}", nap()))
            })
        });
        assert!(!left, "{what}: a process was left behind");
        assert!(self.program.exists());
    }

    /// How bash was confined, as the report tells it: also of a file that ended its own shell, which is
    /// invalid.
    fn level(out: Output) -> String {
        assert!([0, 8].contains(&out.code), "{out}");
        let json = out.json();
        json["readings"][0]["confinement"].as_str().expect("bash read it").to_owned()
    }
}

/// Texts, each of which tries something else.
fn corpus(home: &Path) -> Vec<String> {
    let (home, nap) = (home.display(), nap());
    let connect = |address: &str| {
        format!(
            "python3 -c \"import socket; s = socket.socket(socket.AF_UNIX); s.connect({address}); s.send(b'x')\" 2>/dev/null"
        )
    };
    vec![
        format!("BUILD_DEPENDS=$(cat /etc/shadow /var/lib/dkms/mok.key {home}/.ssh/id /proc/1/environ | base64 -w0)"),
        format!("BUILD_DEPENDS=$(find /var/lib/dkms {home} -type f -exec base64 -w0 {{}} +)"),
        format!("{}\n{}", connect("'/usr/src/open/agent'"), connect(&format!("'{home}/agent'"))),
        connect("'\\0abstract'"),
        "cd /usr/src/open; echo x > file; echo x > new; mkdir d; ln -s a b; mkfifo p; rm file; mv file other".into(),
        "chmod 600 /usr/src/open/file; touch -d @0 /usr/src/open/file; truncate -s 0 /usr/src/open/file".into(),
        format!("touch {home}/new; chmod 777 {home}/.ssh/id; rm -r {home}/.ssh"),
        format!("setsid sleep {nap} & (setsid sh -c 'sleep {nap}; :' &); nohup sleep {nap} &"),
        format!("MAKE='$(exec -a x sleep {nap} >/dev/null & )'\nCLEAN='`setsid sleep {nap} >/dev/null 2>&1 &`'"),
        "for fd in /proc/self/fd/*; do echo x >&${fd##*/}; done 2>/dev/null".into(),
    ]
}

#[test]
fn a_hostile_file_that_is_looked_at_does_nothing() {
    let scene = Scene::new();
    for evil in corpus(scene.home.path()) {
        scene.package(&evil);
        for who in [As::Root, As::User, As::SingleId] {
            for words in ["conf evil/1 --json", "status", "install evil/1 --dry-run"] {
                let what = format!("{who:?}, {words}, {evil}");
                let out = scene.run(who, words, true);
                let text = format!("{}{}", out.stdout, out.stderr);
                // Also as base64, as far as it does not depend on what is before it.
                for secret in ["the-key-of", "dGhlLWtleS1vZi", "RoZS1rZXktb2", "0aGUta2V5LW9m", "cm9vdDo"] {
                    assert!(!text.contains(secret), "{what}: {out}");
                }
                if words.starts_with("conf") {
                    assert_eq!(Scene::level(out), ALL, "{what}");
                }
                scene.assert_untouched(&what);
            }
        }
    }
}

#[test]
fn what_the_caller_left_open_is_closed_to_bash() {
    let scene = Scene::new();
    // Written to and read by number, then listed by what they are.
    scene.package(
        "for fd in 6 7 8 9; do (echo planted >&$fd); (cat <&$fd >&2); done 2>/dev/null\n\
         for fd in /proc/self/fd/*; do readlink \"$fd\" >&2; done; echo listed >&2",
    );
    for who in [As::Root, As::User, As::SingleId] {
        let wrapper = match who {
            As::Root => String::new(),
            As::User => format!("setpriv --reuid={USER} --regid={USER} --clear-groups"),
            As::SingleId => "unshare --user --map-root-user".to_owned(),
        };
        for words in ["conf evil/1 --json", "conf evil/1", "install evil/1 --dry-run"] {
            let script = format!(
                "exec 6>/usr/src/open/../log 7>>/usr/src/open/file 8</var/lib/dkms/mok.key 9<>/usr/src/open/file; \
                 exec {wrapper} /usr/src/program {words}"
            );
            let out = scene.world.shell(&script).run().expect_no_panic();
            let (what, text) = (format!("{who:?}, {words}"), format!("{}{}", out.stdout, out.stderr));
            assert!(text.contains("listed") && text.contains("pipe:["), "{what}: it did not look: {out}");
            for hidden in ["/usr/src/open/file", "mok.key", "/usr/src/log", "the-key-of-root"] {
                assert!(!text.contains(hidden), "{what}: {hidden} is shown: {out}");
            }
            assert_eq!(std::fs::read_to_string(scene.world.path("usr/src/log")).unwrap(), "", "{what}");
            scene.assert_untouched(&what);
        }
    }
}

#[test]
fn without_landlock_root_reads_behind_the_same_walls_and_others_refuse() {
    let scene = Scene::new();
    for evil in corpus(scene.home.path()) {
        scene.package(&evil);
        let out = scene.run(As::Root, "conf evil/1 --json", false);
        assert_eq!(Scene::level(out), ALL, "{evil}");
        scene.assert_untouched(&evil);
        for who in [As::User, As::SingleId] {
            for words in ["conf evil/1", "status"] {
                let out = scene.run(who, words, false);
                if words.starts_with("conf") {
                    assert_ne!(out.code, 0, "{out}");
                    out.expect_error("bash is needed to read")
                        .expect_error("it cannot be confined on this system")
                        .expect_error("no writes: Function not implemented")
                        .expect_error("no secrets: Function not implemented")
                        .expect_error("/etc/modsmith/confinement.toml")
                        .expect_hint();
                }
                scene.assert_untouched(&format!("{who:?}, {words}, {evil}"));
            }
        }
    }
}

#[test]
fn the_administrator_can_let_bash_read_with_fewer_walls() {
    let scene = Scene { world: World::generic().of_system("ID=x\n"), ..Scene::new() };
    std::fs::copy(modsmith(), scene.world.path("usr/src/program")).unwrap();
    scene.package("BUILD_DEPENDS=$(echo fine)");
    scene.run(As::User, "conf evil/1", false).expect_error("it cannot be confined on this system");
    scene.world.write("etc/modsmith/confinement.toml", "reader = \"best\"\n");
    let out = scene.run(As::User, "conf evil/1 --json", false);
    assert_eq!(Scene::level(out), "no network, own processes, no privileges");
    scene.world.write("etc/modsmith/confinement.toml", "reader = \"wurst\"\n");
    scene
        .run(As::User, "conf evil/1", false)
        .expect_error("confinement.toml cannot be used: unknown variant")
        .expect_hint();
}

#[test]
fn a_plain_file_needs_no_wall() {
    let scene = Scene::new();
    scene.package("");
    for who in [As::Root, As::User, As::SingleId] {
        scene.run(who, "conf evil/1", false).expect(0);
    }
}
