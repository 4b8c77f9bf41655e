//! The scripts that distributions call: which dkms commands they end in.
//!
//! A stand-in for dkms writes the calls down.

mod pacman;

use std::fs;
use std::path::Path;

use modsmith_tests::{Output, World, paths, tool};

const RUNNING: &str = "6.1.0-9-amd64";
const NEWEST: &str = "6.1.0-10-amd64";

/// A machine with the stand-in, and one package with a source.
struct Machine {
    world: World,
    fail: String,
}

impl Machine {
    /// With kernels that have headers, and configurations of them in `/boot`.
    fn new(kernels: &[&str]) -> Machine {
        let world = World::new(&[]);
        fs::remove_file(world.path("bin/dkms")).unwrap();
        for stand_in in fs::read_dir(paths::checkout().join("tests/takeover/programs")).unwrap() {
            let stand_in = stand_in.unwrap();
            fs::copy(stand_in.path(), world.path("bin").join(stand_in.file_name())).unwrap();
        }
        let machine = Machine { world, fail: String::new() };
        for kernel in kernels {
            machine.make(&format!("lib/modules/{kernel}/build/include/x"), "");
            machine.make(&format!("lib/modules/{kernel}/modules.order"), "");
            machine.make(&format!("boot/config-{kernel}"), "");
        }
        machine
    }

    fn with_package(kernels: &[&str]) -> Machine {
        let machine = Machine::new(kernels);
        machine.package("demo", "AUTOINSTALL=yes");
        machine
    }

    fn package(&self, name: &str, directives: &str) {
        let conf = format!("PACKAGE_NAME={name}\nPACKAGE_VERSION=1.0\n{directives}\n");
        self.make(&format!("usr/src/{name}-1.0/dkms.conf"), &conf);
    }

    fn make(&self, path: &str, text: &str) {
        let path = self.world.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn delete(&self, path: &str) {
        fs::remove_dir_all(self.world.path(path)).unwrap();
    }

    fn failing(mut self, action: &str) -> Machine {
        self.fail = action.to_owned();
        self
    }

    fn run(&self, script: &str) -> Output {
        let world = &self.world;
        let world_dir = world.dir().display().to_string();
        world.shell(script).env("WORLD", world_dir).env("RUNNING", RUNNING).env("FAIL", &self.fail).run()
    }

    /// common.postinst, with its arguments.
    fn postinst(&self, arguments: &str) -> Output {
        self.run(&format!("{}/sdk/guest/src/packaging/common.postinst {arguments}", paths::checkout().display()))
    }

    /// The calls of dkms, without the questions for states.
    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.world.path("calls")).unwrap_or_default();
        calls.lines().filter(|call| !call.starts_with("status")).map(String::from).collect()
    }
}

fn on(action: &str, kernel: &str) -> String {
    format!("{action} -m demo -v 1.0 -k {kernel} -a x86_64")
}

#[test]
fn postinst_adds_builds_and_installs_for_the_running_and_the_newest_kernel() {
    let machine = Machine::with_package(&[RUNNING, NEWEST, "6.1.0-8-amd64"]);
    let out = machine.postinst("demo 1.0").expect(0);
    assert_eq!(
        machine.calls(),
        [
            "add -m demo -v 1.0".to_owned(),
            on("build", RUNNING),
            on("install", RUNNING),
            on("build", NEWEST),
            on("install", NEWEST)
        ]
    );
    assert!(!out.stdout.contains("nobody needs"), "what add says is hidden: {out}");
}

#[test]
fn postinst_needs_a_name_and_a_version() {
    for arguments in ["", "demo", "demo ''"] {
        Machine::with_package(&[RUNNING]).postinst(arguments).expect(1).expect_error("Usage:");
    }
}

