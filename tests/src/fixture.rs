//! Small kernel modules and module packages, made for one test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{World, kernel, paths, prelude, tool};

/// Directory of a package that brings its modules: one below it for each kernel.
const BROUGHT: &str = "modules";

/// C source of a module that does nothing.
pub fn c_source(version: Option<&str>) -> String {
    let version = version.map(|v| format!("MODULE_VERSION(\"{v}\");\n")).unwrap_or_default();
    format!("#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\nMODULE_DESCRIPTION(\"Does nothing\");\n{version}")
}

/// A module file built for a kernel; all tests get the same one.
pub fn module(kernel: &str, name: &str, version: Option<&str>) -> PathBuf {
    let label = format!("{name}-{}-{kernel}", version.unwrap_or("unversioned"));
    let dir = paths::cached("modules", &label, |dir| {
        fs::write(dir.join(format!("{name}.c")), c_source(version)).expect("writable");
        fs::write(dir.join("Makefile"), format!("obj-m := {name}.o\n")).expect("writable");
        tool::run(
            Command::new(tool::path("make"))
                .arg("-C")
                .arg(format!("/lib/modules/{kernel}/build"))
                .arg(format!("M={}", dir.display()))
                .arg("modules"),
        );
    });
    dir.join(format!("{name}.ko"))
}

/// Has a package's source compile for every kernel from now on.
pub fn compile_from_now(source: &Path) {
    fs::remove_dir_all(source.join(BROUGHT)).expect("the package brings its module");
}

/// A world in which a package is built for the newest generic kernel.
pub fn built(package: &Package) -> World {
    let world = World::generic();
    world.add_package(package);
    world.dkms(&format!("build {} -k {}", package.id(), prelude::kernel())).expect(0);
    world
}

/// A world in which `box/1.0` is built.
pub fn built_box() -> World {
    built(&Package::new("box", "1.0"))
}

/// The same; the source has a hidden file and an executable one, too.
pub fn built_box_with_files() -> World {
    built(&Package::new("box", "1.0").file(".hidden", "also source\n").script("tool", "true"))
}

/// The module of `name/1.0` as it is in the tree, built for the newest generic kernel.
pub fn product(world: &World, name: &str) -> PathBuf {
    let target = world.tree().join(name).join("1.0").join(prelude::kernel()).join(kernel::arch());
    target.join(format!("module/{name}.ko"))
}

/// A world whose system only a table of its own knows, with the package `moved/1.0`.
pub fn own_system() -> World {
    let world = World::generic().of_system("ID=ownsys\n");
    world.add_package(&Package::new("moved", "1.0"));
    world
}

/// A module package: a directory with a dkms.conf, a Makefile and one module.
///
/// A package that a test changes neither in its source nor in its recipe brings the module for
/// the newest generic kernel, as vendors do, and its `make` copies the file: a compilation
/// takes as long as all else that most tests do. Other kernels compile, and so do all packages
/// that are [`compiled`](Package::compiled).
#[derive(Debug, Clone)]
pub struct Package {
    pub name: String,
    pub version: String,
    files: Vec<(String, Vec<u8>, bool)>,
    is_compiled: bool,
}

impl Package {
    /// A package with one module of its name that builds and installs.
    pub fn new(name: &str, version: &str) -> Package {
        let conf = own_conf(name, version);
        Package { name: name.into(), version: version.into(), files: Vec::new(), is_compiled: false }
            .file("dkms.conf", conf)
            .file("Makefile", makefile(name))
            .file(&format!("{name}.c"), c_source(Some(version)))
    }

    /// The package without the built module, so that it is compiled for every kernel.
    pub fn compiled(mut self) -> Package {
        self.is_compiled = true;
        self
    }

    /// Adds a file, or replaces one.
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Package {
        self.files.retain(|(p, ..)| p != path);
        self.files.push((path.into(), content.into(), false));
        self
    }

    /// Takes a file away.
    pub fn without(mut self, path: &str) -> Package {
        self.files.retain(|(p, ..)| p != path);
        self
    }

