//! Whether a package can be built for a kernel at all.

use crate::conf::PackageConf;
use crate::error::{Error, Kind, Result};
use crate::flow::Session;
use crate::kernel::Kernel;
use crate::tree::Package;

impl Session<'_> {
    /// Refuses kernels that the package's BUILD_EXCLUSIVE_* rule out.
    pub(super) fn check_exclusive(&self, package: &Package, conf: &PackageConf, kernel: &Kernel) -> Result<()> {
        let Some(reason) = conf.exclusive.excludes(kernel) else { return Ok(()) };
        Err(Error::new(
            Kind::Excluded,
            format!("{} is not for kernel {} ({}): {reason}.", package.id, kernel.release(), kernel.arch()),
        )
        .detail(format!("Its {} says so with a BUILD_EXCLUSIVE directive.", conf.evaluated.file.display())))
    }

    /// Refuses a kernel without headers.
    pub(super) fn check_headers(&self, kernel: &std::sync::Arc<Kernel>) -> Result<()> {
        if kernel.headers().is_some() {
            return Ok(());
        }
        let mut error = Error::new(
            Kind::HeadersMissing,
            format!(
                "The headers of kernel {} are not there: {} has no `include`.",
                kernel.release(),
                kernel.source_dir().display()
            ),
        );
        error = match self.plugins.header_package(kernel).ok().flatten() {
            Some(package) => {
                error.hint(format!("Install the package {package}, or name a directory with --kernelsourcedir."))
            }
            None => error.hint("Install that kernel's headers, or name their directory with --kernelsourcedir."),
        };
        let others = self.kernels_with_headers();
        if !others.is_empty() {
            error = error.hint(format!("Kernels with headers here: {}. Name one with -k.", others.join(", ")));
        }
        Err(error)
    }

    fn kernels_with_headers(&self) -> Vec<String> {
        let Some(directory) = self.system.roots.get(crate::system::Root::InstallTree) else { return Vec::new() };
        let mut names: Vec<String> = std::fs::read_dir(directory)
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .filter(|entry| entry.path().join("build/include").is_dir())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}
