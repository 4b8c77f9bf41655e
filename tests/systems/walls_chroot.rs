//! All packages of modules of Debian 12, which apt installs in a chroot: their modules are
//! built behind all walls, and have the same bytes as those that are built without walls.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use modsmith_facts::kernel::content_digest;
use modsmith_tests::chroot::Chroot;

/// A build as `status --json` tells it.
#[derive(Debug, serde::Deserialize)]
struct Build {
    module: String,
    version: String,
    #[serde(default)]
    kernel: String,
    #[serde(default)]
    arch: String,
    state: String,
    confinement: Option<Confinement>,
}

#[derive(Debug, serde::Deserialize)]
struct Confinement {
    level: String,
}

impl Build {
    fn id(&self) -> String {
        format!("{}/{}", self.module, self.version)
    }

    fn level(&self) -> &str {
        self.confinement.as_ref().map_or("off", |confinement| &confinement.level)
    }

    /// Modules by name: their digests without signatures.
    fn modules(&self, system: &Chroot) -> BTreeMap<String, String> {
        let built = Path::new("var/lib/dkms").join(self.id()).join(&self.kernel).join(&self.arch).join("module");
        let files = fs::read_dir(system.path(built)).expect("it is built").map(|entry| entry.expect("readable").path());
        let digest = |file: &Path| content_digest(file).expect("a module");
        files.map(|file| (file.file_name().expect("a name").to_string_lossy().into_owned(), digest(&file))).collect()
    }
}

/// What is in the tree in a state.
fn in_state(system: &Chroot, state: &str) -> Vec<Build> {
    #[derive(serde::Deserialize)]
    struct Status {
        packages: Vec<Build>,
    }
    let out = system.run("modsmith status --json").expect(0);
    let status: Status = serde_json::from_str(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out}"));
    status.packages.into_iter().filter(|build| build.state == state).collect()
}

#[test]
#[ignore = "slow"]
fn every_package_of_debian_12_builds_behind_all_walls() {
    let system = Chroot::of("bookworm");
    system.bring_package();
    system.apt("update");
    system.apt("install /modsmith.deb openssl linux-headers-amd64");
    let mut refused = Vec::new();
    for package in system.packages_of_modules() {
        // Some do not build for this kernel, with dkms too.
        if system.try_apt(&format!("install {package}")).code != 0 {
            system.try_apt(&format!("purge {package}"));
            refused.push(package);
        }
    }
    // Without AUTOINSTALL, the scripts of a package only register it.
    for package in in_state(&system, "added") {
        system.run(&format!("modsmith install {} -k $(ls /lib/modules)", package.id())).expect(0);
    }
    let builds = in_state(&system, "installed");
    let ids: Vec<String> = builds.iter().map(Build::id).collect();
    assert!(builds.len() >= 26, "built: {ids:?}; refused: {refused:?}");
    for build in &builds {
        assert_eq!(build.level(), "full", "{build:?}");
    }

    let confined: Vec<_> = builds.iter().map(|build| build.modules(&system)).collect();
    let settings = system.path("etc/modsmith");
    fs::create_dir_all(&settings).expect("writable");
    fs::write(settings.join("confinement.toml"), "confinement = \"off\"\n").expect("writable");
    for (build, confined) in builds.iter().zip(&confined) {
        system.run(&format!("modsmith build {} -k {} --force", build.id(), build.kernel)).expect(0);
        assert!(!confined.is_empty(), "{build:?}");
        assert_eq!(confined, &build.modules(&system), "{build:?}");
    }
    println!("{} built, the same without walls: {ids:?}; refused: {refused:?}", builds.len());
}
