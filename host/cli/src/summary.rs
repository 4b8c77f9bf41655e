//! One line on each action, for completions and the manual.

use super::words;

/// The actions that this program has itself, in their usual order.
pub fn actions() -> impl Iterator<Item = (&'static str, &'static str)> {
    words::names().map(|name| (name, of(name).unwrap_or_default()))
}

fn of(action: &str) -> Option<&'static str> {
    Some(match action {
        "add" => "Take a package into the tree",
        "build" => "Build a package's modules for a kernel",
        "install" => "Install the modules for a kernel; adds and builds what is missing",
        "uninstall" => "Take installed modules out again, and put back the originals",
        "unbuild" => "Delete built modules; uninstalls them first",
        "remove" => "Take a package out of the tree, for some kernels or all",
        "status" => "Tell the state of packages",
        "autoinstall" => "Install all packages that want it for a kernel",
        "match" => "Install for one kernel what is installed for another",
        "kernel_preinst" => "What is done before a kernel is installed",
        "kernel_postinst" => "What is done after a kernel was installed",
        "kernel_prerm" => "What is done before a kernel is removed",
        "generate_mok" => "Make a key and certificate to sign modules with",
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