#[test]
fn postinst_does_nothing_where_the_administrator_wants_nothing() {
    let machine = Machine::with_package(&[RUNNING]);
    machine.make("etc/dkms/no-autoinstall", "");
    let out = machine.postinst("demo 1.0").expect(0);
    assert!(out.stdout.contains("/etc/dkms/no-autoinstall"), "{out}");
    assert!(machine.calls().is_empty());
}

#[test]
fn postinst_takes_an_earlier_entry_out_first_and_ends_when_it_cannot() {
    let machine = Machine::with_package(&[RUNNING]);
    machine.make("var/lib/dkms/demo/1.0/x", "");
    machine.postinst("demo 1.0").expect(0);
    assert_eq!(machine.calls()[..2], ["remove -m demo -v 1.0 --all", "add -m demo -v 1.0"]);

    let machine = Machine::with_package(&[RUNNING]).failing("remove 4");
    machine.make("var/lib/dkms/demo/1.0/x", "");
    machine.postinst("demo 1.0").expect(4);
    assert_eq!(machine.calls().len(), 1);
}

#[test]
fn postinst_loads_a_tarball_rather_than_adding_and_ends_with_2_when_it_cannot() {
    let machine = Machine::with_package(&[RUNNING]);
    machine.make("boot/tarballs/demo-1.0.dkms.tar.gz", "");
    machine.postinst("demo 1.0 /boot/tarballs").expect(0);
    assert_eq!(machine.calls()[0], "ldtarball /boot/tarballs/demo-1.0.dkms.tar.gz");

    let machine = machine.failing("ldtarball 9");
    machine.postinst("demo 1.0 /boot/tarballs").expect(2).expect_error("could not be loaded");
}

#[test]
fn postinst_only_adds_what_does_not_ask_for_autoinstall() {
    let machine = Machine::new(&[RUNNING]);
    machine.package("demo", "");
    let out = machine.postinst("demo 1.0").expect(0);
    assert!(out.stdout.contains("dkms install demo/1.0"), "it says how to install it: {out}");
    assert_eq!(machine.calls(), ["add -m demo -v 1.0"]);
}

#[test]
fn postinst_serves_all_kernels_with_headers_when_framework_conf_says_so() {
    let machine = Machine::with_package(&["5.10.0-1-amd64", RUNNING, NEWEST]);
    machine.make("etc/dkms/framework.conf.d/all.conf", "autoinstall_all_kernels=yes\n");
    machine.postinst("demo 1.0").expect(0);
    for kernel in ["5.10.0-1-amd64", RUNNING, NEWEST] {
        assert!(machine.calls().contains(&on("install", kernel)), "{kernel}: {:?}", machine.calls());
    }
}

#[test]
fn postinst_in_a_chroot_serves_all_kernels_at_first_and_the_newest_after_an_upgrade() {
    let kernels = ["6.1.0-8-amd64", NEWEST];
    let machine = Machine::with_package(&kernels);
    machine.postinst("demo 1.0").expect(0);
    for kernel in kernels {
        assert!(machine.calls().contains(&on("install", kernel)), "{kernel}: {:?}", machine.calls());
    }

    let machine = Machine::with_package(&kernels);
    machine.postinst("demo 1.0 '' x86_64 0.9").expect(0);
    assert_eq!(machine.calls(), ["add -m demo -v 1.0".to_owned(), on("build", NEWEST), on("install", NEWEST)]);
}

#[test]
fn postinst_of_an_upgrade_where_there_are_only_headers_serves_them() {
    let machine = Machine::with_package(&[NEWEST]);
    fs::remove_file(machine.world.path(format!("boot/config-{NEWEST}"))).unwrap();
    machine.postinst("demo 1.0 '' x86_64 0.9").expect(0);
    assert_eq!(machine.calls(), ["add -m demo -v 1.0".to_owned(), on("build", NEWEST), on("install", NEWEST)]);
}

#[test]
fn postinst_without_any_kernel_warns_and_succeeds() {
    let machine = Machine::with_package(&[]);
    machine.postinst("demo 1.0").expect(0).expect_error("no kernel");
    assert_eq!(machine.calls(), ["add -m demo -v 1.0"]);
}

