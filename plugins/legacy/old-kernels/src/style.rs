//! The distribution of a kernel source, which decides where the configuration comes from.

use std::fmt;

use crate::{config, tree};
use modsmith_plugin::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// UnitedLinux 1.0 and what was built on it keep configuration and version
    /// header beside the kernel.
    UnitedLinux,
    RedHat,
    Suse,
    Generic,
}

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Style::UnitedLinux => "UnitedLinux",
            Style::RedHat => "Red Hat",
            Style::Suse => "SUSE",
            Style::Generic => "a plain kernel",
        })
    }
}

fn version_header() -> Path {
    Path::boot("vmlinuz.version.h")
}

impl Style {
    pub fn of_system() -> Result<Self> {
        if version_header().exists()? {
            return Ok(Style::UnitedLinux);
        }
        for header in ["version.h", "modversions.h"] {
            let text = Path::headers(format!("include/linux/{header}")).read()?.unwrap_or_default();
            if String::from_utf8_lossy(&text).contains("rhconfig.h") {
                return Ok(Style::RedHat);
            }
        }
        if Path::etc("SuSE-release").exists()? { Ok(Style::Suse) } else { Ok(Style::Generic) }
    }

    /// Adds the steps that put `.config` into its place: the one that was asked
    /// for, else the one that the distribution ships for the kernel, else the one
    /// that was there.
    pub fn configure(self, kernel: &Kernel, given: Option<Vec<u8>>, plan: &mut Plan) -> Result<()> {
        if self == Style::UnitedLinux {
            plan.copy(version_header(), Path::headers("include/linux/version.h"))?;
        }
        if let Some(contents) = given {
            return plan.write_file(tree::config(), contents, 0o644);
        }
        let release = kernel.release();
        let shipped = match self {
            Style::UnitedLinux => vec![Path::boot("vmlinuz.config")],
            Style::RedHat => config::red_hat(&release, &kernel.machine()),
            Style::Suse => config::suse(&release, &kernel.machine()),
            Style::Generic => Vec::new(),
        };
        let shipped = config::first_existing(shipped)?;
        let found = match (shipped, tree::own_config()?) {
            (Some(file), _) => file,
            (None, Some(own)) => {
                plan.note("No configuration was named: the tree's own is used; --config names another one");
                own
            }
            (None, None) => {
                return Err(invalid(format!(
                    "The source tree of kernel {release} is not configured, and no configuration of it was found. \
                     Name one with --config."
                )));
            }
        };
        if self == Style::RedHat {
            config::mend_dependencies(plan)?;
        }
        plan.copy(found, tree::config())
    }
}
