//! Which modules of a crate use which: read from the `use` lines and paths of its source.
//!
//! Unit tests count for nothing: they may use what they like.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::shipped::shipped;

/// A module: its path in the crate, and its source without unit tests.
pub struct Module {
    pub path: Vec<String>,
    pub source: String,
}

/// All modules of a crate but its root, from the files below `src`.
///
/// # Panics
/// When a file cannot be read.
pub fn crate_modules(src: &Path) -> Vec<Module> {
    let mut modules = Vec::new();
    for entry in walkdir::WalkDir::new(src).sort_by_file_name() {
        let entry = entry.expect("source can be read");
        let relative = entry.path().strip_prefix(src).expect("it is below");
        if relative.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let mut path: Vec<String> =
            relative.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
        path.pop_if(|last| last == "mod");
        let is_test = path.iter().any(|part| part == "tests" || part == "hostile");
        if is_test || matches!(path.as_slice(), [only] if only == "lib" || only == "main") {
            continue;
        }
        let source = fs::read_to_string(entry.path()).expect("source can be read");
        modules.push(Module { path, source: shipped(&source) });
    }
    let root = fs::read_to_string(src.join("lib.rs")).expect("a library");
    modules.push(Module { path: Vec::new(), source: root });
    modules
}

/// The folders of a crate that hold modules, as paths of modules; the crate's root is empty.
pub fn folders(modules: &[Module]) -> BTreeSet<Vec<String>> {
    modules.iter().flat_map(|module| (0..module.path.len()).map(|length| module.path[..length].to_vec())).collect()
}

/// Which modules of one folder use which others of the folder. A module counts with all that
/// is below it, and a path that another module gives on counts as of the module that defines it.
pub struct Graph(BTreeMap<String, BTreeSet<String>>);

impl Graph {
    pub fn of(modules: &[Module], folder: &[String]) -> Self {
        let crate_ = Crate(modules.iter().map(|module| (module.path.as_slice(), paths_in(&module.source))).collect());
        let child = |path: &[String]| path.strip_prefix(folder)?.first().cloned();
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (module, paths) in &crate_.0 {
            let Some(from) = child(module) else { continue };
            let homes = paths.iter().filter_map(|path| crate_.home(module, path, &mut BTreeSet::new()));
            let used = homes.filter_map(|home| child(&home)).filter(|to| *to != from);
            edges.entry(from.clone()).or_default().extend(used);
        }
        Self(edges)
    }

    /// Groups of modules each of which reaches all others of its group.
    pub fn circles(&self) -> Vec<Vec<String>> {
        let reached = |from: &str| {
            let (mut found, mut left) = (BTreeSet::new(), vec![from.to_owned()]);
            while let Some(name) = left.pop() {
                let next = self.0.get(&name).into_iter().flatten();
                left.extend(next.filter(|name| found.insert((*name).clone())).cloned());
            }
            found
        };
        let reach: BTreeMap<&String, BTreeSet<String>> = self.0.keys().map(|name| (name, reached(name))).collect();
        let mut circles: BTreeSet<Vec<String>> = BTreeSet::new();
        for (name, found) in &reach {
            if found.contains(*name) {
                let back = |other: &&String| reach.get(*other).is_some_and(|found| found.contains(*name));
                circles.insert(found.iter().filter(back).cloned().collect());
            }
        }
        circles.into_iter().collect()
    }
}

/// The modules of a crate, each with the paths in its source.
struct Crate<'m>(BTreeMap<&'m [String], Vec<Vec<String>>>);