#[test]
fn postinst_passes_over_installers_kernels_and_those_without_headers() {
    let machine = Machine::with_package(&["6.1.0-BOOT", RUNNING]);
    machine.make("etc/dkms/framework.conf", "autoinstall_all_kernels=1\n");
    machine.delete(&format!("lib/modules/{RUNNING}/build/include"));
    let out = machine.postinst("demo 1.0").expect(0);
    assert!(out.stdout.contains(&format!("kernel {RUNNING} has no headers")), "{out}");
    assert_eq!(machine.calls(), ["add -m demo -v 1.0"]);
}

#[test]
fn postinst_does_not_build_what_came_without_source() {
    let machine = Machine::new(&[RUNNING]);
    machine.make("boot/demo-1.0.dkms.tar.gz", "");
    let out = machine.postinst("demo 1.0 /boot").expect(0);
    assert!(out.stdout.contains("came without source"), "{out}");
    assert_eq!(machine.calls(), ["ldtarball /boot/demo-1.0.dkms.tar.gz"]);
}

#[test]
fn postinst_goes_on_when_a_kernel_is_excluded_and_when_a_build_fails() {
    let machine = Machine::with_package(&[RUNNING, NEWEST]).failing(&format!("build 77 {RUNNING}"));
    machine.postinst("demo 1.0").expect(0);
    assert!(!machine.calls().contains(&on("install", RUNNING)));
    assert!(machine.calls().contains(&on("install", NEWEST)));

    let machine = Machine::with_package(&[RUNNING, NEWEST]).failing(&format!("build 10 {RUNNING}"));
    let out = machine.postinst("demo 1.0").expect(10);
    out.expect_error(&format!("demo/1.0 could not be installed for: {RUNNING}\n"));
    assert_eq!(machine.calls()[1..], [on("build", RUNNING), on("build", NEWEST), on("install", NEWEST)]);
}

#[test]
fn postinst_names_all_kernels_that_fail_and_ends_with_the_last_code() {
    let fail = format!("build 10 {RUNNING};install 6 {NEWEST}");
    let machine = Machine::with_package(&[RUNNING, NEWEST]).failing(&fail);
    let out = machine.postinst("demo 1.0").expect(6);
    out.expect_error(&format!("could not be installed for: {RUNNING} {NEWEST}\n"));
}

#[test]
fn postinst_ends_at_the_first_failure_where_the_administrator_wants_it() {
    for (setting, goes_on) in [("false", false), ("no", false), ("true", true)] {
        let machine = Machine::with_package(&[RUNNING, NEWEST]).failing(&format!("build 10 {RUNNING}"));
        machine.make("etc/dkms/framework.conf", &format!("continue_on_error={setting}\n"));
        machine.postinst("demo 1.0").expect(10);
        assert_eq!(machine.calls().contains(&on("install", NEWEST)), goes_on, "{setting}");
    }
}

#[test]
fn postinst_only_installs_what_is_built_and_ends_with_the_code_of_a_failing_install() {
    let machine = Machine::with_package(&[RUNNING, NEWEST]).failing("install 6");
    machine.make(&format!("states/{RUNNING}"), "built\n");
    machine.postinst("demo 1.0").expect(6);
    let rest = [on("build", NEWEST), on("install", NEWEST)];
    assert_eq!(machine.calls()[..2], ["add -m demo -v 1.0".to_owned(), on("install", RUNNING)]);
    assert_eq!(machine.calls()[2..], rest);

    let machine = Machine::with_package(&[RUNNING]);
    machine.make(&format!("states/{RUNNING}"), "installed\n");
    machine.postinst("demo 1.0").expect(0);
    assert_eq!(machine.calls(), ["add -m demo -v 1.0"]);
}

