//! A source package: the tree that is built, its description, and that of the
//! upload. dsc(5), deb-changes(5)

use std::io::Write;

use modsmith_plugin::packaging::{Content, Contents, Files, gzip_to, write_tar, xz_to};
use modsmith_plugin::prelude::*;

use crate::binary::unusable;
use crate::changelog;
use crate::control::{self, Paragraph};
use crate::names::Names;
use crate::naming;
use crate::sums::{Summed, Sums};
use crate::template::Template;

const FORMAT: &str = "debian/source/format";

/// The files, by their names. `beside` is what lies beside the `debian`
/// directory.
///
/// # Errors
/// A refusal with 5 for a template that no source package can be made of.
pub fn make(template: &Template, names: &Names, beside: &Files<Contents>) -> Result<Vec<(String, Pieces)>> {
    let text = template.text("debian/control").unwrap_or_default();
    let paragraphs = control::parse(&text).map_err(|error| unusable(template, error))?;
    let [control, packages @ ..] = paragraphs.as_slice() else {
        return Err(unusable(template, invalid("debian/control is empty")));
    };
    let entry = latest_entry(template, control)?;
    let format = format(template, &entry.version)?;
    let mut debian = template.files.clone();
    if debian.get(FORMAT).is_none() {
        debian.add(FORMAT, format!("{format}\n"), 0o644);
    }
    if template.place.is_none() {
        debian.add("debian/install", install(names, beside), 0o644);
    }
    let mut parts = parts(&format, &entry, debian, beside.clone(), names.date)?;

    let mut dsc = description(format, control, packages, &entry);
    set_sums(&mut dsc, &parts, "");
    let version = naming::in_file_name(&entry.version);
    parts.insert(0, Part::text(format!("{}_{version}.dsc", entry.source), &dsc)?);

    let mut changes = changes(control, &entry);
    let field = |name: &str| control.get(name).unwrap_or("-").to_owned();
    set_sums(&mut changes, &parts, &format!("{} {} ", field("Section"), field("Priority")));
    parts.push(Part::text(format!("{}_{version}_source.changes", entry.source), &changes)?);
    Ok(parts.into_iter().map(|part| (part.name, part.contents)).collect())
}

/// The newest entry of the changelog. It has to fit the paragraph of the source in debian/control.
fn latest_entry(template: &Template, control: &Paragraph) -> Result<changelog::Entry> {
    let text = template.text("debian/changelog").unwrap_or_default();
    let entry = changelog::first(&text).map_err(|error| unusable(template, error))?;
    if control.get("Source") != Some(&entry.source) {
        let why = "debian/control and debian/changelog name different sources";
        return Err(unusable(template, invalid(why)));
    }
    if !naming::is_version(&entry.version) || naming::package(&entry.source).is_err() {
        let why = format!("{} {} in debian/changelog is no name and version of Debian's", entry.source, entry.version);
        return Err(unusable(template, invalid(why)));
    }
    Ok(entry)
}

/// The format of the source package: that of the template, if it fits the version.
fn format(template: &Template, version: &str) -> Result<String> {
    let own = if naming::has_revision(version) { "3.0 (quilt)" } else { "3.0 (native)" };
    let format = template.text(FORMAT).map_or(own.to_owned(), |text| text.trim().to_owned());
    if format != own && !(format == "1.0" && own == "3.0 (native)") {
        let why = format!("{FORMAT} says {format}, and the version {version} is for {own}");
        return Err(unusable(template, invalid(why)));
    }
    Ok(format)
}

/// The description of the source package, without its sums. dsc(5)
fn description(format: String, control: &Paragraph, packages: &[Paragraph], entry: &changelog::Entry) -> Paragraph {
    let mut dsc = Paragraph::default();
    dsc.set("Format", format);
    dsc.set("Source", entry.source.as_str());
    let package_names: Vec<&str> = packages.iter().filter_map(|package| package.get("Package")).collect();
    dsc.set("Binary", package_names.join(", "));
    dsc.set("Architecture", architectures(packages));
    dsc.set("Version", entry.version.as_str());
    for field in [
        "Maintainer",
        "Uploaders",
        "Homepage",
        "Standards-Version",
        "Build-Depends",
        "Build-Depends-Arch",
        "Build-Depends-Indep",
        "Build-Conflicts",
    ] {
        let value = control.get(field).unwrap_or_default();
        dsc.set(field, value.lines().map(str::trim).collect::<Vec<_>>().join(" ").trim());
    }
    dsc.set("Package-List", package_list(control, packages));
    dsc
}

