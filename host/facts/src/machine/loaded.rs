//! The modules that are loaded.

use std::collections::BTreeMap;

use super::{Machine, kernel_name};

/// A module that is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Whether the module did not come with the kernel (taint `O`).
    pub is_external: bool,
}

impl Machine {
    /// The loaded modules by name; `None` where the kernel does not say, as one without
    /// modules. Source: the kernel's `kernel/module/procfs.c`: the taints are the last
    /// word, in parentheses.
    pub fn loaded(&self) -> Option<BTreeMap<String, Loaded>> {
        let text = self.text("proc/modules")?;
        let module = |line: &str| {
            let mut words = line.split_whitespace();
            let name = words.next()?;
            let taints = words.last().and_then(|word| word.strip_prefix('(')?.strip_suffix(')'));
            Some((kernel_name(name), Loaded { is_external: taints.is_some_and(|taints| taints.contains('O')) }))
        };
        Some(text.lines().filter_map(module).collect())
    }
}
