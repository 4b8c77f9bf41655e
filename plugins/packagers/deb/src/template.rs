//! The `debian` directory of a package: the user's own, or ours.

use modsmith_plugin::packaging::{Entry, Files};
use modsmith_plugin::prelude::*;
use modsmith_plugin::system::EntryKind;

use crate::names::Names;

/// Ours, for packages of source. The file `install` is made for each package.
const SOURCE: [(&str, &str); 6] = [
    ("debian/control", include_str!("../template/mkdeb/control")),
    ("debian/changelog", include_str!("../template/mkdeb/changelog")),
    ("debian/copyright", include_str!("../template/mkdeb/copyright")),
    ("debian/postinst", include_str!("../template/mkdeb/postinst")),
    ("debian/prerm", include_str!("../template/mkdeb/prerm")),
    ("debian/rules", include_str!("../template/mkdeb/rules")),
];

/// Ours, for packages of built modules.
const MODULES: [(&str, &str); 5] = [
    ("debian/control", include_str!("../template/mkbmdeb/control")),
    ("debian/changelog", include_str!("../template/mkbmdeb/changelog")),
    ("debian/copyright", include_str!("../template/mkbmdeb/copyright")),
    ("debian/postinst", include_str!("../template/mkbmdeb/postinst")),
    ("debian/postrm", include_str!("../template/mkbmdeb/postrm")),
];

/// Without these there is no package.
const INDISPENSABLE: [&str; 2] = ["debian/changelog", "debian/copyright"];

/// A directory with `debian/control`, its tokens replaced.
#[derive(Debug)]
pub struct Template {
    pub files: Files,
    /// Where the user's own one is; `None` for ours.
    pub place: Option<Path>,
}

impl Template {
    /// The template for an action: in the source, in `/etc/dkms`, or ours. Files that every package
    /// needs, and that the user's template lacks, are taken from ours.
    ///
    /// # Errors
    /// A refusal with 5 for a directory without `debian/control`.
    pub fn find(action: &str, names: &Names) -> Result<Self> {
        let places = [
            Path::source(format!("{}-dkms-{action}", names.module)),
            Path::etc(format!("dkms/template-dkms-{action}")),
        ];
        let own = Self::own(action, names);
        let Some(place) = Path::first_existing(places)? else { return Ok(own) };
        let mut files = Files::new();
        read(&place, "", &mut files)?;
        if files.get("debian/control").is_none() {
            return Err(refuse(5, format!("The template {} has no debian/control.", named(&place)))
                .hint("Complete it, or remove it for the template that is built in."));
        }
        let mut files = filled(files, |name| names.tokens(name));
        for path in INDISPENSABLE {
            if let (None, Some(entry)) = (files.get(path), own.files.get(path)) {
                files.insert(path.into(), entry.clone());
            }
        }
        Ok(Self { files, place: Some(place) })
    }

    /// Ours.
    pub fn own(action: &str, names: &Names) -> Self {
        let texts: &[(&str, &str)] = if action == "mkbmdeb" { &MODULES } else { &SOURCE };
        let mut files = Files::new();
        for (path, text) in texts {
            files.add(*path, *text, if *path == "debian/rules" { 0o755 } else { 0o644 });
        }
        Self { files: filled(files, |name| names.own_tokens(name)), place: None }
    }

    /// How messages name it.
    pub fn name(&self) -> String {
        self.place.as_ref().map_or_else(|| "that is built in".into(), named)
    }

    /// The text of a file, if it is there.
    pub fn text(&self, path: &str) -> Option<String> {
        match self.files.get(path) {
            Some(Entry::File { contents, .. }) => Some(String::from_utf8_lossy(contents).into_owned()),
            _ => None,
        }
    }

    /// One of debhelper's files, with its path: that of the package, or the one
    /// that has no package's name.
    pub fn of_package(&self, package: &str, name: &str) -> Option<(String, String)> {
        let paths = [format!("debian/{package}.{name}"), format!("debian/{name}")];
        paths.into_iter().find_map(|path| self.text(&path).map(|text| (path, text)))
    }
}

fn named(place: &Path) -> String {
    match place.root.as_str() {
        "source" => format!("{} in the package's source", place.relative),
        _ => place.absolute().unwrap_or_else(|_| place.to_string()),
    }
}

/// All files of a directory; links are followed, since what they lead to may not
/// be there when the package is built.
fn read(directory: &Path, to: &str, files: &mut Files) -> Result<()> {
    for entry in directory.entries()? {
        let path = directory.join(&entry.name);
        let name = if to.is_empty() { entry.name.clone() } else { format!("{to}/{}", entry.name) };
        if entry.kind == EntryKind::Directory {
            files.directory(name.clone());
            read(&path, &name, files)?;
        } else if let Some(contents) = path.read()? {
            let mode = if path.mode()?.unwrap_or(0) & 0o111 == 0 { 0o644 } else { 0o755 };
            files.add(name, contents, mode);
        }
    }
    Ok(())
}

/// Tokens and their texts.
pub type Tokens = Vec<(&'static str, String)>;

/// The files with their tokens replaced, in the files that are directly in `debian`; the tokens
/// depend on the file's name.
fn filled(files: Files, tokens: impl Fn(&str) -> Tokens) -> Files {
    let mut made = Files::new();
    for (path, entry) in files.iter() {
        let name = path.strip_prefix("debian/").filter(|name| !name.contains('/'));
        let entry = match (entry, name) {
            (Entry::File { contents, mode }, Some(name)) => match str::from_utf8(contents) {
                Ok(text) => Entry::File { contents: replaced(text, &tokens(name)).into(), mode: *mode },
                Err(_) => entry.clone(),
            },
            _ => entry.clone(),
        };
        made.insert(path.to_owned(), entry);
    }
    made
}

/// One pass, so that no text that was put in is taken for a token.
pub fn replaced(text: &str, tokens: &[(&'static str, String)]) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        if let Some((token, value)) = tokens.iter().find(|(token, _)| rest.starts_with(token)) {
            made.push_str(value);
            rest = &rest[token.len()..];
        } else {
            let mut characters = rest.chars();
            made.extend(characters.next());
            rest = characters.as_str();
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_is_no_token() {
        let tokens = [("MODULE_NAME", "MODULE_VERSION".to_owned()), ("MODULE_VERSION", "1.0".to_owned())];
        assert_eq!(replaced("xMODULE_NAME-MODULE_VERSIONä", &tokens), "xMODULE_VERSION-1.0ä");
    }

    #[test]
    fn only_files_directly_in_debian_have_tokens() {
        let mut files = Files::new();
        for path in ["debian/control", "debian/patches/x", "Makefile"] {
            files.add(path, "MODULE_NAME", 0o644);
        }
        let filled = filled(files, |_| vec![("MODULE_NAME", "demo".to_owned())]);
        let text = |path: &str| match filled.get(path) {
            Some(Entry::File { contents, .. }) => String::from_utf8(contents.clone()).unwrap(),
            _ => String::new(),
        };
        assert_eq!((text("debian/control"), text("Makefile")), ("demo".into(), "MODULE_NAME".into()));
        assert_eq!(text("debian/patches/x"), "MODULE_NAME");
    }
}
