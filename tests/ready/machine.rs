//! A scratch system that is ready for a restart: a kernel of Debian, a package that is
//! installed for it, a boot image, a menu, and what a running kernel would say.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use modsmith_tests::debian_kernel::DebianKernel;
use modsmith_tests::fixture::{self, Package};
use modsmith_tests::prelude::kernel;
use modsmith_tests::{Output, World, paths, tool};

/// The module of the package.
pub const MODULE: &str = "held";

/// What holds the module: nothing, the network, or the root file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    Idle,
    Loaded,
    Network,
    Root,
}

pub struct Machine {
    pub world: World,
    pub kernel: String,
}

impl Machine {
    /// Without boot image and menu.
    pub fn new(used: Use) -> Machine {
        let debian = DebianKernel::named(&kernel());
        let kernel = debian.release.clone();
        let world = World::new(std::slice::from_ref(&kernel));
        let image = world.path(format!("boot/vmlinux-{kernel}"));
        fs::copy(unpacked(&debian), image).expect("writable");
        fs::copy(debian.config(), world.path(format!("boot/config-{kernel}"))).expect("writable");
        world.write("usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
        let builtin = fs::read(debian.module_dir().join("modules.builtin")).expect("readable");
        fs::write(world.modules(&kernel).join("modules.builtin"), builtin).expect("writable");
        world.add_package(&Package::new(MODULE, "1.0"));
        world.dkms(&format!("install {MODULE}/1.0 -k {kernel} --no-initrd")).expect(0);
        world.shell(&format!("depmod {kernel}")).run().expect(0);
        let machine = Machine { world, kernel };
        machine.runs(used);
        machine
    }

    /// What the running kernel says.
    fn runs(&self, used: Use) {
        let loaded = if used == Use::Idle { "" } else { "held 16384 0 - Live 0x0 (OE)\n" };
        let root = if used == Use::Root { MODULE } else { "tmpfs" };
        self.world.write("proc/modules", loaded);
        self.world.write("proc/self/mountinfo", format!("25 1 0:30 / / rw - {root} none rw\n"));
        self.world.write("sys/kernel/kexec_loaded", "0\n");
        if used == Use::Network {
            self.world.write("proc/net/route", "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\neth9 00000000 0101A8C0 0003 0 0 0 00000000 0 0 0\n");
            self.link("sys/class/net/eth9", "../../devices/pci0/net/eth9");
            self.link("sys/devices/pci0/net/eth9/device", "../../../pci0");
            self.link("sys/devices/pci0/driver", "../../bus/pci/drivers/held");
            self.link("sys/bus/pci/drivers/held/module", "../../../../module/held");
        }
    }

    fn link(&self, path: &str, target: &str) {
        let path = self.world.path(path);
        fs::create_dir_all(path.parent().expect("below the world")).expect("writable");
        symlink(target, path).expect("writable");
    }

    /// With the image of update-initramfs's tool, in which the module is.
    pub fn with_initramfs(self) -> Machine {
        self.make_initramfs("");
        self
    }

    /// The image where its tool puts it.
    pub fn image(&self) -> std::path::PathBuf {
        self.world.path(format!("boot/initrd.img-{}", self.kernel))
    }

    /// Makes the image with mkinitramfs; `settings` are lines of its initramfs.conf. An image of
    /// the same module and settings is made once.
    pub fn make_initramfs(&self, settings: &str) {
        tool::path("mkinitramfs");
        let program = self.world.path("usr/sbin/update-initramfs");
        self.world.write("usr/sbin/update-initramfs", "#!/bin/sh\n");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("just written");
        let conf = fs::read_to_string("/etc/initramfs-tools/initramfs.conf").expect("initramfs-tools is installed");
        let conf = format!("{conf}\nMODULES=list\nCOMPRESS=gzip\n{settings}");
        self.world.write("boot/conf/initramfs.conf", &conf);
        self.world.write("boot/conf/modules", format!("{MODULE}\n"));
        for name in ["conf.d", "hooks", "scripts"] {
            fs::create_dir_all(self.world.path(format!("boot/conf/{name}"))).expect("writable");
        }
        let mut hasher = DefaultHasher::new();
        let module = fs::read(self.world.modules(&self.kernel).join("updates/dkms").join(format!("{MODULE}.ko"))).ok();
        (&self.kernel, &conf, module).hash(&mut hasher);
        let made = paths::cached("initramfs", &format!("{:016x}", hasher.finish()), |dir| {
            let script = format!("mkinitramfs -d /boot/conf -o /boot/initrd.img-{0} {0}", self.kernel);
            self.world.shell(&script).run().expect(0);
            fs::copy(self.image(), dir.join("image")).expect("writable");
        });
        fs::copy(made.join("image"), self.image()).expect("writable");
    }

    /// A menu of GRUB, with this default.
    pub fn with_grub(self, default: &str) -> Machine {
        self.grub(default);
        self
    }

    pub fn grub(&self, default: &str) {
        let entry = |kernel: &str| {
            format!(
                "menuentry 'Debian, {kernel}' $menuentry_id_option 'gnulinux-{kernel}' {{\n\tlinux\t/boot/vmlinux-{kernel} root=/dev/x ro\n\tinitrd\t/boot/initrd.img-{kernel}\n}}\n"
            )
        };
        let menu = format!(
            "if [ \"${{next_entry}}\" ] ; then\n   set default=\"${{next_entry}}\"\nelse\n   set default=\"{default}\"\nfi\n{}{}",
            entry(&self.kernel),
            entry("6.1.0-1-other")
        );
        self.world.write("boot/grub/grub.cfg", menu);
    }

    /// `modsmith ready` about this system.
    pub fn ready(&self, options: &str) -> Output {
        self.world
            .program(modsmith_tests::world::modsmith())
            .words(&format!("ready {options} --root {}", self.world.dir().display()))
            .run()
    }

    /// Its JSON; it has to end with this exit code.
    pub fn verdict(&self, code: i32) -> serde_json::Value {
        let json = self.ready("--json").expect(code).json();
        modsmith_tests::schema::validate("ready-schema.json", &json).expect("as its schema says");
        json
    }

    /// `ANSWER GRADE SUBJECT` of the first reason about the first kernel, and its evidence.
    pub fn reason(&self, code: i32) -> (String, String) {
        let json = self.verdict(code);
        let reason = &json["kernels"][0]["reasons"][0];
        let text = |key: &str| reason[key].as_str().unwrap_or("-").to_owned();
        (format!("{} {} {}", text("answer"), text("grade"), text("subject")), text("evidence"))
    }

    /// Runs a program on a file of the world.
    pub fn change(&self, path: &Path, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        let bytes = fs::read(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
        fs::write(path, change(bytes)).expect("writable");
    }

    /// The package's module as another build, which is installed in the place of the first.
    pub fn rebuild(&self) {
        let source = self.world.path(format!("usr/src/{MODULE}-1.0"));
        fixture::compile_from_now(&source);
        self.change(&source.join(format!("{MODULE}.c")), |text| {
            [text, b"\nstatic int changed __attribute__((used)) = 1;\n".to_vec()].concat()
        });
        for action in ["build", "install"] {
            self.world.dkms(&format!("{action} {MODULE}/1.0 -k {} --no-initrd --force", self.kernel)).expect(0);
        }
    }
}

/// The kernel inside of the image: it is read many times, and takes long to unpack.
fn unpacked(debian: &DebianKernel) -> std::path::PathBuf {
    let directory = paths::cached("vmlinux", &debian.release, |directory| {
        let image = fs::read(debian.image()).expect("readable");
        let start = image.windows(6).position(|window| window == b"\xfd7zXZ\0").expect("Debian's kernel is xz");
        let payload = directory.join("payload");
        fs::write(&payload, &image[start..]).expect("writable");
        // Behind the stream is the rest of the image.
        into_file(
            Command::new(tool::path("xz")).args(["-dc", "--single-stream"]).arg(&payload),
            &directory.join("vmlinux"),
        );
    });
    let file = directory.join("vmlinux");
    assert!(fs::metadata(&file).is_ok_and(|file| file.len() > 1 << 20), "xz has unpacked the kernel");
    file
}

/// Runs a program, whose output becomes a file.
pub fn into_file(command: &mut Command, file: &Path) {
    let out = fs::File::create(file).expect("writable");
    let shown = format!("{command:?}");
    let status = command.stdout(out).status().unwrap_or_else(|error| panic!("cannot run {shown}: {error}"));
    assert!(status.success(), "{shown} ended with {status}");
}
