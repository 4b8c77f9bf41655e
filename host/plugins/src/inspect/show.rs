//! How `plugin inspect` and `plugin grant` show a plugin.

use std::fmt;

use super::Inspection;
use crate::grant::marks::{self, SIGNS};
use crate::grant::programs::{ProbeRight, RunRight};
use crate::grant::record::Standing;
use crate::grant::rights::{Right, by_settings};
use modsmith_facts::text::prose;

/// Each field is escaped: no text of a manifest makes a further line, fills a line up to the next one, or
/// hides.
impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manifest = &self.manifest;
        let title = format!("{} {}: {}", manifest.id, manifest.version, manifest.description);
        writeln!(f, "{}", prose(&title))?;
        self.origin(f)?;
        self.systems(f)?;
        self.rights(f)?;
        self.values(f)?;
        self.since_the_last_grant(f)
    }
}

/// One line of a name and its text; no line for an empty text.
fn line(f: &mut fmt::Formatter<'_>, name: &str, text: impl AsRef<str>) -> fmt::Result {
    match text.as_ref() {
        "" => Ok(()),
        text => writeln!(f, "  {name:<14}{}", prose(text)),
    }
}

impl Inspection {
    /// The lines about the plugin's files, where they come from, and whether they are used.
    fn origin(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manifest = &self.manifest;
        line(f, "file", format!("{} ({} bytes)", self.file.display(), self.size))?;
        line(f, "digest", &self.digest)?;
        if let Some(from) = &self.from {
            let changed = if from.changed { "; its file is not what was installed" } else { "" };
            line(f, "from", format!("{}{changed}", from.source))?;
            line(f, "signed by", from.signer.as_deref().unwrap_or_default())?;
        }
        if let Some((base, file)) = self.base.as_ref().zip(self.base_file.as_ref()) {
            line(f, "base", format!("{base} ({})", file.display()))?;
        }
        line(f, "license", &manifest.license)?;
        line(f, "deprecated", &manifest.deprecated)?;
        line(f, "replaces", manifest.replaces.join(", "))?;
        line(f, "granted", granted(&self.grant))?;
        line(f, "refused", self.refused.as_deref().unwrap_or_default())?;
        for other in &self.others {
            line(f, "also there", format!("{}, which is not used: {}", other.file.display(), other.message))?;
        }
        Ok(())
    }

    /// The lines about the systems that the plugin serves, and how it serves them.
    fn systems(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manifest = &self.manifest;
        line(f, "systems", if manifest.matches.no_os_release { "without os-release" } else { "" })?;
        line(f, "systems", manifest.matches.distro.join(", "))?;
        line(f, "needs", manifest.matches.programs.join(", "))?;
        line(f, "roles", names(&manifest.roles.provides))
    }

    /// The lines about the rights that the manifest asks for, and those that are denied.
    fn rights(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manifest = &self.manifest;
        line(f, "reads", names(&manifest.read.roots))?;
        line(f, "writes", names(&manifest.write.roots))?;
        line(f, "writes", by_settings(&manifest.write.settings))?;
        line(f, "links to", manifest.write.link_targets.join(", "))?;
        line(f, "signs with", marked(names(&manifest.sign.keys), SIGNS))?;
        line(f, "signs with", marked(by_settings(&manifest.sign.settings), SIGNS))?;
        for run in &manifest.run {
            let mark = marks::of_program(&RunRight::from(run));
            line(f, "runs", command(&run.program, &run.arguments.to_string(), mark))?;
            line(f, "  found at", names(&run.paths))?;
            let sets = run.environment.iter().map(|name| marked(name.clone(), marks::of_variable(name)));
            line(f, "  sets", sets.collect::<Vec<_>>().join(", "))?;
            line(f, "  passed", run.pass.join(", "))?;
            line(f, "  or", if run.or_here { "this machine's, where the target has none" } else { "" })?;
        }
        for probe in &manifest.probe {
            let mark = marks::of_probe(&ProbeRight::from(probe));
            line(f, "asks", command(&probe.program, &probe.arguments.join(" "), mark))?;
        }
        self.denied.iter().try_for_each(|denied| line(f, "denied", denied))
    }

    /// The lines about the host's functions that the plugin calls, its settings, and a table's values.
    fn values(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (interface, functions) in self.imports.iter().filter(|(_, functions)| !functions.is_empty()) {
            line(f, "imports", format!("{interface}: {}", functions.join(", ")))?;
        }
        for (key, setting) in &self.manifest.settings {
            let variable = setting.environment.as_ref().map(|v| format!("  (also by ${v})")).unwrap_or_default();
            let text = format!("{key} ({}) = {}  {}{variable}", setting.kind, setting.default, setting.help);
            line(f, "setting", text.trim_end())?;
        }
        for (key, text) in &self.policy {
            line(f, "value", format!("{key} = {}", text.replace('\n', ", ")))?;
        }
        Ok(())
    }

    /// The lines about what is new since the last grant; none if there is nothing to say.
    pub fn changes(&self) -> String {
        struct Changes<'i>(&'i Inspection);
        impl fmt::Display for Changes<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.since_the_last_grant(f)
            }
        }
        Changes(self).to_string()
    }

    /// The rights that the plugin asks for now, compared with those of the last grant.
    fn since_the_last_grant(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.before.as_ref().unwrap_or(&self.grant) {
            Standing::Changed { difference: Some(difference) } if difference.is_none() => {
                writeln!(f, "Since the last grant: {}.", difference.sentence())
            }
            Standing::Changed { difference: Some(difference) } => {
                writeln!(f, "Since the last grant, new (+) and no longer asked for (-):")?;
                let signed = |sign, rights: &[Right], f: &mut fmt::Formatter<'_>| {
                    rights.iter().try_for_each(|right| {
                        let (verb, text) = right.words();
                        writeln!(f, "{sign} {verb:<14}{}{}", prose(&text), right.warning())
                    })
                };
                signed('+', &difference.added, f)?;
                signed('-', &difference.removed, f)
            }
            Standing::Changed { difference: None } => {
                writeln!(f, "What the last grant was for is not known: it recorded no rights.")
            }
            _ => Ok(()),
        }
    }
}

fn granted(standing: &Standing) -> String {
    match standing {
        Standing::Granted => "yes".to_owned(),
        Standing::NotGranted { .. } => "no".to_owned(),
        Standing::NotNeeded => "not needed".to_owned(),
        Standing::Changed { difference } => {
            let difference = difference.as_ref().map(|difference| format!(" and {}", difference.sentence()));
            format!("no, it has changed since{}", difference.unwrap_or_default())
        }
        Standing::Unreadable { reason } => format!("not known: {reason}"),
    }
}

/// A warning behind what there is.
fn marked(text: String, warning: &str) -> String {
    if text.is_empty() { text } else { text + warning }
}

/// A command with its mark.
fn command(program: &str, arguments: &str, mark: &str) -> String {
    format!("{}{mark}", format!("{program} {arguments}").trim_end())
}

fn names<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}
