//! The tables of a repository, as createrepo makes them.

use modsmith_plugin::packaging::{Files, gzip};
use sha2::{Digest, Sha256};

use crate::file::RpmFile;
use crate::package::hex;
use crate::tags;

/// Bits of a dependency that say it counts before the package is installed.
const BEFORE: u32 = tags::BEFORE | tags::SCRIPT_PRE | tags::SCRIPT_POST;

/// The kinds of dependencies: the name in XML, and their fields.
const KINDS: [(&str, [u32; 3]); 8] = [
    ("provides", [tags::PROVIDE_NAME, tags::PROVIDE_FLAGS, tags::PROVIDE_VERSION]),
    ("requires", [tags::REQUIRE_NAME, tags::REQUIRE_FLAGS, tags::REQUIRE_VERSION]),
    ("conflicts", [tags::CONFLICT_NAME, tags::CONFLICT_FLAGS, tags::CONFLICT_VERSION]),
    ("obsoletes", [tags::OBSOLETE_NAME, tags::OBSOLETE_FLAGS, tags::OBSOLETE_VERSION]),
    ("suggests", [tags::SUGGEST_NAME, tags::SUGGEST_FLAGS, tags::SUGGEST_VERSION]),
    ("enhances", [tags::ENHANCE_NAME, tags::ENHANCE_FLAGS, tags::ENHANCE_VERSION]),
    ("recommends", [tags::RECOMMEND_NAME, tags::RECOMMEND_FLAGS, tags::RECOMMEND_VERSION]),
    ("supplements", [tags::SUPPLEMENT_NAME, tags::SUPPLEMENT_FLAGS, tags::SUPPLEMENT_VERSION]),
];

/// The files of a directory `repodata` beside the packages, which are found by
/// their names.
pub fn repodata(packages: &[RpmFile], date: u32) -> Files {
    let mut files = Files::new();
    let mut tables = String::new();
    for (name, text) in [
        ("filelists", list(packages, "filelists", "filelists", file_list)),
        ("other", list(packages, "otherdata", "other", changes)),
        ("primary", primary(packages, date)),
    ] {
        let packed = gzip(text.as_bytes());
        tables += &format!(
            "  <data type=\"{name}\">\n    <checksum type=\"sha256\">{}</checksum>\n    \
             <open-checksum type=\"sha256\">{}</open-checksum>\n    <location href=\"repodata/{name}.xml.gz\"/>\n    \
             <timestamp>{date}</timestamp>\n    <size>{}</size>\n    <open-size>{}</open-size>\n  </data>\n",
            hex(&Sha256::digest(&packed)),
            hex(&Sha256::digest(&text)),
            packed.len(),
            text.len()
        );
        files.add(format!("{name}.xml.gz"), packed, 0o644);
    }
    let repomd = format!(
        "{PROLOGUE}<repomd xmlns=\"http://linux.duke.edu/metadata/repo\" \
         xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\">\n  <revision>{date}</revision>\n{tables}</repomd>\n"
    );
    files.add("repomd.xml", repomd, 0o644);
    files
}

const PROLOGUE: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// A table that only says a little of each package.
fn list(packages: &[RpmFile], element: &str, space: &str, body: fn(&RpmFile) -> String) -> String {
    let mut text = format!(
        "{PROLOGUE}<{element} xmlns=\"http://linux.duke.edu/metadata/{space}\" packages=\"{}\">\n",
        packages.len()
    );
    for package in packages {
        let header = &package.header;
        text += &format!(
            "<package pkgid=\"{}\" name=\"{}\" arch=\"{}\">\n  {}\n{}</package>\n",
            package.digest(),
            escape(header.first_text(tags::NAME)),
            escape(header.first_text(tags::ARCH)),
            version(package),
            body(package)
        );
    }
    text + &format!("</{element}>\n")
}

fn file_list(package: &RpmFile) -> String {
    let files = package.files();
    files.iter().map(|file| file_element(&file.path, file.kind, "  ")).collect()
}

/// The changelog of a package.
const CHANGES: usize = 10;

