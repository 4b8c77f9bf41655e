//! Kernels before 2.6.5: their source tree is brought into the kernel's state
//! for a build, and back. No distribution has such a kernel any more, so the
//! trees are stand-ins whose make targets write down that they were called.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use modsmith_tests::fixture::{self, Package};
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::{Output, World};

/// The configuration that is there before anything happens.
const OWN: &str = "CONFIG_OF=tree\n";
/// The one that a build needs: the stand-in for the compiler insists on it.
const WANTED: &str = "CONFIG_OF=wanted\n";

const MAKEFILE: &str = "\
SAY = @echo $@ >>calls
mrproper:
\t$(SAY)
\trm -f .config .depend include/linux/autoconf.h
clean:
\t$(SAY)
\trm -f .depend
oldconfig cloneconfig:
\t$(SAY)
\tcp .config include/linux/autoconf.h
dep prepare-all scripts:
\t$(SAY)
\ttest -f include/linux/autoconf.h
\ttouch .depend
module:
\t$(SAY)
\ttest -f .depend
\tgrep -q wanted include/linux/autoconf.h
\tcp $(M)/old.bin $(M)/old.ko
";

struct Machine {
    world: World,
    release: &'static str,
}

impl Machine {
    /// A machine with an old kernel and its source tree, which is configured.
    fn new(release: &'static str) -> Machine {
        let machine = Machine { world: World::new(&[]), release };
        // The recipes of these tests leave a mark in the kernel's own tree.
        machine.world.has_no_walls();
        machine.write("Makefile", MAKEFILE);
        machine.write(".config", OWN);
        machine.write("include/linux/version.h", "#define UTS_RELEASE \"plain\"\n");
        fs::create_dir_all(machine.world.modules(release).join("kernel")).unwrap();
        symlink("/usr/src/linux", machine.world.modules(release).join("build")).unwrap();
        let module = fs::read(fixture::module(&kernel::newest(Flavour::Generic), "old", Some("1.0"))).unwrap();
        let package = Package::new("old", "1.0")
            .file("old.bin", module)
            .conf("MAKE[0]=\"make -C $kernel_source_dir module M=$dkms_tree/old/1.0/build\"\nSTRIP=\"no\"");
        machine.world.add_package(&package);
        machine.world.dkms("add old/1.0").expect(0);
        machine
    }