    /// Adds an executable shell script.
    pub fn script(mut self, path: &str, body: &str) -> Package {
        self.files.push((path.into(), format!("#!/bin/sh\n{body}\n").into_bytes(), true));
        self
    }

    /// Adds an executable file.
    pub fn executable(mut self, path: &str, content: &str) -> Package {
        self.files.push((path.into(), content.into(), true));
        self
    }

    /// Adds lines at the end of the dkms.conf.
    pub fn conf(mut self, lines: &str) -> Package {
        let conf = self.files.iter_mut().find(|(p, ..)| p == "dkms.conf").expect("a package starts with one");
        conf.1.extend_from_slice(lines.as_bytes());
        conf.1.push(b'\n');
        self
    }

    /// `name/version`, as dkms takes it.
    pub fn id(&self) -> String {
        format!("{}/{}", self.name, self.version)
    }

    /// Writes the package's files into a directory.
    pub fn write(&self, dir: &Path) {
        use std::os::unix::fs::PermissionsExt;
        for (path, content, executable) in &self.files {
            let location = dir.join(path);
            fs::create_dir_all(location.parent().expect("below dir")).expect("writable");
            fs::write(&location, content).unwrap_or_else(|e| panic!("cannot write {}: {e}", location.display()));
            let mode = if *executable { 0o755 } else { 0o644 };
            fs::set_permissions(&location, fs::Permissions::from_mode(mode)).expect("just written");
        }
        if self.is_as_made() {
            self.bring_module(dir);
        }
    }

    /// Whether source and recipe are those of [`new`](Package::new).
    fn is_as_made(&self) -> bool {
        let has = |path: &str, content: &str| self.files.iter().any(|(p, c, _)| p == path && c == content.as_bytes());
        let recipe = ["MAKE", "CLEAN", "PATCH", "PRE_BUILD", "BUILT_MODULE_NAME"];
        let conf = self.files.iter().find(|(p, ..)| p == "dkms.conf").map(|(_, c, _)| String::from_utf8_lossy(c));
        let own = conf.is_some_and(|conf| {
            let made = own_conf(&self.name, &self.version);
            conf.strip_prefix(made.as_str()).is_some_and(|more| !recipe.iter().any(|word| more.contains(word)))
        });
        !self.is_compiled
            && own
            && has("Makefile", &makefile(&self.name))
            && has(&format!("{}.c", self.name), &c_source(Some(&self.version)))
    }

    fn bring_module(&self, dir: &Path) {
        let kernel = kernel::newest(kernel::Flavour::Generic);
        let brought = dir.join(BROUGHT).join(&kernel);
        fs::create_dir_all(&brought).expect("writable");
        let file = format!("{}.ko", self.name);
        fs::copy(module(&kernel, &self.name, Some(&self.version)), brought.join(file)).expect("a built module");
        let lines = "MAKE[0]=\"make KERNEL=$kernelver SOURCES=$kernel_source_dir brought\"\nCLEAN=\"true\"\n";
        let conf = dir.join("dkms.conf");
        let text = fs::read_to_string(&conf).expect("just written");
        fs::write(&conf, text + lines).expect("writable");
    }
}

/// The dkms.conf of a package with one module.
fn own_conf(name: &str, version: &str) -> String {
    format!(
        "PACKAGE_NAME=\"{name}\"\nPACKAGE_VERSION=\"{version}\"\nBUILT_MODULE_NAME[0]=\"{name}\"\n\
         DEST_MODULE_LOCATION[0]=\"/kernel/drivers/misc\"\nAUTOINSTALL=\"yes\"\n"
    )
}

/// Compiles one module, or copies the file that the package brings for a kernel.
fn makefile(name: &str) -> String {
    format!(
        "obj-m := {name}.o\nbrought:\n\t@touch Module.symvers\n\t@cp {BROUGHT}/$(KERNEL)/{name}.ko . 2>/dev/null || \
         $(MAKE) -C $(SOURCES) M=$(CURDIR) modules\n"
    )
}
