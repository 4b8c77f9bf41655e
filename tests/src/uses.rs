//! Which modules of a crate use which: read from the `use` lines and paths of its source.
//!
//! Unit tests count for nothing: they may use what they like.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

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
        modules.push(Module { path, source: without_tests(&source) });
    }
    let root = fs::read_to_string(src.join("lib.rs")).expect("a library");
    modules.push(Module { path: Vec::new(), source: root });
    modules
}

fn without_tests(source: &str) -> String {
    let tests = source.match_indices("#[cfg(test)]").find(|(location, _)| {
        let line = source[*location..].lines().nth(1).unwrap_or_default();
        line.contains("mod ") && line.ends_with('{')
    });
    source[..tests.map_or(source.len(), |(location, _)| location)].to_owned()
}

/// Which modules of the first level use which others.
pub struct Graph(BTreeMap<String, BTreeSet<String>>);

impl Graph {
    pub fn of(modules: &[Module]) -> Self {
        let names: BTreeSet<&str> =
            modules.iter().filter_map(|module| module.path.first()).map(String::as_str).collect();
        let root = modules.iter().find(|module| module.path.is_empty()).map_or("", |root| root.source.as_str());
        // What the root gives on from its modules counts as the module's.
        let mut homes: BTreeMap<String, String> = BTreeMap::new();
        for path in paths_in(root) {
            let path: Vec<&str> = path.iter().map(String::as_str).filter(|part| *part != "crate").collect();
            if let [home, .., name] = path.as_slice()
                && names.contains(home)
            {
                homes.insert((*name).to_owned(), (*home).to_owned());
            }
        }
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for module in modules.iter().filter(|module| !module.path.is_empty()) {
            for path in paths_in(&module.source) {
                let Some(first) = first_part(&module.path, &path) else { continue };
                let home = if names.contains(first.as_str()) { Some(first) } else { homes.get(&first).cloned() };
                if let Some(home) = home.filter(|home| *home != module.path[0]) {
                    edges.entry(module.path[0].clone()).or_default().insert(home);
                }
            }
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

/// The first part of a path, seen from the crate's root; `None` for other crates.
fn first_part(module: &[String], path: &[String]) -> Option<String> {
    match path.first()?.as_str() {
        "crate" => path.get(1).cloned(),
        "super" => {
            let up = path.iter().take_while(|part| *part == "super").count();
            let base = module.len().checked_sub(up)?;
            module[..base].first().or_else(|| path.get(up)).cloned()
        }
        _ => None,
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

    fn circles(sources: &[(&str, &str)]) -> Vec<Vec<String>> {
        let module = |(path, source): &(&str, &str)| Module {
            path: path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect(),
            source: (*source).to_owned(),
        };
        Graph::of(&sources.iter().map(module).collect::<Vec<_>>()).circles()
    }

    #[test]
    fn a_circle_is_found_through_use_lines_paths_and_what_the_root_gives_on() {
        let root = ("", "mod a;\nmod b;\npub use b::Thing;\n");
        let found = vec![vec!["a".to_owned(), "b".to_owned()]];
        assert_eq!(circles(&[root, ("a", "use super::b::X;"), ("b", "fn f() { crate::a::g() }")]), found);
        assert_eq!(
            circles(&[root, ("a", "use crate::{Thing, Other};"), ("b::c", "use super::super::a::{g, h};")]),
            found
        );
        assert_eq!(
            circles(&[root, ("a", "use super::b::X;"), ("b", "use std::a::b;\n// crate::a::g\n")]),
            Vec::<Vec<String>>::new()
        );
    }
}
