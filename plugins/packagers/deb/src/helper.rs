//! The files of a template, put into a package as debhelper puts them.

use modsmith_plugin::packaging::{Contents, Entry, Files};
use modsmith_plugin::prelude::*;

use crate::binary::Kind;
use crate::names::Names;
use crate::template::Template;

const SCRIPTS: [&str; 4] = ["preinst", "postinst", "prerm", "postrm"];

/// The places of debhelper's files in a package. `#` stands for the package's name.
const PLACES: [(&str, &str); 4] = [
    ("udev", "lib/udev/rules.d/60-#.rules"),
    ("modprobe", "etc/modprobe.d/#.conf"),
    ("README.Debian", "usr/share/doc/#/README.Debian"),
    ("NEWS", "usr/share/doc/#/NEWS.Debian"),
];

/// Files without effect on a binary package, and those that are read elsewhere.
const SILENT: [&str; 10] = [
    "control",
    "changelog",
    "copyright",
    "rules",
    "compat",
    "watch",
    "gbp.conf",
    "README.source",
    "files",
    "salsa-ci.yml",
];

/// What dh_installmodules has maintainer scripts do.
const INDEX: &str = "if [ -e /lib/modules/KERNEL_VERSION/modules.dep ] || [ \"$1\" = configure ]; then\n    \
                     depmod KERNEL_VERSION || true\nfi\n";

/// What dh_dkms has maintainer scripts do.
const POSTINST: &str = include_str!("../template/mkdeb/postinst");
const PRERM: &str = include_str!("../template/mkdeb/prerm");

/// What became of debhelper's files.
pub struct Placed {
    /// Files for the control member.
    pub members: Files,
    pub notes: Vec<String>,
}

/// Puts debhelper's files into the package: scripts and triggers into the control member,
/// others into `data`.
pub fn place(
    kind: Kind,
    template: &Template,
    package: &str,
    names: &Names,
    beside: &Files<Contents>,
    data: &mut Files<Contents>,
) -> Result<Placed> {
    let mut placing = Placing { template, package, used: Vec::new(), left: Vec::new() };
    let members = placing.control_members(kind, names);
    placing.single_files(data);
    placing.lists_of_files(beside, data);
    placing.directories(data);
    Ok(Placed { members, notes: placing.notes() })
}

/// The work on the files of one package.
struct Placing<'a> {
    template: &'a Template,
    package: &'a str,
    /// Paths of the template's files that have been put into the package.
    used: Vec<String>,
    /// Parts of the template that have no effect.
    left: Vec<String>,
}

impl Placing<'_> {
    /// The text of the package's file of a name, which is used.
    fn take(&mut self, name: &str) -> Option<(String, String)> {
        let (path, text) = self.template.of_package(self.package, name)?;
        self.used.push(path.clone());
        Some((path, text))
    }

    /// The maintainer scripts and triggers.
    fn control_members(&mut self, kind: Kind, names: &Names) -> Files {
        let mut members = Files::new();
        for script in SCRIPTS {
            let inserted = inserted(kind, self.template, script, names);
            let text = match self.take(script) {
                Some((_, text)) => text,
                None if inserted.is_empty() => continue,
                None => "#!/bin/sh\nset -e\n\n#DEBHELPER#\n".into(),
            };
            let text = text.replace("#DEBHELPER#", &inserted);
            members.add(script, format!("{}\n", text.trim_end()), 0o755);
        }
        if let Some((_, text)) = self.take("triggers") {
            members.add("triggers", text, 0o644);
        }
        members
    }

    /// Files of which each becomes one file of the package.
    fn single_files(&mut self, data: &mut Files<Contents>) {
        for (name, place) in PLACES {
            if let Some((_, text)) = self.take(name) {
                data.add(place.replace('#', self.package), text, 0o644);
            }
        }
    }

    /// The files that the lists of dh_install and dh_installdocs name.
    fn lists_of_files(&mut self, beside: &Files<Contents>, data: &mut Files<Contents>) {
        for (name, by_default) in [("install", None), ("docs", Some(format!("usr/share/doc/{}", self.package)))] {
            let Some((path, text)) = self.take(name) else { continue };
            for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
                match install(line, by_default.as_deref(), self.template, beside, data) {
                    Some(installed) => self.used.extend(installed),
                    None => self.left.push(format!("`{line}` in {path}")),
                }
            }
        }
    }

    /// The directories that the list of dh_installdirs names.
    fn directories(&mut self, data: &mut Files<Contents>) {
        if let Some((_, text)) = self.take("dirs") {
            text.split_whitespace().for_each(|directory| data.directory(directory.trim_matches('/')));
        }
    }

    /// Sentences about the parts of the template that have no effect.
    fn notes(self) -> Vec<String> {
        let Self { template, used, mut left, .. } = self;
        left.extend(unknown(template, &used));
        let command = template.text("debian/rules").and_then(|rules| uncommon(&rules));
        left.extend(command.map(|line| format!("`{line}` in debian/rules")));
        if template.place.is_none() || left.is_empty() {
            return Vec::new();
        }
        vec![format!(
            "Without running the template's rules, this has no effect: {}. For a package that has it, \
             use `dkms mkdsc`, and `dpkg-buildpackage -b` in the source package",
            left.join(", ")
        )]
    }
}