/// The newest changes, the oldest of them first.
fn changes(package: &RpmFile) -> String {
    let header = &package.header;
    let (authors, texts) = (header.texts(tags::CHANGE_AUTHOR), header.texts(tags::CHANGE_TEXT));
    let all = header.numbers(tags::CHANGE_TIME).into_iter().zip(authors.into_iter().zip(texts)).take(CHANGES);
    let element = |(time, (author, text)): (u32, (&str, &str))| {
        format!("  <changelog author=\"{}\" date=\"{time}\">{}</changelog>\n", escape(author), escape(text))
    };
    all.map(element).collect::<Vec<_>>().into_iter().rev().collect()
}

fn file_element(path: &str, kind: Option<&str>, indent: &str) -> String {
    let kind = kind.map(|kind| format!(" type=\"{kind}\"")).unwrap_or_default();
    format!("{indent}<file{kind}>{}</file>\n", escape(path))
}

fn version(package: &RpmFile) -> String {
    let header = &package.header;
    let epoch = header.numbers(tags::EPOCH).first().copied().unwrap_or_default();
    let (ver, rel) = (escape(header.first_text(tags::VERSION)), escape(header.first_text(tags::RELEASE)));
    format!("<version epoch=\"{epoch}\" ver=\"{ver}\" rel=\"{rel}\"/>")
}

fn primary(packages: &[RpmFile], date: u32) -> String {
    let mut text = format!(
        "{PROLOGUE}<metadata xmlns=\"http://linux.duke.edu/metadata/common\" \
         xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"{}\">\n",
        packages.len()
    );
    for package in packages {
        text += &described(package, date);
    }
    text + "</metadata>\n"
}

fn described(package: &RpmFile, date: u32) -> String {
    let header = &package.header;
    let field = |tag| escape(header.first_text(tag));
    let number = |tag| header.numbers(tag).first().copied().unwrap_or_default();
    let mut text = format!(
        "<package type=\"rpm\">\n  <name>{}</name>\n  <arch>{}</arch>\n  {}\n  \
         <checksum type=\"sha256\" pkgid=\"YES\">{}</checksum>\n  <summary>{}</summary>\n  \
         <description>{}</description>\n  <packager>{}</packager>\n  <url>{}</url>\n  \
         <time file=\"{date}\" build=\"{}\"/>\n  <size package=\"{}\" installed=\"{}\" archive=\"{}\"/>\n  \
         <location href=\"{}\"/>\n  <format>\n    <rpm:license>{}</rpm:license>\n    <rpm:vendor>{}</rpm:vendor>\n    \
         <rpm:group>{}</rpm:group>\n    <rpm:buildhost>{}</rpm:buildhost>\n    <rpm:sourcerpm>{}</rpm:sourcerpm>\n    \
         <rpm:header-range start=\"{}\" end=\"{}\"/>\n",
        field(tags::NAME),
        field(tags::ARCH),
        version(package),
        package.digest(),
        field(tags::SUMMARY),
        field(tags::DESCRIPTION),
        field(tags::PACKAGER),
        field(tags::URL),
        number(tags::BUILD_TIME),
        package.bytes.len(),
        number(tags::SIZE),
        package.unpacked,
        escape(&package.name),
        field(tags::LICENSE),
        field(tags::VENDOR),
        field(tags::GROUP),
        field(tags::BUILD_HOST),
        field(tags::SOURCE_RPM),
        package.range.0,
        package.range.1,
    );
    for (kind, fields) in KINDS {
        text += &dependencies(package, kind, fields);
    }
    // Other tools ask for these without the whole list.
    let known = |path: &str| path.starts_with("/etc/") || path.contains("bin/") || path == "/usr/lib/sendmail";
    for file in package.files().iter().filter(|file| known(&file.path)) {
        text += &file_element(&file.path, file.kind, "    ");
    }
    text + "  </format>\n</package>\n"
}