/// The description of the upload, without its sums. deb-changes(5)
fn changes(control: &Paragraph, entry: &changelog::Entry) -> Paragraph {
    let mut changes = Paragraph::default();
    changes.set("Format", "1.8");
    changes.set("Date", entry.date.as_str());
    changes.set("Source", entry.source.as_str());
    changes.set("Architecture", "source");
    changes.set("Version", entry.version.as_str());
    changes.set("Distribution", entry.distribution.as_str());
    changes.set("Urgency", entry.urgency.as_str());
    changes.set("Maintainer", control.get("Maintainer").unwrap_or_default());
    changes.set("Changed-By", entry.author.as_str());
    let line = |line: &String| if line.trim().is_empty() { "\n .".to_owned() } else { format!("\n {line}") };
    changes.set("Changes", entry.text.iter().map(line).collect::<String>());
    changes
}

/// The lines for dh_install that our own rules need.
fn install(names: &Names, beside: &Files<Contents>) -> String {
    let mut lines = String::new();
    if beside.get(&names.directory()).is_some() {
        lines += &format!("{} usr/src\n", names.directory());
    }
    if beside.get(&names.tarball()).is_some() {
        lines += &format!("{} usr/share/{}-dkms\n", names.tarball(), names.package);
    }
    lines
}

/// A file of the source package.
struct Part {
    name: String,
    contents: Pieces,
    sums: Sums,
}

impl Part {
    /// What a function writes.
    fn new(name: String, fill: impl FnOnce(&mut Summed<Pieces>) -> Result<()>) -> Result<Self> {
        let mut summed = Summed::new(Pieces::new());
        fill(&mut summed)?;
        let (contents, sums) = summed.finish();
        Ok(Self { name, contents, sums })
    }

    fn text(name: String, paragraph: &Paragraph) -> Result<Self> {
        Self::new(name, |to| Ok(write!(to, "{paragraph}")?))
    }

    /// A tarball, compressed as the name says.
    fn tarball(name: String, files: &Files<impl Content>, date: u64) -> Result<Self> {
        let gzip = name.ends_with(".gz");
        Self::new(name, |to| match gzip {
            true => gzip_to(to, |to| write_tar(files, "", date, to)),
            false => xz_to(to, |to| write_tar(files, "", date, to)),
        })
    }
}

/// The tarballs: one, or that of the source and that of the `debian` directory.
fn parts(
    format: &str,
    entry: &changelog::Entry,
    debian: Files,
    beside: Files<Contents>,
    date: u64,
) -> Result<Vec<Part>> {
    let version = naming::in_file_name(&entry.version);
    let mut debian = debian;
    // Others may be run, this one is.
    if let Some(modsmith_plugin::packaging::Entry::File { contents, .. }) = debian.remove("debian/rules") {
        debian.add("debian/rules", contents, 0o755);
    }
    let stem = format!("{}_{version}", entry.source);
    let Some((upstream, _)) = version.rsplit_once('-') else {
        let mut all = beside;
        all.extend(debian.into());
        let all = all.below(&format!("{}-{version}", entry.source));
        let suffix = if format == "1.0" { "gz" } else { "xz" };
        return Ok(vec![Part::tarball(format!("{stem}.tar.{suffix}"), &all, date)?]);
    };
    let mut source = beside;
    let mut packaging = Files::default();
    for (path, entry) in debian.iter() {
        let files = if path == "debian" || path.starts_with("debian/") { &mut packaging } else { &mut source };
        files.insert(path.to_owned(), entry.clone().into());
    }
    let source = source.below(&format!("{}-{upstream}", entry.source));
    Ok(vec![
        Part::tarball(format!("{}_{upstream}.orig.tar.xz", entry.source), &source, date)?,
        Part::tarball(format!("{stem}.debian.tar.xz"), &packaging, date)?,
    ])
}

/// Sums and sizes of files; `kind` is put before the names in `Files`.
fn set_sums(paragraph: &mut Paragraph, files: &[Part], kind: &str) {
    let lines = |sum: fn(&Sums) -> &str, kind: &str| -> String {
        let line = |part: &Part| format!("\n {} {} {kind}{}", sum(&part.sums), part.sums.size, part.name);
        files.iter().map(line).collect()
    };
    paragraph.set("Checksums-Sha1", lines(|sums| &sums.sha1, ""));
    paragraph.set("Checksums-Sha256", lines(|sums| &sums.sha256, ""));
    paragraph.set("Files", lines(|sums| &sums.md5, kind));
}

fn architectures(packages: &[Paragraph]) -> String {
    let mut all: Vec<&str> =
        packages.iter().flat_map(|package| package.get("Architecture").unwrap_or("any").split_whitespace()).collect();
    all.sort_unstable();
    all.dedup();
    all.join(" ")
}

fn package_list(control: &Paragraph, packages: &[Paragraph]) -> String {
    let line = |package: &Paragraph| {
        let field = |name: &str| package.get(name).or_else(|| control.get(name)).unwrap_or("-");
        let arch = field("Architecture").replace(' ', ",");
        format!("\n {} deb {} {} arch={arch}", field("Package"), field("Section"), field("Priority"))
    };
    packages.iter().map(line).collect()
}
