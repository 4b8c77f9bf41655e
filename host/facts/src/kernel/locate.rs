//! Finding a kernel's facts on the target system.

use std::path::{Path, PathBuf};

use super::{Kernel, KernelInput};
use crate::{Root, System, inside, resolve_in_root};

/// How to find kernels: the system and the command line's say in it.
pub struct Lookup<'a> {
    pub system: &'a System,
    /// `--kernelsourcedir`: replaces the kernel's own `build` link.
    pub source_dir: Option<&'a Path>,
    /// `--config`.
    pub config: Option<&'a Path>,
}

impl Lookup<'_> {
    /// The facts of a kernel, whether it is installed or not. `fallbacks` names
    /// header directories (absolute on the target) for a kernel whose `build`
    /// link leads nowhere; it is asked only then.
    pub fn kernel(&self, release: &str, arch: &str, fallbacks: impl FnOnce(&Kernel) -> Vec<PathBuf>) -> Kernel {
        let install_tree = self.system.roots.get(Root::InstallTree).unwrap_or(Path::new("/lib/modules"));
        let module_dir = inside::real(&install_tree.join(release));
        let build_link = module_dir.join("build");
        let input = |source_dir: PathBuf, headers: Option<PathBuf>| KernelInput {
            release: release.to_owned(),
            arch: arch.to_owned(),
            machine: machine(),
            module_dir: module_dir.clone(),
            headers,
            source_dir,
            config_file: self.config.map(Path::to_path_buf),
            running: self.system.is_live() && running_release() == release,
        };
        if let Some(given) = self.source_dir {
            return Kernel::new(input(given.to_path_buf(), usable(given.to_path_buf())));
        }
        let named = self.system.inside(&build_link);
        let found = resolve_in_root(&self.system.root, &named).ok().and_then(usable);
        let kernel = Kernel::new(input(named, found));
        if kernel.headers().is_some() {
            return kernel;
        }
        for candidate in fallbacks(&kernel) {
            if let Some(found) = resolve_in_root(&self.system.root, &candidate).ok().and_then(usable) {
                return Kernel::new(input(candidate, Some(found)));
            }
        }
        kernel
    }
}

/// A build directory is one that has an `include` directory.
fn usable(directory: PathBuf) -> Option<PathBuf> {
    inside::is_dir(&directory.join("include")).then_some(directory)
}

/// This machine's name of its architecture, as `uname -m` prints.
pub fn machine() -> String {
    rustix::system::uname().machine().to_string_lossy().into_owned()
}

/// The running kernel, as `uname -r` prints.
pub fn running_release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}
