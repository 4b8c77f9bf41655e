//! The source of a package, and spec files in it.

use modsmith_plugin::packaging::{Contents, Files};
use modsmith_plugin::prelude::*;
use modsmith_plugin::system::EntryKind;

/// Deepest directory: links can go in circles.
const DEEPEST: usize = 40;

/// A spec file, as its author wrote it.
pub struct Spec {
    /// The name of the file.
    pub name: String,
    pub text: String,
}

/// Whether the name of `--spec` is one that can be looked for in the source.
pub fn check_spec_name(name: &str) -> Result<()> {
    match name.is_empty() || name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        true => Err(refuse(5, format!("`{name}` is no name of a spec file in the source."))
            .hint("--spec takes the name of a file in the package's source, such as demo.spec.")),
        false => Ok(()),
    }
}

/// The spec of `--spec`, which has to be there, or the first of several that is.
///
/// # Errors
/// A refusal (5), as dkms has it for templates that are missing.
pub fn spec(options: &[Property], candidates: &[Path]) -> Result<Option<Spec>> {
    let named = given(options, "spec").map(Path::source);
    for path in named.as_ref().map_or(candidates, std::slice::from_ref) {
        if let Some(text) = path.read_text()? {
            return Ok(Some(Spec { name: path.file_name().to_owned(), text }));
        }
    }
    match named {
        Some(named) => Err(refuse(5, format!("The spec file {} is not in the package's source.", named.relative))
            .hint("Put it there, or leave --spec out.")),
        None => Ok(None),
    }
}

impl Spec {
    /// The files at the top of the source that the spec names as its sources or
    /// patches.
    pub fn named_sources(&self) -> Result<Files> {
        let mut files = Files::new();
        for line in self.text.lines() {
            let Some((tag, value)) = line.split_once(':') else { continue };
            let tag = tag.trim().trim_end_matches(|c: char| c.is_ascii_digit()).to_ascii_lowercase();
            let name = value.trim();
            let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '%']);
            if !matches!(tag.as_str(), "source" | "patch") || !plain {
                continue;
            }
            let path = Path::source(name);
            if path.kind()? == Some(EntryKind::File) {
                files.read(&path, name)?;
            }
        }
        Ok(files)
    }
}

/// The source with what its links lead to in their place. A link to nothing is
/// left out.
pub fn resolved() -> Result<Files<Contents>> {
    let mut files = Files::default();
    resolve(&Path::source(""), "", 0, &mut files)?;
    Ok(files)
}

fn resolve(from: &Path, to: &str, depth: usize, files: &mut Files<Contents>) -> Result<()> {
    for entry in from.entries()? {
        let path = from.join(&entry.name);
        let below = if to.is_empty() { entry.name.clone() } else { format!("{to}/{}", entry.name) };
        match entry.kind {
            EntryKind::Directory if depth < DEEPEST => {
                files.directory(below.clone());
                resolve(&path, &below, depth + 1, files)?;
            }
            EntryKind::Symlink => follow(&path, &below, depth, files)?,
            _ => files.read(&path, &below)?,
        }
    }
    Ok(())
}

fn follow(link: &Path, to: &str, depth: usize, files: &mut Files<Contents>) -> Result<()> {
    if depth < DEEPEST && !link.entries().unwrap_or_default().is_empty() {
        files.directory(to);
        return resolve(link, to, depth + 1, files);
    }
    match link.open() {
        Ok(Some(opened)) => {
            let executable = link.mode()?.unwrap_or(0) & 0o111 != 0;
            let contents = Contents::At { file: link.clone(), size: opened.size() };
            files.add(to, contents, if executable { 0o755 } else { 0o644 });
            Ok(())
        }
        // To nothing, to itself, or to a place that may not be read.
        _ => {
            warn!("the link {link} leads to no file: it is left out");
            Ok(())
        }
    }
}
