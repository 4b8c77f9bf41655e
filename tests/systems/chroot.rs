//! A Debian system from nothing: modsmith's own package, packages of modules,
//! kernels that come and go, all through the package manager. What is done is
//! done by the real maintainer scripts and hooks.

use std::fs;

use modsmith_tests::chroot::Chroot;
use modsmith_tests::kernel;

/// What dkms says of it.
struct System(Chroot);

impl std::ops::Deref for System {
    type Target = Chroot;

    fn deref(&self) -> &Chroot {
        &self.0
    }
}

impl System {
    fn status(&self) -> String {
        self.run("dkms status").expect(0).stdout
    }

    /// The newest kernel of a flavour that has headers here.
    fn kernel(&self, flavour: &str) -> String {
        let names = fs::read_dir(self.path("lib/modules")).expect("there is a kernel");
        let mut kernels: Vec<String> = names
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.contains("-cloud-") == (flavour == "cloud"))
            .collect();
        kernels.sort();
        kernels.pop().unwrap_or_else(|| panic!("no {flavour} kernel"))
    }

    /// Names of the modules that are installed for a kernel.
    fn installed(&self, kernel: &str) -> Vec<String> {
        let directory = self.path("lib/modules").join(kernel).join("updates/dkms");
        let mut names: Vec<String> = fs::read_dir(directory)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }
}

#[test]
#[ignore = "slow"]
fn packages_and_kernels_come_and_go() {
    let system = System(Chroot::minimal());
    system.bring_package();
    system.apt("update");

    // The program, in dkms's place.
    system.apt("install /modsmith.deb");
    assert_eq!(system.run("dkms --version").expect(0).stdout, "dkms-3.4.3\n");
    assert_eq!(system.status(), "");

    // A kernel's headers and two packages: their scripts build for it.
    system.apt("install linux-headers-amd64 bbswitch-dkms v4l2loopback-dkms");
    let generic = system.kernel("generic");
    let lines = |kernel: &str, names: &[&str]| -> Vec<String> {
        names.iter().map(|name| format!("{name}, {kernel}, {}: installed", kernel::arch())).collect()
    };
    let told = |system: &System| system.status().lines().map(String::from).collect::<Vec<_>>();
    let both = lines(&generic, &["bbswitch/0.8", "v4l2loopback/0.12.7"]);
    assert_eq!(told(&system), both);
    assert_eq!(system.installed(&generic), ["bbswitch.ko", "v4l2loopback.ko"]);

    // Another kernel: its hook builds what is for it. v4l2loopback is not.
    system.apt("install linux-headers-cloud-amd64 linux-image-cloud-amd64");
    let cloud = system.kernel("cloud");
    assert_eq!(told(&system), [&both[..1], &lines(&cloud, &["bbswitch/0.8"]), &both[1..]].concat());
    assert_eq!(system.installed(&cloud), ["bbswitch.ko"]);
    let index = fs::read_to_string(system.path(format!("lib/modules/{cloud}/modules.dep"))).expect("an index");
    assert!(index.contains("updates/dkms/bbswitch.ko:"), "the index of a kernel that is installed has it");

    // Without its headers a kernel keeps the modules that it has.
    system.apt(&format!("purge linux-headers-cloud-amd64 linux-headers-{cloud}"));
    assert_eq!(system.installed(&cloud), ["bbswitch.ko"]);
    assert_eq!(told(&system).len(), 3);

    // A kernel that goes takes them along.
    system.apt(&format!("purge linux-image-cloud-amd64 linux-image-{cloud}"));
    assert_eq!(told(&system), both);
    assert_eq!(system.installed(&cloud), <[String; 0]>::default());
    assert!(!system.path("lib/modules").join(&cloud).exists(), "nothing of the kernel is left");

    // A package that is installed again is built again.
    system.apt("install --reinstall bbswitch-dkms");
    assert_eq!(told(&system), both);

    // Packages that go take their modules along.
    system.apt("purge bbswitch-dkms");
    assert_eq!(told(&system), both[1..]);
    assert_eq!(system.installed(&generic), ["v4l2loopback.ko"]);
    system.apt("purge v4l2loopback-dkms");
    assert_eq!(system.status(), "");
    assert!(!system.path("lib/modules").join(&generic).join("updates").exists(), "no empty directory is left");

    // And so does the program, but for the signing key.
    system.apt("purge modsmith");
    assert_ne!(system.run("command -v dkms modsmith").code, 0);
    assert!(!system.path("var/cache/modsmith").exists());
    let left: Vec<_> = fs::read_dir(system.path("var/lib/dkms"))
        .expect("the tree stays")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with("mok."))
        .collect();
    assert!(left.is_empty(), "in the tree: {left:?}");
}
