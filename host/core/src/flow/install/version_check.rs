//! Whether a module may replace one that the kernel already has.

use std::cmp::Ordering;
use std::path::Path;

use crate::conf::version;
use modsmith_facts::kernel::{Kernel, ModInfo};

/// What an existing module means for a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Install,
    /// The new one is not better; the sentence says why.
    Keep(String),
}

/// Compares by version, then by source version; `new` is unknown while it has
/// not been built.
pub fn compare(name: &str, new: Option<&ModInfo>, existing: &Path, identical: bool) -> Verdict {
    let (Some(new), Ok(old)) = (new, ModInfo::read(existing)) else { return Verdict::Install };
    let same = || Verdict::Keep(format!("{name}: the same module is already installed as {}.", existing.display()));
    match (&new.version, &old.version) {
        (None, None) if identical => same(),
        (None, None) => Verdict::Install,
        (new_version, old_version) => {
            let text = |v: &Option<String>| v.clone().unwrap_or_default();
            match version::compare(&text(new_version), &text(old_version)) {
                Ordering::Less => Verdict::Keep(format!(
                    "{name}: version {} is installed as {} and newer than {}; --force installs over it.",
                    text(old_version),
                    existing.display(),
                    new_version.as_deref().unwrap_or("a module without version"),
                )),
                Ordering::Equal if new.srcversion == old.srcversion => same(),
                Ordering::Equal | Ordering::Greater => Verdict::Install,
            }
        }
    }
}

/// OBSOLETE_BY: whether the kernel has the driver itself.
pub fn obsolete(directive: &str, kernel: &Kernel) -> bool {
    let split = |text: &str| {
        let (base, abi) = text.split_once('-').map_or((text, None), |(base, abi)| (base, Some(abi)));
        (base.to_owned(), abi.map(str::to_owned))
    };
    let (kernel_base, kernel_abi) = split(kernel.release());
    let (base, abi) = split(directive);
    match version::compare(&kernel_base, &base) {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal => match abi {
            None => true,
            Some(abi) => version::compare(&kernel_abi.unwrap_or_default(), &abi) != Ordering::Less,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modsmith_facts::kernel::KernelInput;

    fn kernel(release: &str) -> Kernel {
        Kernel::new(KernelInput { release: release.into(), ..Default::default() })
    }

    #[test]
    fn a_kernel_at_or_above_the_directive_makes_a_module_obsolete() {
        assert!(!obsolete("6.2", &kernel("6.1.0-56-amd64")));
        assert!(obsolete("6.1.0", &kernel("6.1.0-56-amd64")));
        assert!(obsolete("6.1.0-50", &kernel("6.1.0-56-amd64")));
        assert!(!obsolete("6.1.0-60", &kernel("6.1.0-56-amd64")));
        assert!(obsolete("5.10", &kernel("6.1.0-56-amd64")));
    }

    #[test]
    fn a_module_that_is_not_built_yet_is_taken() {
        assert_eq!(compare("x", None, Path::new("/nowhere"), false), Verdict::Install);
    }
}
