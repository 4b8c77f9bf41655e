//! All packages for a kernel, and what happens when kernels come and go.

use std::fs;

use modsmith_tests::fixture::{self, Package};
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::prelude::*;
use modsmith_tests::{Output, World};

/// A world with these packages registered.
fn world(packages: &[Package]) -> World {
    let world = World::generic();
    for package in packages {
        world.add_package(package);
        world.dkms(&format!("add {}", package.id())).expect(0);
    }
    world
}

fn automatic(name: &str) -> Package {
    Package::new(name, "1.0").conf("AUTOINSTALL=yes")
}

fn autoinstall(world: &World) -> Output {
    world.dkms(&format!("autoinstall -k {}", kernel()))
}

fn depmods(out: &Output) -> usize {
    out.stdout.matches("Running depmod").count()
}

#[test]
fn what_asks_for_it_is_installed_in_the_order_of_its_dependencies_with_one_depmod() {
    let world = world(&[
        automatic("after").conf("BUILD_DEPENDS=before"),
        automatic("before"),
        Package::new("manual", "1.0").conf("AUTOINSTALL=no"),
    ]);
    let out = autoinstall(&world).expect(0);
    let location = |text: &str| out.stdout.find(text).unwrap_or_else(|| panic!("no `{text}`: {out}"));
    assert!(location("Autoinstall of module before/1.0") < location("Autoinstall of module after/1.0"));
    assert_eq!(depmods(&out), 1, "{out}");
    assert!(
        out.stdout.contains(&format!("Autoinstall on {} succeeded for module(s) before after.", kernel())),
        "{out}"
    );
    let index = fs::read_to_string(world.modules(&kernel()).join("modules.dep")).unwrap();
    assert!(index.contains("before.ko") && index.contains("after.ko"));
    assert!(world.dkms("status manual").stdout.contains("manual/1.0: added"));
    // Nothing is left to do: nothing is said.
    let again = autoinstall(&world).expect(0);
    assert_eq!(again.stdout, "");
}

#[test]
fn only_the_newest_version_is_installed() {
    let world = world(&[automatic("twice"), Package::new("twice", "1.10").conf("AUTOINSTALL=yes")]);
    autoinstall(&world).expect(0);
    let status = world.dkms("status").stdout;
    assert!(status.contains("twice/1.0: added") && status.contains("twice/1.10, "), "{status}");
}

#[test]
fn a_failure_is_counted_and_stops_only_what_needs_it() {
    let world = world(&[
        automatic("good"),
        automatic("bad").file("bad.c", "this is not C\n"),
        automatic("needy").conf("BUILD_DEPENDS=bad"),
        automatic("foreign").conf("BUILD_EXCLUSIVE_ARCH=^sparc64$"),
        automatic("content").conf("BUILD_DEPENDS=foreign"),
    ]);
    let out = autoinstall(&world).expect(11);
    for line in [
        "succeeded for module(s) good.",
        "was skipped for module(s) foreign.",
        "failed for module(s) bad(10) content(13).",
        "needy/1.0 autoinstall failed due to missing dependencies: bad.",
    ] {
        assert!(out.stdout.contains(line), "no `{line}`: {out}");
    }
}

#[test]
fn packages_are_named_as_in_status_whatever_their_modules_and_directories_are_called() {
    let module = fs::read(fixture::module(&kernel(), "inner", None)).expect("a built module");
    let recipe = "BUILT_MODULE_NAME[0]=inner\nDEST_MODULE_NAME[0]=outer\nMAKE[0]=\"cp ready.ko inner.ko\"\nCLEAN=true";
    let world = World::generic();
    automatic("driver").conf(recipe).file("ready.ko", module).write(&world.path("usr/src/vendors-directory"));
    automatic("lost").conf(recipe).write(&world.path("usr/src/lost-module-source"));
    for directory in ["vendors-directory", "lost-module-source"] {
        world.dkms(&format!("add /usr/src/{directory}")).expect(0);
    }
    let out = autoinstall(&world).expect(11);
    for line in ["succeeded for module(s) driver.\n", "failed for module(s) lost(10).\n"] {
        assert!(out.stdout.contains(line), "no `{line}`: {out}");
    }
    let status = world.dkms("status").expect(0).stdout;
    assert_eq!(status, format!("driver/1.0, {}, {}: installed\nlost/1.0: added\n", kernel(), kernel::arch()));
}

#[test]
fn an_optional_package_fails_no_kernel_and_its_failure_is_remembered() {
    let world = world(&[automatic("good"), automatic("bad").file("bad.c", "this is not C\n")]);
    autoinstall(&world).expect(11);
    world.settings("modsmith/criticality.toml", "optional = [\"ba*\"]\n");
    let out = autoinstall(&world).expect(0);
    let told = "failed for optional module(s) bad(10), which fails nothing else (/etc/modsmith/criticality.toml).";
    assert!(out.stdout.contains(told), "{out}");
    let json = world.modsmith("status bad --json").expect(0).json();
    assert!(json["packages"].to_string().contains("\"failed\":{"), "{json:#}");
    world.dkms(&format!("kernel_postinst -k {}", kernel())).expect(0);
    // The most important pattern counts.
    world.settings("modsmith/criticality.toml", "needed = [\"bad/1.0\"]\noptional = [\"*\"]\n");
    autoinstall(&world).expect(11);
    // Settings that cannot be used excuse nothing.
    world.settings("modsmith/criticality.toml", "optinal = [\"*\"]\n");
    let out = autoinstall(&world).expect(11);
    assert!(out.stderr.contains("criticality.toml cannot be used"), "{out}");
}

