//! The system, the tree, the settings and the options: what does not change during an
//! invocation.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::conf::framework::Framework;
use crate::conf::{self, Variables};
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::tree::{Package, PackageId, SourceState, Tree, not_in_tree};
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{Root, Roots, System, find_program, inside};
use modsmith_plugins::Plugins;

/// What the command line says beside action, module and kernels.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub force: bool,
    pub force_version_override: bool,
    pub no_depmod: bool,
    pub no_initrd: bool,
    pub symlink_modules: bool,
    pub modprobe_on_install: bool,
    /// `--rpm_safe_upgrade`
    pub safe_upgrade: bool,
    /// `-j`: `Some(0)` is without limit.
    pub jobs: Option<u32>,
    /// `--directive`
    pub directives: Vec<(String, String)>,
    /// `--dkmsframework`
    pub framework: Option<PathBuf>,
    /// `-c`
    pub conf: Option<PathBuf>,
    /// `--config`
    pub kernel_config: Option<PathBuf>,
    /// `--no-prepare-kernel`
    pub no_prepare_kernel: bool,
    /// `--no-clean-kernel`
    pub no_clean_kernel: bool,
    /// `--kernelsourcedir`
    pub kernel_source_dir: Option<PathBuf>,
    pub exit_codes: crate::error::ExitCodes,
    /// Whether lines say that a build comes from the store: with dkms, they are those of a build.
    pub tells_store: bool,
}

/// The system, its settings, and what the user asks for.
pub struct Env {
    pub system: Arc<System>,
    pub tree: Tree,
    pub framework: Framework,
    pub plugins: Plugins,
    pub options: Options,
    pub environment: Environment,
    /// Whether build commands run inside the target system: it has a shell and
    /// make of its own.
    builds_inside: bool,
}

impl Env {
    pub fn new(
        system: Arc<System>,
        framework: Framework,
        plugins: Plugins,
        options: Options,
        environment: Environment,
    ) -> Self {
        let builds_inside =
            system.is_live() || ["bash", "make"].iter().all(|name| find_program(&system.root, name).is_some());
        Self { tree: Tree::new(&system.roots), system, framework, plugins, options, environment, builds_inside }
    }

    /// The roots of a plan for a package and, where given, a kernel.
    pub fn roots(&self, package: &Package, kernel: Option<&Kernel>) -> Roots {
        let mut roots = match kernel {
            Some(kernel) => self.kernel_roots(kernel),
            None => self.system.roots.clone(),
        };
        roots.set(Root::Source, &package.source);
        roots
    }

    /// The roots of a plan about a kernel only.
    pub fn kernel_roots(&self, kernel: &Kernel) -> Roots {
        let mut roots = self.system.roots.clone().with(Root::Modules, kernel.module_dir());
        if let Some(headers) = kernel.headers() {
            roots.set(Root::Headers, headers);
        }
        roots
    }

    /// Where kernels have their module directories.
    pub fn install_tree(&self) -> &Path {
        self.system.roots.get(Root::InstallTree).unwrap_or(Path::new("/lib/modules"))
    }

    /// `/etc` of the system.
    pub fn etc(&self) -> &Path {
        self.system.roots.get(Root::Etc).unwrap_or(Path::new("/etc"))
    }

    /// The root of build commands, as this machine sees it.
    pub(crate) fn build_root(&self) -> &Path {
        if self.builds_inside { &self.system.root } else { Path::new("/") }
    }

    /// A path of this machine as build commands will see it.
    pub fn seen_by_build(&self, path: &Path) -> String {
        let seen = if self.builds_inside { self.system.inside(path) } else { path.to_path_buf() };
        seen.display().to_string()
    }

    /// The kernel's build directory as build commands will see it.
    fn kernel_source_dir(&self, kernel: &Kernel) -> String {
        match (self.builds_inside, kernel.headers()) {
            (false, Some(headers)) => headers.display().to_string(),
            _ => kernel.source_dir().display().to_string(),
        }
    }

    /// The shell variables that a dkms.conf may read.
    pub fn variables(&self, package: &Package, kernel: &Kernel) -> Variables {
        let root = |root| self.system.roots.get(root).map(|p| self.seen_by_build(p)).unwrap_or_default();
        Variables {
            kernelver: kernel.release().to_owned(),
            arch: kernel.arch().to_owned(),
            kernel_source_dir: self.kernel_source_dir(kernel),
            kernel_config: kernel.config_file().map(|p| self.seen_by_build(p)).unwrap_or_default(),
            dkms_tree: root(Root::Tree),
            source_tree: root(Root::SourceTree),
            install_tree: root(Root::InstallTree),
            module: package.id.module.clone(),
            module_version: package.id.version.clone(),
        }
    }

    /// The package's dkms.conf, or the file given instead.
    pub fn conf_file(&self, package: &Package) -> PathBuf {
        self.options.conf.clone().unwrap_or_else(|| package.source.join("dkms.conf"))
    }

    /// Where override files are.
    pub fn overrides_dir(&self) -> PathBuf {
        self.etc().join("dkms")
    }

    /// The override files of a package's dkms.conf that may exist.
    pub fn override_files(&self, package: &Package, kernel: &str, arch: &str) -> Vec<PathBuf> {
        let PackageId { module, version } = &package.id;
        conf::override_files(&self.overrides_dir(), module, version, kernel, arch)
    }

    /// Whether directives come from elsewhere than files.
    pub fn has_directives(&self) -> bool {
        let is_directive = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b"DKMS_DIRECTIVE");
        !self.options.directives.is_empty() || self.environment.names().any(is_directive)
    }

    /// Whether a source is where that of a package is by default.
    pub fn has_source(&self, id: &PackageId) -> bool {
        self.system.roots.path(&id.source_dir()).is_some_and(|source| inside::is_dir(&source))
    }

    /// Why a registered package is broken, as a clause, and what to do. Its source may be where it has
    /// always been: then only the link to it is lost.
    pub fn why_broken(&self, id: &PackageId) -> (String, String) {
        let link = self.tree.real(&id.source_link());
        let source = self.system.roots.path(&id.source_dir()).unwrap_or_default();
        let state = if link.symlink_metadata().is_ok() { "leads to nothing" } else { "is missing" };
        match self.has_source(id) {
            true => (
                format!("its link {} {state}", link.display()),
                format!("Its source is at {}: run `dkms add {id}`, which makes the link again.", source.display()),
            ),
            false => (
                format!("its source is gone: the link {} {state}", link.display()),
                format!(
                    "Put the source back at {} and run `dkms add {id}`, or delete {}.",
                    source.display(),
                    self.tree.real(&id.version_dir()).display()
                ),
            ),
        }
    }

    /// A registered package, ready to be worked on.
    pub fn package(&self, id: &PackageId) -> Result<Package> {
        let entry = self.tree.entry(id).ok_or_else(|| not_in_tree(&self.tree, id))?;
        match entry.source {
            SourceState::Present(source) => Ok(Package { id: entry.id, source }),
            SourceState::Broken => {
                let (why, remedy) = self.why_broken(id);
                Err(Error::new(Kind::Broken, format!("{id} is broken: {why}.")).hint(remedy))
            }
        }
    }
}