impl Crate<'_> {
    /// The module that defines what a path in a module leads to; `None` for other crates.
    fn home(
        &self,
        module: &[String],
        path: &[String],
        seen: &mut BTreeSet<(Vec<String>, String)>,
    ) -> Option<Vec<String>> {
        let mut parts = path.iter().peekable();
        let mut home = match path.first()?.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => module.to_vec(),
            first if self.0.contains_key([module, &[first.to_owned()]].concat().as_slice()) => module.to_vec(),
            _ => return None,
        };
        while let Some(part) = parts.next_if(|part| ["crate", "self", "super"].contains(&part.as_str())) {
            if part == "super" {
                home.pop()?;
            }
        }
        for part in parts {
            let inner = [home.as_slice(), std::slice::from_ref(part)].concat();
            if self.0.contains_key(inner.as_slice()) {
                home = inner;
                continue;
            }
            let given_on = self.0.get(home.as_slice()).into_iter().flatten().filter(|path| path.last() == Some(part));
            let further = |path: &Vec<String>| {
                if seen.insert((home.clone(), part.clone())) { self.home(&home, path, seen) } else { None }
            };
            return given_on.cloned().collect::<Vec<_>>().iter().find_map(further).or(Some(home.clone()));
        }
        Some(home)
    }
}

/// The paths of a source: of its `use` lines, with braces taken apart, and those that
/// begin with `crate` or `super` elsewhere.
fn paths_in(source: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    let code: Vec<&str> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    for (location, _) in code.match_indices("use ") {
        let before = code[..location].trim_end_matches(' ').chars().next_back();
        if before.is_none_or(|c| c == '\n' || c == ')' || c == 'b')
            && let Some(end) = code[location..].find(';')
        {
            expand(Vec::new(), &code[location + 4..location + end], &mut paths);
        }
    }
    for start in ["crate::", "super::"] {
        for (location, _) in code.match_indices(start) {
            let part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
            let end = code[location..].find(|c| !part(c)).unwrap_or(code.len() - location);
            paths.push(
                code[location..location + end].split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect(),
            );
        }
    }
    paths
}

/// `a::{b, c::{d}}` as `a::b` and `a::c::d`.
fn expand(prefix: Vec<String>, text: &str, paths: &mut Vec<Vec<String>>) {
    let text = text.trim();
    let parts = |text: &str| {
        text.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let Some((head, rest)) = text.split_once('{') else {
        let name = text.split(" as ").next().unwrap_or(text);
        paths.push([prefix, parts(name)].concat());
        return;
    };
    let base = [prefix, parts(head)].concat();
    let (mut depth, mut begun) = (0, 0);
    let inner = rest.trim_end().strip_suffix('}').unwrap_or(rest);
    for (location, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(base.clone(), &inner[begun..location], paths);
                begun = location + 1;
            }
            _ => {}
        }
    }
    if !inner[begun..].trim().is_empty() {
        expand(base, &inner[begun..], paths);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(folder: &[&str], sources: &[(&str, &str)]) -> Vec<Vec<String>> {
        let module = |(path, source): &(&str, &str)| Module {
            path: path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect(),
            source: (*source).to_owned(),
        };
        let folder: Vec<String> = folder.iter().map(|&part| part.to_owned()).collect();
        Graph::of(&sources.iter().map(module).collect::<Vec<_>>(), &folder).circles()
    }

    #[test]
    fn a_circle_is_found_through_use_lines_paths_and_what_others_give_on() {
        let root = ("", "mod a;\nmod b;\npub use b::Thing;\n");
        let found = vec![vec!["a".to_owned(), "b".to_owned()]];
        assert_eq!(circles(&[], &[root, ("a", "use super::b::X;"), ("b", "fn f() { crate::a::g() }")]), found);
        assert_eq!(
            circles(
                &[],
                &[root, ("a", "use crate::{Thing, Other};"), ("b::c", "use super::super::a::{g, h};"), ("b", "")]
            ),
            found
        );
        assert_eq!(
            circles(&[], &[root, ("a", "use super::b::X;"), ("b", "use std::a::b;\n// crate::a::g\n")]),
            Vec::<Vec<String>>::new()
        );
    }

    #[test]
    fn a_circle_below_the_first_level_is_found_in_its_folder_only() {
        let sources = [
            ("", "mod a;"),
            ("a", "mod b;\nmod c;\npub use c::Thing;"),
            ("a::b", "use crate::a::Thing;"),
            ("a::c", "use super::b::X;"),
        ];
        assert_eq!(circles(&["a"], &sources), [["b".to_owned(), "c".to_owned()]]);
        assert_eq!(circles(&[], &sources), Vec::<Vec<String>>::new());
    }
}
