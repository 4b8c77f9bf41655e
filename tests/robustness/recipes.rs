//! Hostile recipes: what a package's Makefile and scripts try, and what holds at each level.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use modsmith_tests::fixture::{self, Package};
use modsmith_tests::prelude::*;
use modsmith_tests::{Output, World};

/// A user without privileges, who is in no file of the system.
pub const USER: u32 = 54321;

/// Which walls a system has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walls {
    All,
    /// As a container's profile refuses them.
    NoNamespaces,
    NoLandlock,
    /// A kernel before 5.13 in a container.
    Neither,
}

pub const NAMESPACES: &[libc::c_long] = &[libc::SYS_unshare];
const LANDLOCK: &[libc::c_long] = &[libc::SYS_landlock_create_ruleset];
const BOTH: &[libc::c_long] = &[libc::SYS_unshare, libc::SYS_landlock_create_ruleset];

impl Walls {
    const EACH: [Self; 4] = [Self::All, Self::NoNamespaces, Self::NoLandlock, Self::Neither];

    pub fn refused(self) -> &'static [libc::c_long] {
        match self {
            Self::All => &[],
            Self::NoNamespaces => NAMESPACES,
            Self::NoLandlock => LANDLOCK,
            Self::Neither => BOTH,
        }
    }
}

/// A package whose modules are made by a script, from a file that is a module already.
pub fn package(name: &str, recipe: &str) -> Package {
    let kernel = kernel();
    let module = fs::read(fixture::module(&kernel, name, None)).expect("a built module");
    Package::new(name, "1.0")
        .conf("MAKE[0]=\"./recipe\"\nCLEAN=\"true\"\nSTRIP=\"no\"")
        .file("ready.ko", module)
        .script("recipe", &format!("{recipe}\ncp ready.ko {name}.ko"))
}

pub fn build(world: &World, package: &Package, walls: Walls) -> Output {
    let command = format!("build {} -k {} --force", package.id(), kernel());
    world.program(world.path("bin/dkms")).words(&command).refusing_inside(walls.refused()).run().expect_no_panic()
}

pub fn registered(world: &World, package: &Package) {
    world.add_package(package);
    world.dkms(&format!("add {}", package.id())).expect(0);
}

pub fn log(world: &World, package: &Package) -> String {
    let kernel = kernel();
    let id = package.id();
    let out = world.modsmith(&format!("log {id} -k {kernel}"));
    out.stdout
}

/// The level that the record of the last build has.
pub fn level(world: &World, package: &Package) -> String {
    let out = world.modsmith(&format!("status {} --json", package.id())).expect(0);
    let document: serde_json::Value = serde_json::from_str(&out.stdout).expect("JSON");
    document["packages"][0]["confinement"]["level"].as_str().unwrap_or("off").to_owned()
}

