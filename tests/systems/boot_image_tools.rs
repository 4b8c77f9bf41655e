//! The real tools that make boot images, on a Debian system from nothing: what
//! REMAKE_INITRD asks for is in the image, and gone when the package is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use modsmith_tests::chroot::Chroot;
use modsmith_tests::fixture::Package;

struct System {
    chroot: Chroot,
    kernel: String,
}

impl System {
    /// With a kernel, its headers, and a package that wants to be in the image.
    fn new() -> Self {
        let chroot = Chroot::minimal();
        chroot.bring_package();
        chroot.apt("update");
        chroot.apt("install /modsmith.deb linux-headers-cloud-amd64 linux-image-cloud-amd64 initramfs-tools");
        let mut kernels: Vec<String> = fs::read_dir(chroot.path("lib/modules"))
            .expect("there is a kernel")
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        kernels.sort();
        let kernel = kernels.pop().expect("there is a kernel");
        Package::new("early", "1.0").conf("REMAKE_INITRD=\"yes\"").write(&chroot.path("usr/src/early-1.0"));
        // Tools take modules that they are told about.
        let modules = chroot.path("etc/initramfs-tools/modules");
        let told = fs::read_to_string(&modules).expect("initramfs-tools has it");
        fs::write(modules, format!("{told}early\n")).expect("writable");
        Self { chroot, kernel }
    }

    fn dkms(&self, action: &str) -> modsmith_tests::Output {
        self.chroot.run(&format!("dkms {action} early/1.0 -k {}", self.kernel))
    }

    fn image(&self) -> PathBuf {
        PathBuf::from("/boot").join(format!("initrd.img-{}", self.kernel))
    }

    /// The image's bytes, and whether there is one from before.
    fn state(&self) -> (Vec<u8>, bool) {
        let image = self.chroot.path(self.image().strip_prefix("/").expect("absolute"));
        let mut backup = image.clone().into_os_string();
        backup.push(".old-dkms");
        (fs::read(image).expect("an image"), PathBuf::from(backup).exists())
    }

    /// Whether the module is in the image, by the tool's own list of it.
    fn is_in_image(&self, list: &str) -> bool {
        let listed = self.chroot.run(&format!("{list} {}", self.image().display())).expect(0).stdout;
        assert!(listed.contains("bin/"), "an image has programs: {listed}");
        listed.contains("updates/dkms/early.ko")
    }

    fn is_installed(&self) -> bool {
        self.chroot.run("dkms status").expect(0).stdout.contains(": installed")
    }

    /// Puts something else in a program's place while something is done.
    fn with_failing(&self, program: &str, work: impl FnOnce()) {
        let (place, aside) = (self.chroot.path(program), self.chroot.path(format!("{program}.real")));
        fs::rename(&place, &aside).expect("the tool is installed");
        fs::write(&place, "#!/bin/sh\necho no space for firmware >&2\nexit 1\n").expect("writable");
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).expect("just written");
        work();
        fs::rename(aside, place).expect("it was put aside");
    }

    /// All that is to be seen of a tool: there, gone, failing, unwritable.
    fn check(&self, tool: &str, list: &str) {
        assert!(!self.is_in_image(list), "it is not installed yet");
        let out = self.dkms("install").expect(0);
        assert!(out.stdout.contains("Regenerating the boot image"), "{out}");
        assert!(self.is_in_image(list) && self.is_installed());
        assert!(self.state().1, "the image from before is kept");

        self.dkms("uninstall").expect(0);
        assert!(!self.is_in_image(list) && !self.is_installed());

        let before = self.state();
        self.with_failing(tool, || {
            let out = self.dkms("install").expect(7);
            assert!(out.stderr.contains("could not be regenerated"), "{out}");
        });
        assert!(!self.is_installed() && self.state() == before, "the installation is undone");

        let read_only = "mount --bind /boot /boot && mount -o remount,ro,bind /boot";
        let install = format!("{read_only} && dkms install early/1.0 -k {}", self.kernel);
        let out = self.chroot.run(&install).expect(7);
        assert!(out.stderr.contains("Read-only file system"), "{out}");
        assert!(!self.is_installed() && self.state() == before, "the installation is undone");

        self.dkms("install").expect(0);
        self.with_failing(tool, || {
            let out = self.dkms("uninstall").expect(0);
            assert!(out.stderr.contains("no space for firmware"), "{out}");
        });
        assert!(!self.is_installed());
    }
}

#[test]
#[ignore = "slow"]
fn initramfs_tools_and_then_dracut_make_the_image() {
    let system = System::new();
    system.check("usr/sbin/update-initramfs", "lsinitramfs");

    // The one takes the place of the other.
    system.chroot.apt("install dracut");
    let drivers = system.chroot.path("etc/dracut.conf.d/early.conf");
    fs::write(drivers, "add_drivers+=\" early \"\n").expect("writable");
    system.chroot.run(&format!("dracut -f {} {}", system.image().display(), system.kernel)).expect(0);
    fs::remove_file(system.chroot.path(format!("boot/initrd.img-{}.old-dkms", system.kernel))).expect("it was kept");
    system.check("usr/bin/dracut", "lsinitrd");
}
