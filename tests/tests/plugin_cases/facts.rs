//! facts.toml of a case, and the small system that it describes.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use modsmith::kernel::{Kernel, KernelInput};
use modsmith::plugin::manifest::Role;
use modsmith::system::{OsRelease, Root, Roots, System};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Facts {
    pub call: Call,
    pub kernel: KernelTable,
    /// Programs that are installed: names, or absolute paths.
    #[serde(default)]
    pub programs: Vec<String>,
    /// Files that exist, by absolute path; empty.
    #[serde(default)]
    pub files: Vec<String>,
    #[serde(default)]
    pub settings: BTreeMap<String, toml::Value>,
    /// Argument of `destination`.
    pub requested: Option<String>,
    /// Argument of `kernel-arch`.
    pub machine: Option<String>,
    /// Argument of `sign`: `root/relative`.
    pub file: Option<String>,
    /// Argument of `refresh`.
    pub occasion: Option<Occasion>,
    /// Options of a package format, for `assemble`; a switch is empty.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

/// What the plugin is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    Destination,
    Compression,
    Prune,
    KernelArch,
    HeaderDirs,
    HeaderPackage,
    Refresh,
    Prepare,
    Sign,
    Enrolment,
    Assemble,
    Load,
    Arrange,
}

impl Call {
    pub const ALL: [Call; 13] = [
        Call::Destination,
        Call::Compression,
        Call::Prune,
        Call::KernelArch,
        Call::HeaderDirs,
        Call::HeaderPackage,
        Call::Refresh,
        Call::Prepare,
        Call::Sign,
        Call::Enrolment,
        Call::Assemble,
        Call::Load,
        Call::Arrange,
    ];

    pub fn role(self) -> Role {
        match self {
            Call::Destination | Call::Compression | Call::Prune => Role::InstallPolicy,
            Call::KernelArch | Call::HeaderDirs | Call::HeaderPackage => Role::KernelLayout,
            Call::Refresh => Role::Initrd,
            Call::Prepare | Call::Sign | Call::Enrolment => Role::Signer,
            Call::Assemble | Call::Load | Call::Arrange => Role::Packager,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    Installed,
    Removed,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelTable {
    pub release: String,
    #[serde(default = "x86_64")]
    pub machine: String,
    /// Absolute on the target.
    pub headers: Option<String>,
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    #[serde(default)]
    pub running: bool,
}

fn x86_64() -> String {
    "x86_64".into()
}

/// The system of a case, below a temporary directory.
pub struct Target {
    pub dir: tempfile::TempDir,
    pub system: System,
    pub kernel: Arc<Kernel>,
}

impl Facts {
    pub fn read(case: &Path) -> Result<Self> {
        let file = case.join("facts.toml");
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        toml::from_str(&text).with_context(|| file.display().to_string())
    }

    /// A call with all its arguments about a kernel on an otherwise empty system.
    pub fn of_release(call: Call, release: &str) -> Self {
        Self {
            call,
            kernel: KernelTable {
                release: release.into(),
                machine: x86_64(),
                headers: None,
                config: [("MODULE_SIG_HASH".to_owned(), "sha256".to_owned())].into(),
                running: false,
            },
            programs: ["update-initramfs", "dracut", "mkinitfs", "openssl"].map(String::from).into(),
            files: Vec::new(),
            settings: BTreeMap::new(),
            requested: Some(release.into()),
            machine: Some(release.into()),
            file: Some("staging/a.ko".into()),
            occasion: Some(Occasion::Installed),
            options: BTreeMap::new(),
        }
    }

    /// Lays the system out, with the settings of this plugin.
    pub fn target(&self, case: &Path, plugin: &str) -> Result<Target> {
        let dir = tempfile::tempdir()?;
        let root = dir.path().join("root");
        let below = |path: &str| root.join(path.trim_start_matches('/'));
        std::fs::create_dir(&root)?;
        copy_tree(&case.join("root"), &root)?;
        std::fs::create_dir(dir.path().join("staging"))?;
        copy_tree(&case.join("staging"), &dir.path().join("staging"))?;
        for file in &self.files {
            write(&below(file), "", 0o644)?;
        }
        for program in &self.programs {
            let path = if program.starts_with('/') { program.clone() } else { format!("/usr/sbin/{program}") };
            write(&below(&path), "#!/bin/false\n", 0o755)?;
        }
        let settings = toml::to_string(&self.settings)?;
        write(&below(&format!("etc/modsmith/settings/{plugin}.toml")), &settings, 0o644)?;
        let config_file = dir.path().join("config");
        let symbols = self.kernel.config.iter().map(|(name, value)| format!("CONFIG_{name}=\"{value}\"\n"));
        write(&config_file, &symbols.collect::<String>(), 0o644)?;
        let kernel = Kernel::new(KernelInput {
            release: self.kernel.release.clone(),
            arch: self.kernel.machine.clone(),
            machine: self.kernel.machine.clone(),
            module_dir: below(&format!("lib/modules/{}", self.kernel.release)),
            headers: self.kernel.headers.as_deref().map(below),
            config_file: Some(config_file),
            running: self.kernel.running,
            ..KernelInput::default()
        });
        let system = System::new(&root, OsRelease::of_root(&root));
        Ok(Target { dir, system, kernel: Arc::new(kernel) })
    }
}

impl Target {
    /// The roots of a plan about the kernel.
    pub fn roots(&self) -> Roots {
        let mut roots = self.system.roots.clone().with(Root::Modules, self.kernel.module_dir());
        if let Some(headers) = self.kernel.headers() {
            roots.set(Root::Headers, headers);
        }
        roots.set(Root::Source, self.dir.path().join("source"));
        roots.with(Root::Staging, self.dir.path().join("staging"))
    }
}

fn write(path: &Path, contents: &str, mode: u32) -> Result<()> {
    std::fs::create_dir_all(path.parent().context("a path below the root")?)?;
    std::fs::write(path, contents)?;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?)
}

/// A case without files of its own has no `root`.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    if !from.exists() {
        return Ok(());
    }
    for entry in walkdir::WalkDir::new(from).min_depth(1) {
        let entry = entry?;
        let place: PathBuf = to.join(entry.path().strip_prefix(from)?);
        if entry.file_type().is_dir() {
            std::fs::create_dir(place)?;
        } else {
            std::fs::copy(entry.path(), place)?;
        }
    }
    Ok(())
}
