//! Whether patterns can match the same file. Roots can be in other places than they usually are: the
//! manifest's check refuses an overlap that shows here, and the start of a program refuses all others.

use modsmith_facts::{OsRelease, Root, System};

use super::{PathPattern, glob, is_glob};

impl PathPattern {
    /// Whether there can be a file that both patterns cover.
    pub fn meets(&self, other: &Self) -> bool {
        let same_root = self.root == other.root && meet(&names(self.relative()), &names(other.relative()));
        same_root || self.absolute().iter().any(|own| other.absolute().iter().any(|other| meet(own, other)))
    }

    /// Whether the pattern covers an absolute path, a file in it, or a directory above it.
    pub(crate) fn meets_path(&self, path: &str) -> bool {
        let mut literal: Vec<String> = Vec::new();
        for name in path.split('/') {
            match name {
                "" | "." => {}
                ".." => drop(literal.pop()),
                name => literal.push(globset::escape(name)),
            }
        }
        self.absolute().iter().any(|own| meet(own, &literal))
    }

    /// The pattern in the usual places of its root, name by name.
    fn absolute(&self) -> Vec<Vec<String>> {
        let below: Vec<String> = names(self.relative()).into_iter().map(str::to_owned).collect();
        usual_places(self.root).into_iter().map(|place| [place, below.clone()].concat()).collect()
    }
}

/// Where a root usually is, below `/`: patterns, name by name. What is private to a call is in no place
/// that has a name.
fn usual_places(root: Root) -> Vec<Vec<String>> {
    let roots = System::new("/", OsRelease::default()).roots;
    let at = |root: Root, below: &[&str]| {
        let top = roots.get(root).and_then(|path| path.to_str()).unwrap_or_default();
        names(Some(top)).into_iter().chain(below.iter().copied()).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut places = match root {
        Root::Modules => vec![at(Root::InstallTree, &["*"])],
        Root::Headers => vec![at(Root::InstallTree, &["*", "build"]), at(Root::SourceTree, &["*"])],
        Root::Source => vec![at(Root::SourceTree, &["*"])],
        Root::Staging => Vec::new(),
        other => vec![at(other, &[])],
    };
    // Where `/usr` is merged, `/lib` is a link to `/usr/lib`.
    let merged = places.iter().filter(|place| place.first().is_some_and(|name| name == "lib"));
    let merged: Vec<_> = merged.map(|place| [vec!["usr".to_owned()], place.clone()].concat()).collect();
    places.extend(merged);
    places
}

fn names(relative: Option<&str>) -> Vec<&str> {
    relative.into_iter().flat_map(|relative| relative.split('/')).filter(|name| !name.is_empty()).collect()
}

/// Both cover what is below their match: so far as both have names, these have to fit.
fn meet<A: AsRef<str>, B: AsRef<str>>(one: &[A], other: &[B]) -> bool {
    for (one, other) in one.iter().map(AsRef::as_ref).zip(other.iter().map(AsRef::as_ref)) {
        if one.contains("**") || other.contains("**") {
            return true;
        }
        if !fits(one, other) {
            return false;
        }
    }
    true
}

/// Whether there can be a name that both stand for. Of two that have special characters only the plain
/// ends are compared.
fn fits(one: &str, other: &str) -> bool {
    let matches = |pattern: &str, name: &str| glob(pattern).is_ok_and(|pattern| pattern.is_match(name));
    match (is_glob(one), is_glob(other)) {
        (false, false) => one == other,
        (true, false) => matches(one, other),
        (false, true) => matches(other, one),
        (true, true) => {
            let (start, end) = (plain_start(one), plain_end(one));
            let (other_start, other_end) = (plain_start(other), plain_end(other));
            (start.starts_with(other_start) || other_start.starts_with(start))
                && (end.ends_with(other_end) || other_end.ends_with(end))
        }
    }
}

fn plain_start(pattern: &str) -> &str {
    &pattern[..pattern.find(['*', '?', '[', '{', '\\']).unwrap_or(pattern.len())]
}

fn plain_end(pattern: &str) -> &str {
    &pattern[pattern.rfind(['*', '?', ']', '}', '\\']).map_or(0, |last| last + 1)..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> PathPattern {
        PathPattern::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn patterns_meet_where_there_can_be_a_file_of_both() {
        for (one, other) in [
            ("etc/evil-*", "etc/evil-*"),
            ("etc/evil-*", "etc/evil-a/tool"),
            ("etc", "etc/x"),
            ("etc/a*c", "etc/ab*"),
            ("tree/m/tool", "var/lib/dkms/*/tool"),
            ("modules/tool", "usr/lib/modules/*/tool"),
            ("install-tree", "modules/x"),
            ("headers/scripts/*", "usr/src/linux-6.1/scripts/sign-file"),
            ("usr/**/x", "usr/lib/y"),
            ("staging", "staging/tool"),
        ] {
            let (one, other) = (pattern(one), pattern(other));
            assert!(one.meets(&other) && other.meets(&one), "{one} {other}");
        }
        for (one, other) in [
            ("etc/evil-*", "etc/good-*"),
            ("etc/*.conf", "etc/*.sh"),
            ("etc/a/b", "etc/a/c"),
            ("boot", "etc/x"),
            ("tree/mok*", "headers/scripts/sign-file"),
            ("headers/.config*", "headers/scripts/sign-file"),
            ("var/lib/other", "tree/x"),
            ("staging", "tree/x"),
        ] {
            let (one, other) = (pattern(one), pattern(other));
            assert!(!one.meets(&other) && !other.meets(&one), "{one} {other}");
        }
    }

    #[test]
    fn a_path_meets_what_it_names_what_is_above_and_what_is_below() {
        let key = pattern("tree/mok.key*");
        for path in ["/var/lib/dkms/mok.key", "/var/lib/./dkms//mok.key.new", "/var/lib/dkms", "/", "/etc/../var"] {
            assert!(key.meets_path(path), "{path}");
        }
        for path in ["/var/lib/dkms/other", "/var/lib/rpm", "/etc", "/var/lib/dkms/mok.pub"] {
            assert!(!key.meets_path(path), "{path}");
        }
        assert!(pattern("etc/a[[]1]").meets_path("/etc/a[1]"));
    }
}