/// What debhelper would put into a script, for `#DEBHELPER#`.
fn inserted(kind: Kind, template: &Template, script: &str, names: &Names) -> String {
    let text = match (kind, script) {
        (Kind::Modules, "postinst" | "postrm") => INDEX,
        (Kind::Source, "postinst") if has_no_scripts(template) => body(POSTINST),
        (Kind::Source, "prerm") if has_no_scripts(template) => body(PRERM),
        _ => "",
    };
    crate::template::replaced(text, &names.own_tokens(script)).trim_end().to_owned()
}

/// A template that leaves to dh_dkms what dkms has to do.
fn has_no_scripts(template: &Template) -> bool {
    let calls = |(path, entry): (&str, &Entry)| {
        let text = if let Entry::File { contents, .. } = entry { contents.as_slice() } else { &[] };
        SCRIPTS.iter().any(|script| path.ends_with(script)) && String::from_utf8_lossy(text).contains("dkms")
    };
    !template.files.iter().any(calls)
}

/// A script without its beginning and its end.
fn body(script: &str) -> &str {
    let script = script.split_once("set -e\n").map_or(script, |(_, body)| body);
    script.trim_end().trim_end_matches("#DEBHELPER#").trim()
}

/// A line of dh_install: files or directories, and where they go. Gives the
/// template's files among them; `None` for a line that names what is not there,
/// such as a pattern.
fn install(
    line: &str,
    by_default: Option<&str>,
    template: &Template,
    beside: &Files<Contents>,
    data: &mut Files<Contents>,
) -> Option<Vec<String>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (sources, place) = match (by_default, words.as_slice()) {
        (Some(place), all) => (all, place),
        (None, [sources @ .., place]) if !sources.is_empty() => (sources, *place),
        // To where it is.
        (None, [source]) => (std::slice::from_ref(source), source.rsplit_once('/').map_or("", |(place, _)| place)),
        (None, _) => return None,
    };
    let place = place.trim_matches('/');
    let mut installed = Vec::new();
    for source in sources.iter().map(|source| source.trim_end_matches('/')) {
        let name = source.rsplit('/').next().unwrap_or(source);
        let to = if place.is_empty() { name.to_owned() } else { format!("{place}/{name}") };
        let before = installed.len();
        let own = template.files.iter().map(|(path, entry)| (path, entry.clone().into()));
        let others = beside.iter().map(|(path, entry)| (path, entry.clone()));
        for (path, entry) in own.chain(others) {
            let below = path.strip_prefix(source).filter(|rest| rest.is_empty() || rest.starts_with('/'));
            if let Some(below) = below {
                data.insert(format!("{to}{below}"), entry);
                installed.push(path.to_owned());
            }
        }
        if installed.len() == before {
            return None;
        }
    }
    Some(installed)
}