fn dependencies(package: &RpmFile, kind: &str, fields: [u32; 3]) -> String {
    let provides = package.dependencies(KINDS[0].1);
    let mut entries: Vec<String> = Vec::new();
    for one in package.dependencies(fields) {
        let own = kind == "requires" && provides.iter().any(|provided| provided.name == one.name);
        if own || one.flags & tags::RPMLIB != 0 {
            continue;
        }
        let compared = compared(one.flags).map(|word| format!(" flags=\"{word}\"{}", parts(&one.version)));
        let before = if kind == "requires" && one.flags & BEFORE != 0 { " pre=\"1\"" } else { "" };
        let compared = compared.unwrap_or_default();
        let entry = format!("      <rpm:entry name=\"{}\"{compared}{before}/>\n", escape(&one.name));
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    if entries.is_empty() {
        return String::new();
    }
    format!("    <rpm:{kind}>\n{}    </rpm:{kind}>\n", entries.concat())
}

/// How a dependency's version compares, if it has one.
fn compared(flags: u32) -> Option<&'static str> {
    match (flags & tags::LESS != 0, flags & tags::GREATER != 0, flags & tags::EQUAL != 0) {
        (true, false, false) => Some("LT"),
        (true, false, true) => Some("LE"),
        (false, true, false) => Some("GT"),
        (false, true, true) => Some("GE"),
        (false, false, true) => Some("EQ"),
        _ => None,
    }
}

/// `EPOCH:VERSION-RELEASE` by its parts.
fn parts(version: &str) -> String {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let (ver, rel) = rest.split_once('-').map_or((rest, None), |(ver, rel)| (ver, Some(rel)));
    let rel = rel.map(|rel| format!(" rel=\"{}\"", escape(rel))).unwrap_or_default();
    format!(" epoch=\"{}\" ver=\"{}\"{rel}", escape(epoch), escape(ver))
}

/// Text for XML, which has no control characters but white space.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use modsmith_plugin::packaging::{Entry, gunzip};

    use super::*;
    use crate::package::tests::sample;

    fn text(files: &Files, name: &str) -> String {
        let Some(Entry::File { contents, .. }) = files.get(name) else { panic!("no {name}") };
        let contents = if name.ends_with(".gz") { gunzip(contents).unwrap() } else { contents.clone() };
        String::from_utf8(contents).unwrap()
    }

    #[test]
    fn tables_tell_what_a_package_is_and_how_they_can_be_checked() {
        let package = RpmFile::read(sample().file_name(), sample().bytes()).unwrap();
        let digest = package.digest();
        let files = repodata(&[package], 7);
        let primary = text(&files, "primary.xml.gz");
        for expected in [
            "packages=\"1\"",
            "<version epoch=\"0\" ver=\"1.0\" rel=\"1.6.1.0\"/>",
            "<summary>A &lt;demo&gt;</summary>",
            "<location href=\"kmod-demo-1.0-1.6.1.0.x86_64.rpm\"/>",
            "<rpm:entry name=\"kernel-modules\" flags=\"GE\" epoch=\"0\" ver=\"6.1.0\"/>",
            "<rpm:entry name=\"/bin/sh\" pre=\"1\"/>",
            "<rpm:entry name=\"/bin/sh\"/>",
            &digest,
        ] {
            assert!(primary.contains(expected), "{expected} is not in {primary}");
        }
        assert!(!primary.contains("rpmlib("), "{primary}");
        assert!(text(&files, "filelists.xml.gz").contains("<file type=\"dir\">/lib/modules/6.1.0/extra/demo</file>"));
        let repomd = text(&files, "repomd.xml");
        assert!(repomd.contains(&hex(&Sha256::digest(&primary))), "{repomd}");
        assert_eq!(repomd.matches("<data type=").count(), 3);
    }

    #[test]
    fn versions_are_told_by_their_parts() {
        assert_eq!(parts("1:2.0-3.el9"), " epoch=\"1\" ver=\"2.0\" rel=\"3.el9\"");
        assert_eq!(parts("2.0"), " epoch=\"0\" ver=\"2.0\"");
        assert_eq!(parts("6.1-56-amd64"), " epoch=\"0\" ver=\"6.1\" rel=\"56-amd64\"");
    }

    #[test]
    fn xml_gets_no_markup_and_no_control_characters() {
        assert_eq!(escape("a<b>&\"\u{1}c\n"), "a&lt;b&gt;&amp;&quot;c\n");
    }
}
