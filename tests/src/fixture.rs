//! Small kernel modules and module packages, made for one test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{paths, tool};

/// C source of a module that does nothing.
pub fn c_source(version: Option<&str>) -> String {
    let version = version.map(|v| format!("MODULE_VERSION(\"{v}\");\n")).unwrap_or_default();
    format!("#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\nMODULE_DESCRIPTION(\"Does nothing\");\n{version}")
}

/// A module file built for a kernel; the same one for everybody who asks.
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

/// A module package: a directory with a dkms.conf, a Makefile and one module.
#[derive(Debug, Clone)]
pub struct Package {
    pub name: String,
    pub version: String,
    files: Vec<(String, Vec<u8>, bool)>,
}

impl Package {
    /// A package with one module of its name that builds and installs.
    pub fn new(name: &str, version: &str) -> Package {
        let conf = format!(
            "PACKAGE_NAME=\"{name}\"\nPACKAGE_VERSION=\"{version}\"\nBUILT_MODULE_NAME[0]=\"{name}\"\n\
             DEST_MODULE_LOCATION[0]=\"/kernel/drivers/misc\"\nAUTOINSTALL=\"yes\"\n"
        );
        Package { name: name.into(), version: version.into(), files: Vec::new() }
            .file("dkms.conf", conf)
            .file("Makefile", format!("obj-m := {name}.o\n"))
            .file(&format!("{name}.c"), c_source(Some(version)))
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
    }
}