#[test]
fn missing_headers_fail_only_what_is_not_optional() {
    let world = world(&[automatic("one"), automatic("two")]);
    world.settings("modsmith/criticality.toml", "optional = [\"one\"]\n");
    world.dkms("autoinstall -k 0.0.0-none").expect(21);
    world.settings("modsmith/criticality.toml", "optional = [\"one\", \"two\"]\n");
    let out = world.dkms("autoinstall -k 0.0.0-none").expect(0);
    assert!(out.stdout.contains("optional module(s) one(21) two(21)"), "{out}");
}

#[test]
fn the_file_no_autoinstall_turns_autoinstall_off() {
    let world = world(&[automatic("off")]);
    fs::create_dir_all(world.path("etc/dkms")).unwrap();
    fs::write(world.path("etc/dkms/no-autoinstall"), "").unwrap();
    autoinstall(&world).expect(0);
    assert!(world.dkms("status").stdout.contains("off/1.0: added"));
}

#[test]
fn missing_headers_end_it_at_once() {
    let world = world(&[automatic("headless")]);
    world.dkms("autoinstall -k 0.0.0-none").expect(21);
}

#[test]
fn kernel_actions_want_one_kernel_by_name() {
    let world = world(&[automatic("some")]);
    for action in ["kernel_preinst", "kernel_postinst", "kernel_prerm"] {
        world.dkms(action).expect(4);
        world.dkms(&format!("{action} -k 1 -k 2")).expect(4);
    }
}

#[test]
fn a_kernel_that_goes_takes_everything_one_that_is_replaced_what_comes_back() {
    let world = world(&[automatic("auto"), Package::new("manual", "1.0").conf("AUTOINSTALL=no")]);
    let install = || {
        world.dkms(&format!("kernel_postinst -k {}", kernel())).expect(0);
        world.dkms(&format!("install manual/1.0 -k {}", kernel())).expect(0);
    };
    install();
    let out = world.dkms(&format!("kernel_preinst -k {}", kernel())).expect(0);
    assert!(out.stderr.contains("dkms: removing module auto/1.0 for kernel"), "{out}");
    let status = world.dkms("status").stdout;
    assert!(status.contains("auto/1.0: added") && status.contains(": installed"), "{status}");
    install();
    let out = world.dkms(&format!("kernel_prerm -k {}", kernel())).expect(0);
    assert_eq!(depmods(&out), 1, "{out}");
    assert_eq!(world.dkms("status").stdout, "auto/1.0: added\nmanual/1.0: added\n");
}

#[test]
fn a_kernel_gets_what_its_template_has() {
    let kernels = [kernel(), kernel::newest(Flavour::Cloud)];
    let world = World::new(&kernels);
    for name in ["one", "two"] {
        world.add_package(&Package::new(name, "1.0"));
    }
    world.dkms(&format!("install one/1.0 -k {}", kernels[0])).expect(0);
    world.dkms("add two/1.0").expect(0);
    world.dkms(&format!("match -k {}", kernels[1])).expect(1);
    world.dkms(&format!("match --templatekernel {} -k {}", kernels[1], kernels[1])).expect(2);
    world.dkms(&format!("match --templatekernel {} -k {} none", kernels[0], kernels[1])).expect(3);
    world.dkms(&format!("match --templatekernel {} -k {}", kernels[0], kernels[1])).expect(0);
    let status = world.dkms(&format!("status -k {}", kernels[1])).stdout;
    assert_eq!(status.lines().count(), 2, "{status}");
    assert!(status.contains(&format!("one/1.0, {}", kernels[1])) && status.contains("two/1.0: added"), "{status}");
}

#[test]
fn a_depmod_that_a_killed_invocation_owed_is_made_up_for() {
    let world = world(&[automatic("first"), automatic("second")]);
    for name in ["first", "second"] {
        world.dkms(&format!("build {name}/1.0 -k {}", kernel())).expect(0);
    }
    let line = format!("autoinstall -k {}", kernel());
    let dep = world.modules(&kernel()).join("modules.dep");
    for point in 1.. {
        let killed = world.program(modsmith_tests::world::modsmith()).words(&line).kill_at(point).run();
        world.dkms(&format!("add {}", automatic("first").id())).expect(3);
        let index = fs::read_to_string(&dep).unwrap();
        for name in ["first", "second"] {
            let installed = world.dkms(&format!("status {name}")).stdout.contains(": installed");
            let file = world.modules(&kernel()).join(format!("updates/dkms/{name}.ko"));
            assert_eq!(installed, file.exists(), "point {point}");
            assert_eq!(installed, index.contains(&format!("{name}.ko")), "point {point}: {index}");
        }
        if !killed.killed() {
            assert!(point > 5, "only {point} points: was it killed at all?");
            return;
        }
        for name in ["first", "second"] {
            world.dkms(&format!("uninstall {name}/1.0 --all")).expect(0);
        }
    }
}

#[test]
fn the_post_transaction_command_knows_the_kernel_and_leaves_its_log() {
    let world = world(&[automatic("some")]);
    fs::create_dir_all(world.path("etc/dkms")).unwrap();
    fs::write(world.path("etc/dkms/framework.conf"), "post_transaction=\"echo regenerate $kernelver; exit 3\"\n")
        .unwrap();
    let out = autoinstall(&world).expect(0);
    assert!(out.stdout.contains("Executing post-transaction command"), "{out}");
    let log = fs::read_to_string(world.tree().join("post_transaction.log")).unwrap();
    assert!(log.contains(&format!("regenerate {}\n", kernel())) && log.contains("# exit code: 3"), "{log}");
}
