//! Programs of a build, which work in one directory.

use std::path::{Path, PathBuf};

use super::*;

/// A tree with the packages `own` and `other`, beside a secret and a public file of others.
struct Scene {
    dir: tempfile::TempDir,
    directory: PathBuf,
    view: View,
    readable: Readable,
}

impl Scene {
    fn new() -> Self {
        let dir = public_directory();
        let tree = dir.path().join("tree");
        let directory = tree.join("own/build");
        let mut view = View::new();
        view.hide(&tree);
        view.keep(&tree.join("own"));
        view.work_in(&directory, &directory);
        let scene = Self { dir, directory, view, readable: Readable::system(false) };
        for file in ["tree/own/build/source.c", "tree/own/shared", "tree/other/module.ko", "public", "key"] {
            let path = scene.path(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "kept\n").unwrap();
        }
        std::fs::set_permissions(scene.path("key"), PermissionsExt::from_mode(0o600)).unwrap();
        let (user, group) = (Some(NOBODY), Some(NOBODY));
        for path in ["tree/own/build", "tree/own/build/source.c"] {
            std::os::unix::fs::chown(scene.path(path), user, group).unwrap();
        }
        scene
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn run<'a>(&'a self, script: &str, change: impl FnOnce(&mut Build<'a>)) -> (Output, Level) {
        self.run_with(bash(script), change)
    }

    fn run_with<'a>(&'a self, command: Command, change: impl FnOnce(&mut Build<'a>)) -> (Output, Level) {
        let mut build = Build {
            root: Path::new("/"),
            directory: &self.directory,
            writable: vec![&self.directory],
            readable: None,
            view: Some(&self.view),
            user: Some(User::NOBODY),
            network: false,
            open: Vec::new(),
        };
        change(&mut build);
        run_in(command, Confinement::build(&build).unwrap())
    }
}

#[test]
fn a_build_writes_in_its_directory_and_finds_nothing_of_others() {
    let scene = Scene::new();
    let base = scene.dir.path().display();
    let script = format!(
        "pwd; cat source.c ../shared; echo made > product; echo x > /tmp/mine && cat /tmp/mine
         ls {base} {base}/tree; cat {base}/public {base}/key; echo x > {base}/new; echo x > ../shared
         cat {base}/tree/other/module.ko /etc/shadow; ls /dev | tr '\\n' ' '; echo x > /dev/null && echo null
         echo x >&2 2>/dev/stderr; : < /dev/tty; echo x > /usr/x; mount -t tmpfs none /mnt; id -u"
    );
    let (output, level) = scene.run(&script, |_| ());
    assert_eq!(level.rung(&[]), Rung::Full, "{level}: {:?}", level.missing().collect::<Vec<_>>());
    let expected = format!(
        "{base}/tree/own/build\nkept\nkept\nx\n{base}:\ntree\n\n{base}/tree:\nown\n\
         fd full null random shm stderr stdin stdout urandom zero null\n{NOBODY}\n"
    );
    assert_eq!(stdout(&output), expected, "{output:?}");
    assert_eq!(std::fs::read_to_string(scene.path("tree/own/build/product")).unwrap(), "made\n");
    assert_eq!(std::fs::read_to_string(scene.path("tree/own/shared")).unwrap(), "kept\n");
    assert!(!scene.path("new").exists() && !Path::new("/tmp/mine").exists() && !Path::new("/usr/x").exists());
}

#[test]
fn a_directory_can_be_found_at_another_place() {
    let mut scene = Scene::new();
    let real = scene.path("tree/own/kernel-build");
    std::fs::create_dir(&real).unwrap();
    std::os::unix::fs::chown(&real, Some(NOBODY), Some(NOBODY)).unwrap();
    scene.view.work_in(&real, &scene.directory);
    let (output, level) = scene.run("pwd; echo made > product", |build| build.writable = vec![real.as_path()]);
    assert_eq!(level.rung(&[]), Rung::Full, "{level}");
    assert_eq!(stdout(&output), format!("{}\n", scene.directory.display()), "{output:?}");
    assert!(real.join("product").exists() && !scene.directory.join("product").exists());
}

#[test]
fn without_mounts_of_its_own_a_build_is_confined() {
    let scene = Scene::new();
    let base = scene.dir.path().display();
    let mut command =
        bash(&format!("echo made > product; cat {base}/key; echo x > {base}/new; echo x > /tmp/mine; id -u"));
    refuse(&mut command, NO_NAMESPACES);
    let (output, level) = scene.run_with(command, |build| build.view = None);
    assert_eq!(level.rung(&[]), Rung::Confined, "{level}");
    assert_eq!(stdout(&output), format!("{NOBODY}\n"), "{output:?}");
    assert!(scene.path("tree/own/build/product").exists() && !scene.path("new").exists());
    assert!(!Path::new("/tmp/mine").exists());
}

#[test]
fn without_landlock_too_a_build_is_another_user_at_least() {
    let scene = Scene::new();
    let base = scene.dir.path().display();
    let mut command = bash(&format!("echo made > product; cat {base}/key; echo x > {base}/new; id -u"));
    refuse(&mut command, &[libc::SYS_unshare, libc::SYS_landlock_restrict_self]);
    let (output, level) = scene.run_with(command, |build| build.view = None);
    assert_eq!(level.rung(&[]), Rung::Dropped, "{level}");
    assert_eq!(stdout(&output), format!("{NOBODY}\n"), "{output:?}");
    // It can write where everybody can: the level must not say otherwise.
    assert!(scene.path("new").exists());
}

#[test]
fn a_probe_tells_the_level_and_starts_nothing() {
    let scene = Scene::new();
    let build = |view| Build {
        root: Path::new("/"),
        directory: &scene.directory,
        writable: vec![&scene.directory],
        readable: None,
        view,
        user: Some(User::NOBODY),
        network: false,
        open: Vec::new(),
    };
    let level = |view| Confinement::build(&build(view)).unwrap().probe().unwrap().rung(&[]);
    assert_eq!((level(Some(&scene.view)), level(None)), (Rung::Full, Rung::Confined));
}

#[test]
fn the_network_is_there_where_it_is_allowed() {
    let scene = Scene::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{} && echo connected", listener.local_addr().unwrap().port());
    let (output, level) = scene.run(&script, |build| build.network = true);
    assert_eq!((stdout(&output).as_str(), level.rung(&[])), ("connected\n", Rung::Dropped), "{output:?}");
    let (output, _) = scene.run(&script, |_| ());
    assert_eq!(stdout(&output), "", "{output:?}");
}

#[test]
fn one_that_stays_the_caller_reads_only_what_is_given() {
    let scene = Scene::new();
    let base = scene.dir.path().display();
    let script = format!(
        "cat source.c; cat {base}/public {base}/key /etc/shadow; cat /usr/lib/os-release >/dev/null && echo read; id -u"
    );
    let mut command = bash(&script);
    refuse(&mut command, NO_NAMESPACES);
    let (output, level) = scene.run_with(command, |build| {
        (build.view, build.readable, build.user) = (None, Some(&scene.readable), None);
    });
    assert_eq!(stdout(&output), "kept\nread\n0\n", "{output:?}");
    assert_eq!(level.rung(&[]), Rung::Confined, "{level}");
}