/// Lays what `make install` installs for Debian over the machine's own.
fn installed(machine: &Machine) -> String {
    let stage = machine.world.path("stage");
    let stage = stage.display();
    tool::run(
        std::process::Command::new(tool::path("make"))
            .args(["-C", &paths::checkout().display().to_string(), "install-debian", "PREFIX=/usr", "FLAVOUR=debian"])
            .arg(format!("DESTDIR={stage}"))
            .arg(format!("PROGRAMS={}", paths::programs().display())),
    );
    ["/etc/kernel", "/usr/lib/dkms"].iter().map(|dir| format!("mount --bind {stage}{dir} {dir}; ")).collect()
}

#[test]
fn kernel_hooks_call_what_belongs_to_the_event() {
    let machine = Machine::new(&[RUNNING]);
    let hooks = installed(&machine);
    for (hook, call) in [
        ("/etc/kernel/preinst.d/dkms", "kernel_preinst"),
        ("/etc/kernel/postinst.d/dkms", "autoinstall"),
        ("/etc/kernel/header_postinst.d/dkms", "autoinstall"),
        ("/etc/kernel/prerm.d/dkms", "kernel_prerm"),
    ] {
        machine.run(&format!("{hooks}{hook} {RUNNING} /boot/vmlinuz-{RUNNING}")).expect(0);
        assert_eq!(machine.calls().last(), Some(&format!("{call} --kernelver {RUNNING}")), "{hook}");
    }
}

#[test]
fn only_a_failing_build_keeps_a_kernel_package_from_being_configured() {
    for (fail, hook, code) in [
        ("kernel_preinst 14", "preinst.d", 0),
        ("autoinstall 11", "postinst.d", 1),
        ("autoinstall 11", "header_postinst.d", 1),
        ("kernel_prerm 14", "prerm.d", 0),
    ] {
        let machine = Machine::new(&[RUNNING]).failing(fail);
        let hooks = installed(&machine);
        machine.run(&format!("{hooks}/etc/kernel/{hook}/dkms {RUNNING}")).expect(code);
    }
}

#[test]
fn kernel_install_calls_the_kernel_hooks_or_dkms_itself() {
    let machine = Machine::new(&[RUNNING]).failing("kernel_postinst 11");
    let hooks = installed(&machine);
    let checkout = paths::checkout().display();
    for (hooks_of, event, call) in [
        ("run-parts-hooks", "add", "autoinstall"),
        ("run-parts-hooks", "remove", "kernel_prerm"),
        ("kernel-install-hooks", "add", "kernel_postinst"),
        ("kernel-install-hooks", "remove", "kernel_prerm"),
    ] {
        let plugin = format!("{checkout}/plugins/hooks/{hooks_of}/hooks/40-dkms.install");
        machine.run(&format!("{hooks}{plugin} {event} {RUNNING} /boot/entry")).expect(0);
        assert_eq!(machine.calls().last(), Some(&format!("{call} --kernelver {RUNNING}")), "{hooks_of} {event}");
        let before = machine.calls().len();
        machine.run(&format!("{hooks}{plugin} inspect {RUNNING}")).expect(0);
        assert_eq!(machine.calls().len(), before, "another event is nobody's: {hooks_of}");
    }
}

fn autoinstaller(machine: &Machine, arguments: &str) -> Output {
    machine.run(&format!("{}/integration/dkms_autoinstaller {arguments}", paths::checkout().display()))
}

#[test]
fn the_autoinstaller_starts_for_the_running_or_a_given_kernel() {
    let machine = Machine::new(&[RUNNING, NEWEST]);
    autoinstaller(&machine, "start").expect(0);
    autoinstaller(&machine, &format!("start {NEWEST}")).expect(0);
    assert_eq!(
        machine.calls(),
        [format!("autoinstall --kernelver {RUNNING}"), format!("autoinstall --kernelver {NEWEST}")]
    );
    for nothing in ["stop", "restart", "status", "start 9.9.9"] {
        autoinstaller(&machine, nothing).expect(0);
    }
    assert_eq!(machine.calls().len(), 2);
    autoinstaller(&machine, "dance").expect(2).expect_error("Usage:");
    autoinstaller(&machine.failing("autoinstall 11"), "start").expect(1);
}

