//! The scripts: the systems that have them, and their usage.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// Of RHEL: finds the kernel in the files' paths.
    WeakModules,
    /// Of SUSE: takes the kernel as an argument.
    WeakModules2,
}

/// The change of the modules in other kernels.
#[derive(Debug, Clone, Copy)]
pub enum Action {
    Add,
    Remove,
}

impl Script {
    /// Of a system with this word in `ID` or `ID_LIKE` of os-release.
    fn of_word(word: &str) -> Option<Self> {
        match word {
            "rhel" => Some(Self::WeakModules),
            "suse" | "opensuse" | "sles" => Some(Self::WeakModules2),
            _ => None,
        }
    }

    pub fn program(self) -> &'static str {
        match self {
            Self::WeakModules => "weak-modules",
            Self::WeakModules2 => "weak-modules2",
        }
    }

    pub fn option(self, action: Action) -> &'static str {
        match (self, action) {
            (Self::WeakModules, Action::Add) => "--add-modules",
            (Self::WeakModules, Action::Remove) => "--remove-modules",
            (Self::WeakModules2, Action::Add) => "--add-kernel-modules",
            (Self::WeakModules2, Action::Remove) => "--remove-kernel-modules",
        }
    }
}

/// The scripts of a system, the one of its closest id first.
pub fn of_system(ids: &[String]) -> Vec<Script> {
    let mut scripts = Vec::new();
    for script in ids.iter().filter_map(|id| Script::of_word(id)) {
        if !scripts.contains(&script) {
            scripts.push(script);
        }
    }
    scripts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_of_the_closest_id_comes_first_and_each_once() {
        let of = |ids: &str| of_system(&ids.split(' ').map(String::from).collect::<Vec<_>>());
        assert_eq!(of("almalinux rhel centos fedora"), [Script::WeakModules]);
        assert_eq!(of("opensuse-leap suse opensuse"), [Script::WeakModules2]);
        assert_eq!(of("own suse rhel sles"), [Script::WeakModules2, Script::WeakModules]);
        assert_eq!(of("debian"), []);
    }
}
