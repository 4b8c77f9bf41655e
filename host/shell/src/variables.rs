//! Shell variables: every one is an array, a scalar is its slot 0.

use std::collections::BTreeMap;

/// The variables of a shell.
#[derive(Debug, Clone, Default)]
pub struct Values(BTreeMap<String, BTreeMap<u32, String>>);

impl Values {
    pub fn get(&self, name: &str, slot: u32) -> Option<&str> {
        self.0.get(name)?.get(&slot).map(String::as_str)
    }

    pub fn set(&mut self, name: &str, slot: u32, value: impl Into<String>) {
        self.0.entry(name.to_owned()).or_default().insert(slot, value.into());
    }

    pub fn append(&mut self, name: &str, slot: u32, value: &str) {
        self.0.entry(name.to_owned()).or_default().entry(slot).or_default().push_str(value);
    }

    /// The slots in ascending order; none for an unset variable.
    pub fn slots(&self, name: &str) -> impl Iterator<Item = (u32, &str)> {
        self.0.get(name).into_iter().flatten().map(|(slot, value)| (*slot, value.as_str()))
    }

    /// How many slots are set.
    pub(super) fn count(&self, name: &str) -> usize {
        self.0.get(name).map_or(0, BTreeMap::len)
    }

    /// Empties an array that stays set.
    pub(super) fn clear(&mut self, name: &str) {
        self.0.insert(name.to_owned(), BTreeMap::new());
    }

    /// The first free slot after the highest; `None` past the last index.
    pub(super) fn after_last(&self, name: &str) -> Option<u32> {
        let last = self.0.get(name).and_then(BTreeMap::last_key_value);
        last.map_or(Some(0), |(slot, _)| slot.checked_add(1))
    }
}

/// Whether bash gives a variable a meaning or a value of its own, so that
/// reading or setting it needs bash. Names that begin with two underscores are
/// the bash reader's own.
pub(super) fn is_bash_own(name: &str) -> bool {
    const PREFIXES: [&str; 7] = ["BASH", "COMP", "EPOCH", "HIST", "LC_", "READLINE_", "__"];
    const NAMES: [&str; 52] = [
        "CDPATH",
        "CHILD_MAX",
        "COLUMNS",
        "COPROC",
        "DIRSTACK",
        "EMACS",
        "ENV",
        "EUID",
        "EXECIGNORE",
        "FCEDIT",
        "FIGNORE",
        "FUNCNAME",
        "FUNCNEST",
        "GLOBIGNORE",
        "GLOBSORT",
        "GROUPS",
        "HOME",
        "HOSTFILE",
        "HOSTNAME",
        "HOSTTYPE",
        "IFS",
        "IGNOREEOF",
        "INPUTRC",
        "INSIDE_EMACS",
        "LANG",
        "LANGUAGE",
        "LINENO",
        "LINES",
        "MACHTYPE",
        "MAIL",
        "MAILCHECK",
        "MAILPATH",
        "MAPFILE",
        "OLDPWD",
        "OPTARG",
        "OPTERR",
        "OPTIND",
        "OSTYPE",
        "PATH",
        "PIPESTATUS",
        "POSIXLY_CORRECT",
        "PPID",
        "PS4",
        "PWD",
        "RANDOM",
        "REPLY",
        "SECONDS",
        "SHELL",
        "SHELLOPTS",
        "SHLVL",
        "SRANDOM",
        "TERM",
    ];
    const MORE: [&str; 6] = ["TEXTDOMAIN", "TEXTDOMAINDIR", "TIMEFORMAT", "TMOUT", "TMPDIR", "UID"];
    name == "_" || PREFIXES.iter().any(|p| name.starts_with(p)) || NAMES.contains(&name) || MORE.contains(&name)
}
