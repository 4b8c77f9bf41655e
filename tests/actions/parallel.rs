//! Several packages and kernels at the same time: under one budget of jobs,
//! told one after the other, with one depmod and one boot image at the end.

use std::fs;

use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::prelude::*;
use modsmith_tests::{Output, World};

/// A PRE_BUILD that waits until it has been begun for all of `names`, in vain
/// for a minute.
fn meeting(names: &[&str]) -> String {
    let all: Vec<String> = names.iter().map(|name| format!("[ -e /boot/meet-{name} ]")).collect();
    format!(
        "touch \"/boot/meet-$1\"\nfor i in $(seq 600); do\n    {} && exit 0\n    sleep 0.1\ndone\nexit 1",
        all.join(" && ")
    )
}

fn autoinstall(world: &World, options: &str) -> Output {
    world.dkms(&format!("autoinstall -k {} {options}", kernel()))
}

fn registered(packages: &[Package]) -> World {
    let world = World::generic();
    world.opens_boot();
    for package in packages {
        world.add_package(package);
        world.dkms(&format!("add {}", package.id())).expect(0);
    }
    world
}

#[test]
fn packages_are_built_at_the_same_time_and_told_one_after_the_other() {
    let names = ["first", "second", "third"];
    let package = |name: &str| {
        Package::new(name, "1.0").script("meet.sh", &meeting(&names)).conf(&format!("PRE_BUILD=\"meet.sh {name}\""))
    };
    let world = registered(&names.map(package));
    let out = autoinstall(&world, "-j 3").expect(0);
    let block = |name: &str| format!("Autoinstall of module {name}/1.0 for kernel {k} (x86_64)\n", k = kernel(),);
    let location = |text: &str| out.stdout.find(text).unwrap_or_else(|| panic!("no `{text}`: {out}"));
    for pair in names.windows(2) {
        assert!(location(&block(pair[0])) < location(&format!("/updates/dkms/{}.ko", pair[0])), "{out}");
        assert!(location(&format!("/updates/dkms/{}.ko", pair[0])) < location(&block(pair[1])), "{out}");
    }
    assert_eq!(out.stdout.matches("Building module(s)... done.\n").count(), 3, "{out}");
    assert_eq!(out.stdout.matches("Running depmod... done.\n").count(), 1, "{out}");
    let index = fs::read_to_string(world.modules(&kernel()).join("modules.dep")).unwrap();
    assert!(names.iter().all(|name| index.contains(&format!("{name}.ko"))), "{index}");
}

#[test]
fn a_terminal_shows_what_else_is_going_on() {
    let names = ["left", "right"];
    let package = |name: &str| {
        Package::new(name, "1.0").script("meet.sh", &meeting(&names)).conf(&format!("PRE_BUILD=\"meet.sh {name}\""))
    };
    let world = registered(&names.map(package));
    let command = format!("dkms autoinstall -j 2 -k {}", kernel());
    let out = world.shell(&format!("script --quiet --return --command '{command}' /dev/null")).run().expect(0);
    assert!(out.stdout.contains("... [0 of 2 done; running: left, right]"), "{out}");
    // The line is written anew when it is complete.
    assert!(out.stdout.contains("\r\u{1b}[KRunning the pre_build script... done."), "{out}");
    assert!(!autoinstall(&world, "-j 2").expect(0).stdout.contains("running: "), "a file gets plain lines");
}

#[test]
fn one_package_is_built_for_several_kernels_at_the_same_time() {
    let kernels = [kernel(), kernel::newest(Flavour::Cloud)];
    let world = World::new(&kernels);
    world.opens_boot();
    let names: Vec<&str> = kernels.iter().map(String::as_str).collect();
    // Each build finds its own files in the one directory that dkms has.
    let own = format!(
        "[ \"$PWD\" = /var/lib/dkms/both/1.0/build ] && [ ! -e other ] && touch other && {{\n{}\n}}",
        meeting(&names)
    );
    world.add_package(&Package::new("both", "1.0").script("meet.sh", &own).conf("PRE_BUILD=\"meet.sh $kernelver\""));
    let options: String = kernels.iter().map(|kernel| format!(" -k {kernel}")).collect();
    world.dkms(&format!("install both/1.0 -j 2{options}")).expect(0);
    let status = world.dkms("status").stdout;
    for kernel in &kernels {
        assert!(status.contains(&format!("both/1.0, {kernel}, x86_64: installed\n")), "{status}");
        let log = fs::read_to_string(world.tree().join(format!("both/1.0/{kernel}/x86_64/log/make.log"))).unwrap();
        assert!(log.contains(&format!("for kernel {kernel} (x86_64)")), "{log}");
        assert!(kernels.iter().filter(|k| *k != kernel).all(|other| !log.contains(other.as_str())), "{log}");
    }
    assert!(!world.tree().join("both/1.0/build").exists());
    assert!(!world.tree().join(".modsmith").exists());
}

