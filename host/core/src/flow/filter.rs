//! Shell patterns that narrow listings.

use globset::{GlobBuilder, GlobMatcher};

use crate::error::{Error, Kind, Result};
use crate::tree::{PackageId, Target};

/// Shell patterns that narrow the listing; `None` matches everything.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub module: Option<String>,
    pub version: Option<String>,
    pub kernel: Option<String>,
    pub arch: Option<String>,
}

/// `None` matches everything.
pub(crate) struct Matchers {
    module: Option<GlobMatcher>,
    version: Option<GlobMatcher>,
    kernel: Option<GlobMatcher>,
    arch: Option<GlobMatcher>,
}

impl Filter {
    pub(crate) fn compile(&self) -> Result<Matchers> {
        let glob = |pattern: &Option<String>| {
            let Some(text) = pattern else { return Ok(None) };
            GlobBuilder::new(text).build().map(|glob| Some(glob.compile_matcher())).map_err(|e| {
                Error::new(Kind::Usage, format!("`{text}` is not a shell pattern: {e}."))
                    .hint("Quote its brackets and braces with a backslash.")
            })
        };
        Ok(Matchers {
            module: glob(&self.module)?,
            version: glob(&self.version)?,
            kernel: glob(&self.kernel)?,
            arch: glob(&self.arch)?,
        })
    }
}

impl Matchers {
    pub(crate) fn take_module(&self, module: &str) -> bool {
        fits(&self.module, module)
    }

    pub(crate) fn take_version(&self, version: &str) -> bool {
        fits(&self.version, version)
    }

    pub(crate) fn take_package(&self, id: &PackageId) -> bool {
        fits(&self.module, &id.module) && fits(&self.version, &id.version)
    }

    pub(crate) fn take_target(&self, target: &Target) -> bool {
        fits(&self.kernel, &target.kernel) && fits(&self.arch, &target.arch)
    }

    pub(crate) fn take(&self, id: &PackageId, target: &Target) -> bool {
        self.take_package(id) && self.take_target(target)
    }
}

fn fits(pattern: &Option<GlobMatcher>, name: &str) -> bool {
    pattern.as_ref().is_none_or(|glob| glob.is_match(name))
}
