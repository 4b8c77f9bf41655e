//! Facts that no system has, and files that are damaged: a plugin may refuse
//! them, and must not crash on them.

use std::path::{Path, PathBuf};

use super::Findings;
use crate::error::{Error, Result};
use crate::folder::Folder;
use crate::testing::ask::ask;
use crate::testing::call::Call;
use crate::testing::case::Case;
use crate::testing::facts::Facts;
use crate::testing::subject::Subject;
use crate::testing::target::Target;
use modsmith_core::conf::directives;
use modsmith_plugins::manifest::Role;
use modsmith_plugins::settings::SettingKind;

/// A kernel's release, where another fact is the absurd one.
const RELEASE: &str = "6.1.0-test";

/// Texts that no name, number or path should be.
fn texts() -> Vec<String> {
    let long = "9".repeat(5000);
    let plain = [
        "",
        "-",
        ".",
        "..",
        "+",
        "a b\n",
        "../../etc/shadow",
        "6.1\u{0}",
        "é-ß.ü",
        "99999999999999999999",
        "%s{x}$(y)",
    ];
    plain.into_iter().map(str::to_owned).chain([long]).collect()
}

/// Fields of os-release that decisions are made by. Source: os-release(5).
const FIELDS: [&str; 7] = ["ID_LIKE", "VERSION", "VERSION_ID", "VERSION_CODENAME", "VARIANT_ID", "PLATFORM_ID", "NAME"];

/// Asks all calls about systems with absurd facts, and each case about its
/// system with damaged files.
///
/// # Errors
/// When a system cannot be laid out.
pub fn absurd_facts(subject: &Subject, cases: &[Case], findings: &mut Findings) -> Result<()> {
    for (name, facts) in absurdities(subject) {
        let target = Target::lay_out(&facts, None, &subject.id)?;
        let plugins = subject.open(&target);
        for call in subject.calls() {
            let answer = ask(&facts, call, &target, &plugins, &subject.id)?;
            findings.unharmed(&answer, || format!("{name}, call `{}`", call.name()));
        }
    }
    for case in cases {
        damaged_files(subject, case, findings)?;
    }
    Ok(())
}

/// Makes one thing about facts a text.
type Twist = fn(&mut Facts, &str);

/// Twists for every role.
const TWISTS: [(&str, Twist); 5] = [
    ("kernel release", |facts, text| facts.kernel.release = text.into()),
    ("machine", |facts, text| {
        facts.kernel.machine = text.into();
        facts.machine = Some(text.into());
    }),
    ("os-release fields", |facts, text| facts.os.extend(FIELDS.map(|field| (field.to_owned(), text.to_owned())))),
    ("kernel configuration", |facts, text| facts.kernel.config.values_mut().for_each(|value| *value = text.into())),
    ("requested directory", |facts, text| facts.requested = Some(text.into())),
];

/// For roles whose calls concern a package.
const PACKAGE: (&str, Twist) = ("package, modules and directives", |facts, text| {
    let slots = || vec![text.to_owned(), String::new(), text.to_owned()];
    facts.package.name = text.into();
    facts.package.version = text.into();
    facts.package.modules = vec![text.into(), String::new()];
    facts.package.directives = directives::kept().into_iter().map(|name| (name.to_owned(), slots())).collect();
});

const WITH_PACKAGES: [Role; 3] = [Role::ModprobeConfig, Role::WeakModules, Role::Packager];

/// Facts with one thing about them that is absurd, and what that is.
fn absurdities(subject: &Subject) -> Vec<(String, Facts)> {
    let with_packages = WITH_PACKAGES.into_iter().any(|role| subject.manifest.provides(role));
    let mut out = Vec::new();
    for text in texts() {
        for (what, twist) in TWISTS.into_iter().chain(with_packages.then_some(PACKAGE)) {
            let mut facts = plausible(subject);
            twist(&mut facts, &text);
            out.push((format!("{what} {:?}", shortened(&text)), facts));
        }
        for (key, setting) in &subject.manifest.settings {
            let value = match setting.kind {
                SettingKind::String => toml::Value::from(text.as_str()),
                SettingKind::List => toml::Value::from(vec![text.as_str(), "", text.as_str()]),
                // These kinds of settings have few values, below.
                SettingKind::Bool | SettingKind::Integer => continue,
            };
            out.push(with_setting(subject, key, value));
        }
    }
    for (key, setting) in &subject.manifest.settings {
        let values: Vec<toml::Value> = match setting.kind {
            SettingKind::Bool => vec![true.into(), false.into()],
            SettingKind::Integer => [0, -1, i64::MIN, i64::MAX].map(toml::Value::from).into(),
            SettingKind::String | SettingKind::List => continue,
        };
        out.extend(values.into_iter().map(|value| with_setting(subject, key, value)));
    }
    out
}

fn with_setting(subject: &Subject, key: &str, value: toml::Value) -> (String, Facts) {
    let name = format!("setting {key} = {}", shortened(&value.to_string()));
    let mut facts = plausible(subject);
    facts.settings.insert(key.to_owned(), value);
    (name, facts)
}

/// A system that the plugin takes for its own as far as the manifest says: of
/// its distribution, with its programs.
fn plausible(subject: &Subject) -> Facts {
    let manifest = &subject.manifest;
    let mut facts = Facts::about(Call::Refresh, RELEASE);
    facts.kernel.config = [("MODULE_SIG_HASH", "sha256"), ("MODULES", "y")].map(|(k, v)| (k.into(), v.into())).into();
    facts.os.extend(manifest.matches.distro.first().map(|id| ("ID".to_owned(), id.clone())));
    facts.programs = manifest.matches.programs.clone();
    facts.programs.extend(manifest.run.iter().map(|run| run.program.clone()));
    facts
}

/// The contents of damaged files.
fn damages() -> [(&'static str, Vec<u8>); 4] {
    [
        ("empty", Vec::new()),
        ("no text", vec![0xff, 0x00, 0xfe, b'\n', 0x80, b'=', b'"', 0xc3]),
        ("one long line", vec![b'a'; 1 << 20]),
        ("nothing but line ends and blanks", b"\r\n \t\n\n\r".repeat(100)),
    ]
}

/// Asks a case about its system with all files below `root` damaged: each in
/// turn would find no more, because a plugin reads the others all the same.
fn damaged_files(subject: &Subject, case: &Case, findings: &mut Findings) -> Result<()> {
    let files = files(&case.path.join("root"))?;
    if files.is_empty() {
        return Ok(());
    }
    for (what, contents) in damages() {
        let target = Target::lay_out(&case.facts, Some(&case.path), &subject.id)?;
        let root = Folder::open(&target.path("root"))?;
        for file in &files {
            root.overwrite(file, &contents).map_err(|e| Error::io("write", file, e))?;
        }
        let plugins = subject.open(&target);
        let answer = ask(&case.facts, case.facts.call, &target, &plugins, &subject.id)?;
        findings.unharmed(&answer, || format!("{} with its files damaged: {what}", case.path.display()));
    }
    Ok(())
}

/// Files below a directory that decide nothing about what the system is:
/// os-release is a fact of its own.
fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    if !root.is_dir() {
        return Ok(out);
    }
    for entry in walkdir::WalkDir::new(root) {
        let entry = entry.map_err(|e| Error::io("read", root, e.into()))?;
        if entry.file_type().is_file() && entry.file_name() != "os-release" {
            out.push(entry.path().strip_prefix(root).expect("an entry is below where the walk began").to_path_buf());
        }
    }
    Ok(out)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}
