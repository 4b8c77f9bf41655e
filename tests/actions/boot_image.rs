//! Boot images, made by a stand-in for the tool: when one is made, what a failure
//! does, and what is undone.

use std::fs;
use std::path::PathBuf;

use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::{Output, World, tool};

/// Puts a mark into the image that it is told to make: `dracut -f IMAGE RELEASE`.
const WORKING: &str = "echo made >> \"$2\"";
/// Fails, and says so.
const FAILING: &str = "echo no space for firmware >&2; exit 1";

/// A machine with an image of its kernel and a tool in dracut's place.
struct Machine {
    world: World,
    kernel: String,
    os_release: Option<String>,
}

impl Machine {
    fn new(tool: &str) -> Self {
        let world = World::generic();
        let kernel = kernel::newest(Flavour::Generic);
        let machine = Self { world, kernel, os_release: None };
        fs::write(machine.image(), "old\n").expect("writable");
        machine.set_tool(tool);
        // So that depmod finds its files as they were.
        machine.world.shell(&format!("depmod -a {}", machine.kernel)).run().expect(0);
        machine
    }

    /// On another distribution.
    fn on(mut self, os_release: &str) -> Self {
        fs::write(self.world.path("boot/os-release"), os_release).expect("writable");
        self.os_release = Some("mount --bind /boot/os-release /usr/lib/os-release\n".into());
        self
    }

    fn set_tool(&self, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        let file = self.world.path("boot/tool");
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("writable");
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("just written");
    }

    fn add(&self, name: &str, conf: &str) {
        self.world.add_package(&Package::new(name, "1.0").conf(conf));
    }

    fn script(&self, line: &str) -> String {
        let place = tool::path("dracut");
        let os_release = self.os_release.clone().unwrap_or_default();
        format!("set -e\nmount --bind /boot/tool {}\n{os_release}exec dkms {line} -k {}", place.display(), self.kernel)
    }

    fn dkms(&self, line: &str) -> Output {
        self.world.shell(&self.script(line)).run()
    }

    fn image(&self) -> PathBuf {
        self.world.path("boot").join(format!("initramfs-{}.img", self.kernel))
    }

    /// The image's text, and that of the copy from before.
    fn images(&self) -> (String, Option<String>) {
        let mut backup = self.image().into_os_string();
        backup.push(".old-dkms");
        (fs::read_to_string(self.image()).expect("an image"), fs::read_to_string(backup).ok())
    }

    fn status(&self) -> String {
        self.world.dkms("status").stdout
    }

    fn module(&self, directory: &str, name: &str) -> bool {
        self.world.modules(&self.kernel).join(directory).join(format!("{name}.ko")).exists()
    }
}

fn old() -> Option<String> {
    Some("old\n".into())
}

#[test]
fn a_package_that_asks_gets_an_image_when_it_comes_and_when_it_goes() {
    let machine = Machine::new(WORKING);
    machine.add("asks", "REMAKE_INITRD=\"yes\"");
    let out = machine.dkms("install asks/1.0").expect(0);
    assert!(out.stdout.contains("Regenerating the boot image"), "{out}");
    assert_eq!(machine.images(), ("old\nmade\n".into(), old()));
    machine.dkms("uninstall asks/1.0").expect(0);
    assert_eq!(machine.images(), ("old\nmade\nmade\n".into(), old()));
}

#[test]
fn nobody_asks_and_no_image_is_made() {
    let machine = Machine::new(FAILING);
    machine.add("silent", "");
    machine.dkms("install silent/1.0").expect(0);
    machine.dkms("uninstall silent/1.0").expect(0);
    machine.add("asks", "REMAKE_INITRD=\"yes\"");
    machine.dkms("install asks/1.0 --no-initrd").expect(0);
    assert_eq!(machine.images(), ("old\n".into(), None));
}

#[test]
fn a_tool_that_fails_undoes_the_installation() {
    let machine = Machine::new(FAILING);
    machine.add("asks", "REMAKE_INITRD=\"yes\"");
    machine.dkms("build asks/1.0").expect(0);
    let before = machine.world.snapshot();
    let out = machine.dkms("install asks/1.0").expect(7).expect_error("--no-initrd");
    assert!(out.stderr.contains(&format!("The boot image of kernel {} could not", machine.kernel)), "{out}");
    assert!(out.stderr.contains("no space for firmware"), "what the tool says is told: {out}");
    before.assert_same(&machine.world.snapshot(), "a failed installation");
    assert!(machine.status().contains(": built"), "{}", machine.status());
}

