//! A binary package of what a template says and what it brings. No program is
//! run: of debhelper's files those are honoured whose effect is known.

use modsmith_plugin::packaging::{Contents, Files, gzip};
use modsmith_plugin::prelude::*;

use crate::changelog;
use crate::container;
use crate::control::{self, Paragraph, filled_in};
use crate::helper::{self, Placed};
use crate::names::Names;
use crate::naming;
use crate::template::Template;

/// Relations in the order in which dpkg writes them.
const RELATIONS: [&str; 9] =
    ["Pre-Depends", "Depends", "Recommends", "Suggests", "Enhances", "Conflicts", "Breaks", "Replaces", "Provides"];

/// The kind of a binary package: what it needs beside its template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Its modules are built by dkms.
    Source,
    /// It has modules: the index of the kernel's modules is made again.
    Modules,
}

/// A file to be made.
pub struct Made {
    pub file: String,
    pub contents: Pieces,
    /// Sentences for the user who makes the package.
    pub notes: Vec<String>,
}

/// Makes the package. `content` gets the package's name and gives its files; `beside` is
/// what lies beside the `debian` directory.
///
/// # Errors
/// A refusal with 5 for a template that no package can be made of.
pub fn make(
    kind: Kind,
    template: &Template,
    names: &Names,
    beside: &Files<Contents>,
    content: impl FnOnce(&str) -> Files<Contents>,
) -> Result<Made> {
    let control = template.text("debian/control").unwrap_or_default();
    let paragraphs = control::parse(&control).map_err(|error| unusable(template, error))?;
    let (source, package) = match paragraphs.as_slice() {
        [source, packages @ ..] if !packages.is_empty() => (source, choose(packages)),
        _ => {
            let why = "debian/control has no paragraph of a source and one of a package";
            return Err(unusable(template, invalid(why)));
        }
    };
    let name = package.get("Package").unwrap_or_default();
    naming::package(name).map_err(|refusal| refusal.exit_code(5))?;
    let entry = changelog::first(&template.text("debian/changelog").unwrap_or_default())
        .map_err(|error| unusable(template, error))?;
    if !naming::is_version(&entry.version) {
        let why = format!("the version {} in debian/changelog is none of Debian's", entry.version);
        return Err(unusable(template, invalid(why)));
    }

    let mut data = content(name);
    let Placed { members, mut notes } = helper::place(kind, template, name, names, beside, &mut data)?;
    add_documents(template, name, &entry.version, &mut data);
    if paragraphs.len() > 2 {
        notes.push(format!("Of the packages in debian/control, only {name} is made"));
    }
    let architecture = match package.get("Architecture") {
        Some("all") => "all",
        _ => &names.architecture,
    };

    let mut made = Paragraph::default();
    made.set("Package", name);
    if entry.source != name {
        made.set("Source", entry.source.as_str());
    }
    made.set("Version", entry.version.as_str());
    made.set("Architecture", architecture);
    let inherited = |field: &str| package.get(field).or_else(|| source.get(field)).unwrap_or_default();
    made.set("Maintainer", inherited("Maintainer"));
    made.set("Installed-Size", container::installed_size(&data).to_string());
    for relation in RELATIONS {
        made.set(relation, related(kind, package, relation, &entry.version));
    }
    for field in ["Section", "Priority", "Multi-Arch", "Homepage", "Description"] {
        made.set(field, inherited(field));
    }
    Ok(Made {
        file: format!("{name}_{}_{architecture}.deb", naming::in_file_name(&entry.version)),
        contents: container::deb(&made, members, &data, names.date)?,
        notes,
    })
}

/// The packages that a relation names. A package of source depends on dkms.
fn related(kind: Kind, package: &Paragraph, relation: &str, version: &str) -> String {
    let packages = filled_in(package.get(relation).unwrap_or_default(), version);
    if relation != "Depends" || kind != Kind::Source || control::names(&packages, "dkms") {
        return packages;
    }
    let separator = if packages.is_empty() { "" } else { ", " };
    format!("{packages}{separator}dkms (>= 2.1)")
}

/// The package for dkms among several.
fn choose(packages: &[Paragraph]) -> &Paragraph {
    let for_dkms = |package: &&Paragraph| package.get("Package").is_some_and(|name| name.ends_with("-dkms"));
    packages.iter().find(for_dkms).unwrap_or(&packages[0])
}

/// Adds the files that policy wants in the directory of documents.
fn add_documents(template: &Template, package: &str, version: &str, data: &mut Files<Contents>) {
    let documents = format!("usr/share/doc/{package}");
    let changelog = if naming::has_revision(version) { "changelog.Debian.gz" } else { "changelog.gz" };
    let text = |path: &str| template.text(path).unwrap_or_default();
    data.add(format!("{documents}/{changelog}"), gzip(text("debian/changelog").as_bytes()), 0o644);
    data.add(format!("{documents}/copyright"), text("debian/copyright"), 0o644);
}

/// The refusal of a template that no package can be made of.
pub fn unusable(template: &Template, error: Error) -> Error {
    let why = match error {
        Error { kind: ErrorKind::Invalid, message, .. } => message,
        error => return error,
    };
    refuse(5, format!("The template {} cannot be used: {why}.", template.name())).hint("Correct it.")
}