/// What a Makefile did when it was tried, and more.
const TRIES: &str = r#"
out() { echo "$1" >> broken; }
[ "$(id -u)" = 0 ] && out root
grep -q '^CapEff:.*[1-9a-f]' /proc/self/status && out capabilities
env | grep -q SECRET && out environment
echo x > /boot/new 2>/dev/null && out boot
echo x > /usr/src/open/new 2>/dev/null && out open-directory
echo x > ../../../other/1.0/build/x 2>/dev/null && out other-build
cat /var/lib/dkms/mok.key >/dev/null 2>&1 && out key
cat /etc/shadow >/dev/null 2>&1 && out shadow
cat /boot/secret >/dev/null 2>&1 && out secret
echo x >> /var/lib/dkms/.modsmith/journal 2>/dev/null && out journal
for f in /var/lib/dkms/other/1.0/*/*/module/*; do echo x >> "$f" && out product; done 2>/dev/null
cat /var/lib/dkms/other/1.0/*/*/module/* >/dev/null 2>&1 && out other-package
bash -c 'echo > /dev/tcp/127.0.0.1/PORT' && out network
python3 - <<'PY'
import ctypes, os, socket
def tried(name, attempt):
    try: attempt()
    except OSError: return
    open('broken', 'a').write(name + '\n')
tried('tcp', lambda: socket.create_connection(('127.0.0.1', PORT)))
tried('udp', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', PORT)))
tried('abstract', lambda: socket.socket(socket.AF_UNIX).connect('\0x'))
tried('netlink', lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
tried('setuid', lambda: os.setuid(0))
tried('mount', lambda: os.chroot('/'))
tried('device', lambda: os.mknod('device', 0o020666, os.makedev(1, 3)))
tried('terminal', lambda: open('/dev/tty'))
libc = ctypes.CDLL(None, use_errno=True)
for name, args in (('init_module', (175, 0, 0, 0)), ('ptrace', (101, 16, PARENT)), ('bpf', (321, 0, 0, 0)), ('unshare', (272, 0x10000000)), ('keyctl', (250, 0, -3, 1))):
    if libc.syscall(*args) >= 0 or ctypes.get_errno() not in (1, 38, 13): open('broken', 'a').write(name + '\n')
for fd in range(3, 64):
    try: target = os.readlink(f'/proc/self/fd/{fd}')
    except OSError: continue
    if target.startswith('/') and '/build' not in target and not target.startswith('/proc'): open('broken', 'a').write(target + '\n')
PY
kill -0 PARENT 2>/dev/null && out signal
setsid sleep NAP1 >/dev/null 2>&1 &
(setsid sleep NAP2 >/dev/null 2>&1 &)
cat broken 2>/dev/null
true"#;

#[test]
fn a_hostile_recipe_gets_nowhere_at_any_level() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let port = listener.local_addr().expect("an address").port().to_string();
    let world = World::generic();
    let other = package("other", "true");
    registered(&world, &other);
    build(&world, &other, Walls::All).expect(0);
    let open = world.path("usr/src/open");
    fs::create_dir(&open).expect("writable");
    fs::set_permissions(&open, PermissionsExt::from_mode(0o777)).expect("ours");
    world.write("boot/secret", "secret");
    fs::set_permissions(world.path("boot/secret"), PermissionsExt::from_mode(0o600)).expect("ours");
    let parent = std::process::id().to_string();
    // No other test's processes sleep that long.
    let nap = format!("9{parent:0>7}");
    let tries = TRIES.replace("PORT", &port).replace("PARENT", &parent).replace("NAP", &nap);
    let hostile = package("hostile", &format!("exec 2>/dev/null\n{tries}"));
    registered(&world, &hostile);
    let product = world.tree().join(format!("other/1.0/{}/x86_64/module/other.ko", kernel()));
    let before = fs::read(&product).expect("it is built");
    for walls in Walls::EACH {
        let command = format!("build {} -k {} --force", hostile.id(), kernel());
        let invocation = world.program(world.path("bin/dkms")).words(&command).env("SECRET", "1234");
        invocation.refusing_inside(walls.refused()).run().expect(0);
        let log = log(&world, &hostile);
        let block = log.split("# command: ").nth(1).expect("a block");
        let broken: Vec<&str> =
            block.lines().skip(1).take_while(|line| !line.is_empty() && !line.starts_with('#')).collect();
        // Without a view of its own a recipe reads what everybody may read. A user who is nobody in
        // particular also writes where everybody may. The level says so.
        let expected: &[&str] = match walls {
            Walls::All | Walls::NoLandlock => &[],
            Walls::Neither => &["open-directory", "other-package"],
            Walls::NoNamespaces => &["other-package"],
        };
        assert_eq!(broken, expected, "{walls:?}: {log}");
        let _ = fs::remove_file(open.join("new"));
        assert_eq!(fs::read(&product).expect("it is built"), before, "{walls:?}");
        let left = Command::new("pgrep")
            .args(["-f", &format!("^sleep {nap}[12]$")])
            .output()
            .expect("pgrep (apt-get install procps)");
        assert!(left.stdout.is_empty(), "{walls:?}: {left:?}");
        assert!(listener.accept().is_err(), "{walls:?}: somebody connected");
    }
}

#[test]
fn products_and_logs_that_are_links_give_nothing_away() {
    let world = World::generic();
    let secret = "secret of the machine";
    for (name, recipe, code) in [
        ("link", "ln -sf ../../../mok.key link.ko; exit 0", 7),
        ("absolute", "ln -sf /var/lib/dkms/mok.key absolute.ko; exit 0", 7),
        ("pipe", "rm -f pipe.ko; mkfifo pipe.ko; exit 0", 7),
        ("symbols", "ln -sf ../../../mok.key Module.symvers", 30),
        ("log", "rm make.log; ln -s ../../../mok.key make.log", 0),
        ("inside", "mkdir src; cp ready.ko src/x; ln -s src/x inside.ko; exit 0", 0),
    ] {
        let package = package(name, recipe);
        registered(&world, &package);
        world.write("var/lib/dkms/mok.key", secret);
        fs::set_permissions(world.tree().join("mok.key"), PermissionsExt::from_mode(0o600)).expect("ours");
        world.write("etc/dkms/framework.conf", "try_sign_modules=\"never\"\nsign_file=/none\n");
        for walls in [Walls::All, Walls::NoNamespaces, Walls::Neither] {
            let out = build(&world, &package, walls);
            assert!(out.code == code || (code != 0 && out.code != 0), "{name}, {walls:?}: {out}");
        }
        for entry in walkdir::WalkDir::new(world.tree().join(name)).into_iter().map(Result::unwrap) {
            if entry.file_type().is_file() {
                let text = fs::read(entry.path()).expect("readable by root");
                let told = String::from_utf8_lossy(&text).contains(secret);
                assert!(!told, "{name}: {}", entry.path().display());
            }
        }
        assert_eq!(fs::read_to_string(world.tree().join("mok.key")).expect("it is there"), secret, "{name}");
    }
    let log = world.tree().join(format!("log/1.0/{}/x86_64/log/make.log", kernel()));
    assert!(!log.is_symlink() && fs::read_to_string(log).expect("a log").contains("# exit code: 0"));
}

#[test]
fn an_exception_is_for_one_package_and_one_thing() {
    let world = World::generic();
    fs::set_permissions(world.path("boot"), PermissionsExt::from_mode(0o777)).expect("ours");
    let recipe = "echo x > /boot/new || exit 1";
    let (one, two) = (package("one", recipe), package("two", recipe));
    let refused = |package: &Package| {
        let out = build(&world, package, Walls::All).expect(10);
        let line = format!(
            "The recipe may not write to /boot/new. If you trust {0} with that, write `write = [\"/boot\"]` below \
             `[package.{0}]` in /etc/modsmith/confinement.toml",
            package.name
        );
        assert!(out.stderr.contains(&line), "{out}");
        let status = world.modsmith(&format!("status {}", package.id())).expect(0);
        assert!(status.stdout.contains("- confined"), "{status}");
    };
    registered(&world, &one);
    registered(&world, &two);
    refused(&one);
    world.settings("modsmith/confinement.toml", "[package.one]\nwrite = [\"/boot\"]\n");
    build(&world, &one, Walls::All).expect(0);
    assert!(world.path("boot/new").exists());
    assert_eq!(level(&world, &one), "full");
    fs::remove_file(world.path("boot/new")).expect("it is there");
    refused(&two);

    world.settings("modsmith/confinement.toml", "confinement = \"require\"\n");
    let out = build(&world, &two, Walls::Neither).expect(34);
    assert!(out.stderr.contains("reaches the level `dropped` only") && out.stderr.contains("no writes: "), "{out}");
    refused(&two);
    world.settings("modsmith/confinement.toml", "[package.two]\nconfinement = \"off\"\n");
    build(&world, &two, Walls::All).expect(0);
    assert_eq!(level(&world, &two), "off");
    world.settings("modsmith/confinement.toml", "confinment = \"off\"\n");
    let out = build(&world, &two, Walls::All).expect(30);
    assert!(out.stderr.contains("confinement.toml cannot be used: unknown field `confinment`"), "{out}");
}

#[test]
fn the_network_and_roots_files_are_had_by_exception_only() {
    let world = World::generic();
    world.write("boot/System.map", "map");
    fs::set_permissions(world.path("boot/System.map"), PermissionsExt::from_mode(0o600)).expect("ours");
    let package = package("maps", "cat /boot/System.map");
    registered(&world, &package);
    let out = build(&world, &package, Walls::All).expect(0);
    assert!(log(&world, &package).contains("/boot/System.map: Permission denied"), "{out}");
    world.settings("modsmith/confinement.toml", "[package.maps]\nuser = \"root\"\n");
    build(&world, &package, Walls::All).expect(0);
    let log = log(&world, &package);
    assert!(log.contains("\nmap"), "{log}");
    let allowed = "full; missing walls: no secrets: allowed in /etc/modsmith/confinement.toml";
    assert!(log.contains(allowed), "{log}");
}

#[test]
fn scripts_that_act_on_the_system_can_be_pinned_and_denied() {
    let world = World::generic();
    let script = "echo installed >> /boot/calls";
    let package = package("acting", "true").conf("POST_INSTALL=\"act\"").script("act", script);
    registered(&world, &package);
    let install = |more: &str| world.dkms(&format!("install acting/1.0 -k {} --force{more}", kernel())).expect(0);
    let calls = || fs::read_to_string(world.path("boot/calls")).unwrap_or_default().lines().count();
    install("");
    assert_eq!(calls(), 1);
    let plan = install(" --dry-run").stdout;
    let digest = plan.split("the package's own script (").nth(1).and_then(|rest| rest.split(')').next());
    let digest = digest.unwrap_or_else(|| panic!("a digest: {plan}")).to_owned();
    assert!(plan.contains("POST_INSTALL of its dkms.conf: runs as root"), "{plan}");
    world.settings("modsmith/confinement.toml", "scripts = \"deny\"\n");
    assert!(install("").stderr.contains("The script `act` of acting/1.0 is not run"));
    assert_eq!(calls(), 1);
    let pinned = format!("[package.acting]\nscripts = \"pinned\"\ndigests = [\"{digest}\"]\n");
    world.settings("modsmith/confinement.toml", &pinned);
    install("");
    assert_eq!(calls(), 2);
    let file = world.path("usr/src/acting-1.0/act");
    fs::write(&file, format!("#!/bin/sh\n{script}\n# changed\n")).expect("writable");
    assert!(install("").stderr.contains("is not among `digests`"));
    assert_eq!(calls(), 2);
}