#[test]
fn an_image_that_a_failing_tool_spoiled_is_as_before() {
    let machine = Machine::new("echo spoiled > \"$2\"; exit 1");
    machine.add("asks", "REMAKE_INITRD=\"yes\"");
    machine.dkms("install asks/1.0").expect(7);
    assert_eq!(machine.images(), ("old\n".into(), None));

    // Also the copy that there was before.
    machine.set_tool(WORKING);
    machine.dkms("install asks/1.0").expect(0);
    machine.dkms("uninstall asks/1.0").expect(0);
    let before = machine.images();
    machine.set_tool("echo spoiled > \"$2\"; exit 1");
    machine.dkms("install asks/1.0").expect(7);
    assert_eq!(machine.images(), before);
}

#[test]
fn a_tool_that_fails_does_not_keep_a_package_in() {
    let machine = Machine::new(WORKING);
    machine.add("asks", "REMAKE_INITRD=\"yes\"");
    machine.dkms("install asks/1.0").expect(0);
    machine.set_tool(FAILING);
    let out = machine.dkms("uninstall asks/1.0").expect(0);
    let out = out.expect_error("Warning: The boot image of kernel").expect_error("no space for firmware");
    assert!(out.stderr.contains("may still contain"), "{out}");
    assert!(!machine.module("updates/dkms", "asks") && machine.status().contains(": built"));
}

#[test]
fn what_cannot_be_written_undoes_the_installation() {
    let machine = Machine::new(WORKING);
    machine.add("asks", "REMAKE_INITRD=\"yes\"");
    machine.dkms("build asks/1.0").expect(0);
    let before = machine.world.snapshot();
    let line = machine.script("install asks/1.0");
    let out = machine.world.shell(&line).read_only("/boot").run().expect(7);
    assert!(out.stderr.contains("Read-only file system"), "{out}");
    before.assert_same(&machine.world.snapshot(), "a failed installation");
}

#[test]
fn where_the_distribution_wants_an_image_after_every_change_there_is_one() {
    let machine = Machine::new(WORKING).on("ID=fedora\n");
    machine.add("silent", "");
    machine.dkms("install silent/1.0").expect(0);
    assert_eq!(machine.images(), ("old\nmade\n".into(), old()));
    assert!(machine.module("extra", "silent"));
    machine.dkms("install silent/1.0 --no-initrd --force").expect(0);
    assert_eq!(machine.images().0, "old\nmade\n");
    machine.dkms("uninstall silent/1.0").expect(0);
    assert_eq!(machine.images().0, "old\nmade\nmade\n");
}

#[test]
fn a_transaction_makes_one_image_however_many_packages_it_has() {
    let machine = Machine::new(WORKING).on("ID=fedora\n");
    for name in ["one", "two"] {
        machine.add(name, "");
        machine.world.dkms(&format!("add {name}/1.0")).expect(0);
    }
    machine.dkms("autoinstall").expect(0);
    assert_eq!(machine.images(), ("old\nmade\n".into(), old()));
}

#[test]
fn a_command_of_framework_conf_that_makes_the_image_is_enough() {
    let machine = Machine::new(WORKING).on("ID=fedora\n");
    machine.add("silent", "");
    let conf = format!(
        "post_transaction=\"dracut -f {}\"\n",
        PathBuf::from("/boot").join(machine.image().file_name().unwrap()).display()
    );
    fs::write(machine.world.path("etc/dkms/framework.conf"), conf).expect("writable");
    machine.dkms("install silent/1.0").expect(0);
    assert_eq!(machine.images(), ("old\nmade\n".into(), None));
}

#[test]
fn bad_facts_never_stop_an_installation() {
    let hostile = "ID=\"../../debian\"\nID_LIKE=\"$(touch /boot/owned) fedora;suse\"\n\0=\nNAME\n";
    for (name, os_release) in [("empty", ""), ("hostile", hostile)] {
        let machine = Machine::new(FAILING).on(os_release);
        machine.add(name, "");
        machine.dkms(&format!("install {name}/1.0")).expect(0);
        assert!(machine.module("kernel/drivers/misc", name), "where the package asks for");
        assert!(!machine.world.path("boot/owned").exists());
    }
}

#[test]
fn without_an_image_or_a_tool_the_plan_says_why() {
    let machine = Machine::new(FAILING);
    fs::remove_file(machine.image()).expect("it was there");
    machine.add("asks", "REMAKE_INITRD=\"yes\"");
    let out = machine.dkms("install asks/1.0 --dry-run").expect(0);
    assert!(out.stdout.contains("no boot image is regenerated") && out.stdout.contains("there is no boot/"), "{out}");
    machine.dkms("install asks/1.0").expect(0);
}
