//! Files as a tree of directories.

use std::collections::HashMap;

use modsmith_plugin::packaging::{Entry, Files};

/// A file, link or directory.
#[derive(Debug)]
pub struct Node<'f> {
    /// Empty for the root.
    pub name: &'f str,
    pub entry: &'f Entry,
    /// The directory that holds it; the root's is the root itself.
    pub parent: usize,
    /// What it holds, sorted by name.
    pub children: Vec<usize>,
}

impl Node<'_> {
    pub fn is_directory(&self) -> bool {
        matches!(self.entry, Entry::Directory)
    }
}

/// All nodes; the first is the root, and each comes after its parent.
pub fn nodes(files: &Files) -> Vec<Node<'_>> {
    let mut nodes = vec![Node { name: "", entry: &Entry::Directory, parent: 0, children: Vec::new() }];
    // Only asked for, never gone through: its order does not matter.
    let mut places = HashMap::from([("", 0)]);
    for (path, entry) in files.iter() {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        // The directories that lead to a path are among the files, before it.
        let parent = places.get(directory).copied().unwrap_or(0);
        let place = nodes.len();
        places.insert(path, place);
        nodes.push(Node { name, entry, parent, children: Vec::new() });
        nodes[parent].children.push(place);
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_directory_holds_what_is_directly_below_it() {
        let mut files = Files::new();
        files.add("a/x", "", 0o644);
        files.add("a-b", "", 0o644);
        files.add("a/c/y", "", 0o644);
        let nodes = nodes(&files);
        let children = |place: usize| nodes[place].children.iter().map(|child| nodes[*child].name).collect::<Vec<_>>();
        assert_eq!(children(0), ["a", "a-b"]);
        let a = nodes.iter().position(|node| node.name == "a").unwrap();
        assert_eq!(children(a), ["c", "x"]);
        assert_eq!(nodes[nodes[nodes.len() - 2].parent].name, "c");
    }
}