#[test]
fn a_kernel_that_fails_leaves_its_build_and_the_other_is_installed() {
    let kernels = [kernel(), kernel::newest(Flavour::Cloud)];
    let world = World::new(&kernels);
    world.opens_boot();
    let names: Vec<&str> = kernels.iter().map(String::as_str).collect();
    let body = format!("({}) || exit\n[ \"$1\" != {} ] || exit 7", meeting(&names), kernels[0]);
    world.add_package(&Package::new("half", "1.0").script("meet.sh", &body).conf("PRE_BUILD=\"meet.sh $kernelver\""));
    let out = world.dkms(&format!("install half/1.0 -j 2 -k {} -k {}", kernels[0], kernels[1])).expect(7);
    assert!(out.stderr.contains(&kernels[0]), "{out}");
    let log = fs::read_to_string(world.tree().join("half/1.0/build/make.log")).unwrap();
    assert!(log.contains(&format!("for kernel {} (x86_64)", kernels[0])) && log.contains("# exit code: 7"), "{log}");
    assert_eq!(world.dkms("status").stdout, format!("half/1.0, {}, x86_64: installed\n", kernels[1]));
    // The place is free for the next build, of either program.
    world.dkms(&format!("build half/1.0 -k {}", kernels[0])).expect(7);
    world.peer("remove half/1.0 --all").expect(0);
}

#[test]
fn makes_of_a_recipe_share_the_jobs_that_there_are() {
    // Each piece of work notes how many are going on.
    let work = "exec 9>>/boot/lock\nflock 9\ntouch \"/boot/going-$NAME-$$\"\nls /boot | grep -c going- >> /boot/counts\nflock -u 9\n\
                sleep 0.2\nflock 9\nrm \"/boot/going-$NAME-$$\"";
    let pieces = "%.piece:\n\t./work.sh\nall: 1.piece 2.piece 3.piece 4.piece 5.piece 6.piece\n";
    let recipe = "'make' -f pieces.mk all; 'make' -f pieces.mk all; 'make' -C ${kernel_source_dir} M=$PWD modules";
    let package = |name: &str| {
        Package::new(name, "1.0")
            // Each package's processes are numbered from one.
            .script("work.sh", &work.replace("$NAME", name))
            .file("pieces.mk", pieces)
            .conf(&format!("MAKE='{}'", recipe.replace('\'', "'\\''").replace("$PWD", "\\$PWD")))
    };
    for jobs in [1, 2, 4] {
        let world = registered(&[package("alpha"), package("beta")]);
        autoinstall(&world, &format!("-j {jobs}")).expect(0);
        let counts = fs::read_to_string(world.path("boot/counts")).unwrap();
        let counts: Vec<usize> = counts.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(counts.len(), 24);
        assert_eq!(counts.iter().max(), Some(&jobs), "{counts:?}");
    }
}

#[test]
fn a_boot_image_is_made_once() {
    let package = |name| Package::new(name, "1.0").conf("REMAKE_INITRD=yes");
    let world = registered(&[package("early"), package("sooner")]);
    let out = world.dkms(&format!("autoinstall -k {} --dry-run --json", kernel())).expect(0);
    let plans: serde_json::Value = serde_json::from_str(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out}"));
    let titles: Vec<&str> = plans["plans"].as_array().unwrap().iter().filter_map(|p| p["title"].as_str()).collect();
    let count = |text: &str| titles.iter().filter(|title| title.starts_with(text)).count();
    assert_eq!((count("install "), count("make the boot image of")), (2, 1), "{titles:?}");
}

#[test]
fn an_interruption_ends_all_builds_and_leaves_none() {
    let kernels = [kernel(), kernel::newest(Flavour::Cloud)];
    let world = World::new(&kernels);
    world.opens_boot();
    world.add_package(
        &Package::new("long", "1.0")
            .script("wait.sh", "touch \"/boot/begun-$1\"\nexec sleep 600")
            .conf("PRE_BUILD=\"wait.sh $kernelver\""),
    );
    let script = format!(
        "dkms install long/1.0 -j 2 -k {a} -k {b} & pid=$!\n\
         for i in $(seq 600); do [ -e /boot/begun-{a} ] && [ -e /boot/begun-{b} ] && break; sleep 0.1; done\n\
         kill -INT $pid; wait $pid; echo \"ended with $?\"",
        a = kernels[0],
        b = kernels[1]
    );
    let out = world.shell(&script).run().expect(0);
    assert!(out.stdout.contains("ended with 130"), "{out}");
    assert_eq!(world.dkms("status").stdout, "long/1.0: added\n");
    world.dkms(&format!("unbuild long/1.0 -k {}", kernels[0])).expect(0);
    assert!(!world.tree().join(".modsmith").exists());
}
