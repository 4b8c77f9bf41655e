//! One line on each action, for completions and the manual.

use super::words;

/// The actions that this program has itself, in their usual order.
pub fn actions() -> impl Iterator<Item = (&'static str, &'static str)> {
    words::names().map(|name| (name, of(name).unwrap_or_default()))
}

fn of(action: &str) -> Option<&'static str> {
    Some(match action {
        "add" => "Add a package to the tree",
        "build" => "Build a package's modules for a kernel",
        "install" => "Install the modules for a kernel; adds and builds the package if necessary",
        "uninstall" => "Remove installed modules, and restore the originals",
        "unbuild" => "Delete built modules; uninstalls them first",
        "remove" => "Remove a package from the tree, for some kernels or for all",
        "status" => "Show the state of packages",
        "autoinstall" => "Install all packages with AUTOINSTALL for a kernel",
        "match" => "Install for one kernel the modules that are installed for another",
        "kernel_preinst" => "For kernel packages: run before a kernel is installed",
        "kernel_postinst" => "For kernel packages: run after a kernel was installed",
        "kernel_prerm" => "For kernel packages: run before a kernel is removed",
        "generate_mok" => "Create a key and a certificate for signing modules",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_a_summary() {
        for name in words::names() {
            assert!(of(name).is_some(), "{name} has none");
        }
    }
}