#[test]
fn the_autoinstaller_is_quiet_where_dkms_is_gone() {
    let machine = Machine::new(&[RUNNING]);
    // Only the tools that the script itself needs.
    fs::remove_file(machine.world.path("bin/dkms")).unwrap();
    let script = paths::checkout().join("integration/dkms_autoinstaller");
    let out = machine.run(&format!("PATH={} /bin/sh {} start", machine.world.path("bin").display(), script.display()));
    assert_eq!((out.code, out.stdout.as_str(), out.stderr.as_str()), (0, "", ""));
}

#[test]
fn hooks_of_voids_kernel_packages_get_package_and_version() {
    let hooks = paths::checkout().join("plugins/hooks/void-hooks/hooks");
    let machine = Machine::new(&[RUNNING]).failing("autoinstall 11");
    machine.make("etc/default/dkms", "DKMS_JOBS=3\n");
    let defaults = format!("mount --bind {} /etc/default; ", machine.world.path("etc/default").display());
    for (hook, version, call) in [
        ("post-install", RUNNING, Some(format!("autoinstall --kernelver {RUNNING} -j 3"))),
        ("post-install", "9.9.9_1", None),
        ("pre-remove", RUNNING, Some(format!("kernel_prerm --kernelver {RUNNING}"))),
        ("pre-remove", "", None),
    ] {
        let before = machine.calls().len();
        machine.run(&format!("{defaults}{}/{hook} linux6.1 {version}", hooks.display())).expect(0);
        assert_eq!(machine.calls().get(before), call.as_ref(), "{hook} {version}");
    }
}

#[test]
fn alpines_hook_gets_flavour_new_and_old_version() {
    let hook = paths::checkout().join("plugins/hooks/alpine-hooks/hooks/dkms.hook");
    for (arguments, expected) in [
        ("lts 6.12.8-0 ''", vec!["kernel_postinst --kernelver 6.12.8-0-lts"]),
        ("lts 6.12.8-0 6.12.8-0", vec!["kernel_postinst --kernelver 6.12.8-0-lts"]),
        ("lts '' 6.12.8-0", vec!["kernel_prerm --kernelver 6.12.8-0-lts"]),
        (
            "lts 6.12.9-0 6.12.8-0",
            vec!["kernel_prerm --kernelver 6.12.8-0-lts", "kernel_postinst --kernelver 6.12.9-0-lts"],
        ),
    ] {
        let machine = Machine::new(&[]).failing("kernel_postinst 11");
        machine.run(&format!("{} {arguments}", hook.display())).expect(0);
        assert_eq!(machine.calls(), expected, "{arguments}");
    }
}

#[test]
fn every_script_passes_shellcheck() {
    let folders = ["integration", "plugins"].map(|folder| walkdir::WalkDir::new(paths::checkout().join(folder)));
    let scripts: Vec<_> = folders
        .into_iter()
        .flat_map(|folder| folder.into_iter().filter_entry(|entry| entry.file_name() != "target"))
        .filter_map(Result::ok)
        .map(walkdir::DirEntry::into_path)
        .filter(|path| is_script(path))
        .collect();
    assert!(scripts.len() >= 12, "{scripts:?}");
    tool::run(std::process::Command::new(tool::path("shellcheck")).args(&scripts));
}

/// Of a shell: a package's rules are make's.
fn is_script(path: &Path) -> bool {
    let of_shell = |text: String| text.lines().next().is_some_and(|line| line.starts_with("#!") && line.contains("sh"));
    path.is_file() && fs::read_to_string(path).is_ok_and(of_shell)
}
