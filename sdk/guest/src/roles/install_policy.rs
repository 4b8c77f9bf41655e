use crate::bindings::install_policy::exports::modsmith::plugin::install_policy as wit;
use crate::{Compression, InstallRequest, RemovalRequest, Result};

/// The condition on which a directory that an uninstall emptied is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Prune {
    /// The directory is always removed, with empty parents up to the kernel's module directory.
    Always,
    /// The directory is removed unless this program succeeds with the directory's path as its last argument, as
    /// a query of the package manager for the owner does. Program and leading
    /// arguments must be within the `[[run]]` grant.
    UnlessOwned(Vec<String>),
    /// The directory is never removed.
    Never,
}

/// Says where modules go, how they are stored and how directories are cleaned
/// up.
pub trait InstallPolicy {
    /// Returns the directory below the kernel's module directory, such as `updates/dkms`. The
    /// default is the one that the package requests.
    fn destination(request: &InstallRequest) -> Result<String> {
        Ok(request.directory())
    }

    /// Returns the compression of module files for this kernel, if there is one. The default is
    /// that of the kernel's own modules.
    fn compression(request: &InstallRequest) -> Result<Option<Compression>> {
        Ok(request.kernel().found_compression())
    }

    /// Returns the condition on which a directory that an uninstall emptied is removed. The
    /// default is `Always`.
    fn prune(request: &RemovalRequest) -> Result<Prune> {
        let _ = request;
        Ok(Prune::Always)
    }
}

impl<P: InstallPolicy> wit::Guest for P {
    fn destination(request: &InstallRequest) -> Result<String> {
        crate::panic::enter();
        P::destination(request)
    }

    fn compression(request: &InstallRequest) -> Result<Option<String>> {
        crate::panic::enter();
        Ok(P::compression(request)?.map(|compression| compression.name().to_owned()))
    }

    fn prune(request: &RemovalRequest) -> Result<String> {
        crate::panic::enter();
        let rule = match P::prune(request)? {
            Prune::Always => "always",
            Prune::UnlessOwned(_) => "unless-owned",
            Prune::Never => "never",
        };
        Ok(rule.to_owned())
    }

    fn owner_query(request: &RemovalRequest) -> Result<Vec<String>> {
        crate::panic::enter();
        match P::prune(request)? {
            Prune::UnlessOwned(query) => Ok(query),
            _ => Ok(Vec::new()),
        }
    }
}