/// Files in `debian` that are not known here.
fn unknown(template: &Template, used: &[String]) -> Vec<String> {
    let known = |path: &str, name: &str| {
        used.iter().any(|used| used == path)
            || SILENT.contains(&name)
            || name.ends_with(".dkms")
            || name == "dkms"
            || name.starts_with('.')
            || ["source/", "upstream/", "tests/"].iter().any(|directory| name.starts_with(directory))
    };
    let files = template.files.iter().filter(|(_, entry)| matches!(entry, Entry::File { .. }));
    files
        .filter(|(path, _)| path.strip_prefix("debian/").is_some_and(|name| !known(path, name)))
        .map(|(path, _)| path.to_owned())
        .collect()
}

/// The first command of rules that does more than debhelper, make and stamps do.
fn uncommon(rules: &str) -> Option<String> {
    let usual = ["dh", "make", "$(MAKE)", "touch", "rm", "[", "test", "true", ":"];
    let mut continued = false;
    for line in rules.lines() {
        let begins = line.starts_with('\t') && !continued;
        continued = line.trim_end().ends_with('\\');
        let command = line.trim().trim_start_matches(['@', '-', '+']).trim();
        let word = command.split_whitespace().next().unwrap_or_default();
        if begins && !word.is_empty() && !word.starts_with('#') && !word.starts_with("dh_") && !usual.contains(&word) {
            return Some(command.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(files: &[(&str, &str)]) -> Template {
        let mut all = Files::new();
        for (path, text) in files {
            all.add(*path, *text, 0o644);
        }
        Template { files: all, place: None }
    }

    #[test]
    fn commands_of_debhelper_and_make_are_usual() {
        let rules =
            "#!/usr/bin/make -f\n%:\n\tdh $@ --with dkms\nbuild:\n\t# x\n\t-$(MAKE) all \\\n\t  more\n\ttouch x\n";
        assert_eq!(uncommon(rules), None);
        assert_eq!(uncommon("install:\n\tdh_prep\n\t@cp a b\n").as_deref(), Some("cp a b"));
    }

    #[test]
    fn files_of_debhelper_that_are_not_known_are_named() {
        let template = template(&[
            ("debian/control", ""),
            ("debian/x.dkms", ""),
            ("debian/links", ""),
            ("debian/source/format", ""),
            ("debian/install", ""),
            ("Makefile", ""),
        ]);
        assert_eq!(unknown(&template, &["debian/install".into()]), ["debian/links"]);
    }

    #[test]
    fn install_takes_files_and_directories() {
        let mut beside = Files::default();
        beside.add("demo-1.0/src/a.c", "", 0o644);
        beside.add("tool", "", 0o755);
        let template = template(&[("debian/x.rules", "")]);
        let mut data = Files::default();
        for (line, found) in [
            ("demo-1.0/src tool /usr/lib/demo/", true),
            ("debian/x.rules lib/udev/rules.d", true),
            ("tool", true),
            ("*.c usr", false),
        ] {
            assert_eq!(install(line, None, &template, &beside, &mut data).is_some(), found, "{line}");
        }
        assert!(install("tool", Some("usr/share/doc/x"), &template, &beside, &mut data).is_some());
        let files: Vec<&str> =
            data.iter().filter(|(_, e)| matches!(e, Entry::File { .. })).map(|(path, _)| path).collect();
        let expected =
            ["lib/udev/rules.d/x.rules", "tool", "usr/lib/demo/src/a.c", "usr/lib/demo/tool", "usr/share/doc/x/tool"];
        assert_eq!(files, expected);
    }

    #[test]
    fn a_script_of_ours_has_a_body_that_can_be_inserted() {
        assert!(body(PRERM).starts_with("case") && body(PRERM).ends_with("esac"), "{}", body(PRERM));
    }
}