    fn file(&self, name: &str) -> PathBuf {
        self.world.path("usr/src/linux").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.file(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// A file elsewhere on the machine.
    fn write_at(&self, path: &str, text: &str) {
        fs::write(self.world.path(path), text).unwrap();
    }

    fn build(&self, options: &str) -> Output {
        self.world.dkms(&format!("build old/1.0 -k {} {options}", self.release))
    }

    /// The make targets that were called, in order.
    fn calls(&self) -> Vec<String> {
        fs::read_to_string(self.file("calls")).unwrap_or_default().lines().map(String::from).collect()
    }

    fn config(&self) -> Option<String> {
        fs::read_to_string(self.file(".config")).ok()
    }

    /// Nothing of a preparation is left.
    fn assert_restored(&self, when: &str) {
        assert_eq!(self.config().as_deref(), Some(OWN), "{when}");
        for left in [".depend", "include/linux/autoconf.h", ".config.before-dkms"] {
            assert!(!self.file(left).exists(), "{left} is left, {when}");
        }
    }
}

fn with_named_config(release: &'static str) -> Machine {
    let machine = Machine::new(release);
    machine.write_at("boot/named.config", WANTED);
    machine
}

const NAMED: &str = "--config /boot/named.config";

#[test]
fn a_tree_is_configured_as_asked_and_taken_back() {
    for (release, targets) in [
        ("2.4.27", ["mrproper", "oldconfig", "dep", "module", "mrproper"].as_slice()),
        ("2.6.4-1", &["mrproper", "oldconfig", "prepare-all", "scripts", "module", "mrproper"]),
    ] {
        let machine = with_named_config(release);
        machine.build(NAMED).expect(0);
        assert_eq!(machine.calls(), targets, "{release}");
        machine.assert_restored(release);
        assert!(machine.world.tree().join(format!("old/1.0/{release}/x86_64/module")).is_dir());
    }
}

#[test]
fn a_kernel_with_headers_needs_no_preparation() {
    let machine = with_named_config("2.6.18-8.el5");
    machine.build(NAMED).expect(10);
    assert_eq!(machine.calls(), ["module"]);
    assert_eq!(machine.config().as_deref(), Some(OWN));
}

#[test]
fn a_build_that_fails_leaves_the_tree_as_it_was() {
    let machine = Machine::new("2.4.27");
    // The tree's own configuration is not the one that the module needs.
    let plan = machine.world.modsmith(&format!("build old/1.0 -k {} --dry-run", machine.release)).expect(0);
    assert!(plan.stdout.contains("--config names another one"), "it says that it uses the tree's own: {plan}");
    assert_eq!(machine.calls(), Vec::<String>::new());
    machine.build("").expect(10);
    assert_eq!(machine.calls(), ["mrproper", "oldconfig", "dep", "module", "mrproper"]);
    machine.assert_restored("after a failed build");
}

#[test]
fn a_preparation_that_fails_leaves_the_tree_as_it_was() {
    let machine = with_named_config("2.4.27");
    machine.write("Makefile", &MAKEFILE.replace("\ttouch .depend", "\tfalse"));
    machine.build(NAMED).expect(10).expect_error("could not be prepared for building modules");
    machine.assert_restored("after a failed preparation");
}

#[test]
fn without_any_configuration_the_message_says_how_to_name_one() {
    let machine = Machine::new("2.4.27");
    fs::remove_file(machine.file(".config")).unwrap();
    let out = machine.build("");
    assert_ne!(out.code, 0);
    out.expect_error("Name one with --config");
    assert_eq!(machine.calls(), Vec::<String>::new());
}

#[test]
fn the_options_leave_preparation_or_restoration_to_the_user() {
    let machine = with_named_config("2.4.27");
    machine.build(&format!("{NAMED} --no-prepare-kernel")).expect(10);
    assert_eq!(machine.calls(), ["module"]);

    machine.build(&format!("{NAMED} --no-clean-kernel")).expect(0);
    assert_eq!(machine.calls(), ["module", "mrproper", "oldconfig", "dep", "module"]);
    assert_eq!(machine.config().as_deref(), Some(WANTED));
    assert!(!machine.world.tree().join(".modsmith/kernel-tree-pending-2.4.27-x86_64").exists());
}

#[test]
fn red_hats_trees_have_a_configuration_for_each_flavour() {
    let machine = Machine::new("2.4.21-4.ELsmp");
    machine.write("include/linux/version.h", "#include <linux/rhconfig.h>\n");
    machine.write("configs/kernel-2.4.21-x86_64.config", OWN);
    machine.write("configs/kernel-2.4.21-x86_64-smp.config", WANTED);
    machine.write("tmp_include_depends", "/usr/src/build/1/linux/include/linux/a.h: x\n");
    machine.build("").expect(0);
    assert_eq!(machine.calls(), ["clean", "oldconfig", "dep", "module", "mrproper"]);
    assert_eq!(fs::read_to_string(machine.file("tmp_include_depends")).unwrap(), "$(TOPDIR)/include/linux/a.h: x\n");
    machine.assert_restored("on Red Hat");
}

#[test]
fn unitedlinux_keeps_configuration_and_version_beside_the_kernel() {
    let machine = Machine::new("2.4.21-295-smp");
    machine.write_at("boot/vmlinuz.version.h", "#define UTS_RELEASE \"2.4.21-295-smp\"\n");
    machine.write_at("boot/vmlinuz.config", WANTED);
    machine.build("").expect(0);
    assert_eq!(machine.calls(), ["mrproper", "cloneconfig", "dep", "module", "mrproper"]);
    let header = fs::read_to_string(machine.file("include/linux/version.h")).unwrap();
    assert!(header.contains("2.4.21-295-smp"), "{header}");
    machine.assert_restored("on UnitedLinux");
}

/// Killed anywhere, the next command that changes anything takes the tree back.
#[test]
fn a_killed_build_is_followed_by_a_restoration() {
    let start = with_named_config("2.4.27");
    for location in 1..200 {
        let machine = Machine { world: start.world.duplicate(), release: start.release };
        let build = format!("build old/1.0 -k {} {NAMED}", machine.release);
        let dkms = machine.world.program(machine.world.path("bin/dkms")).words(&build);
        let out = dkms.kill_at(location).run();
        if !out.killed() {
            out.expect(0);
            assert!(location > 10, "only {location} points");
            return;
        }
        machine.world.dkms(&format!("kernel_prerm -k {}", machine.release)).expect(0);
        machine.assert_restored(&format!("killed at point {location}"));
        machine.build(NAMED).expect(0);
    }
    panic!("the build is killed at every point");
}
