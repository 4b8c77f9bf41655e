//! How `plugin inspect` and `plugin grant` show a plugin.

use std::fmt;

use super::Inspection;
use crate::grant::marks::{self, SIGNS};
use crate::grant::programs::{ProbeRight, RunRight};
use crate::grant::record::Standing;
use crate::grant::rights::{Right, by_settings};
use modsmith_facts::text::prose;

/// No text of the manifest makes further lines, fills a line up to the next one, or hides: each field is
/// escaped.
impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manifest = &self.manifest;
        let title = format!("{} {}: {}", manifest.id, manifest.version, manifest.description);
        writeln!(f, "{}", prose(&title))?;
        let mut line = |name: &str, text: String| {
            if text.is_empty() { Ok(()) } else { writeln!(f, "  {name:<14}{}", prose(&text)) }
        };
        line("file", format!("{} ({} bytes)", self.file.display(), self.size))?;
        line("digest", self.digest.clone())?;
        if let Some(from) = &self.from {
            let changed = if from.changed { "; its file is not what was installed" } else { "" };
            line("from", format!("{}{changed}", from.source))?;
            line("signed by", from.signer.clone().unwrap_or_default())?;
        }
        if let Some((base, file)) = self.base.as_ref().zip(self.base_file.as_ref()) {
            line("base", format!("{base} ({})", file.display()))?;
        }
        line("license", manifest.license.clone())?;
        line("deprecated", manifest.deprecated.clone())?;
        line("replaces", manifest.replaces.join(", "))?;
        line("granted", granted(&self.grant))?;
        line("refused", self.refused.clone().unwrap_or_default())?;
        for other in &self.others {
            line("also there", format!("{}, which is not used: {}", other.file.display(), other.message))?;
        }
        let old = if manifest.matches.no_os_release { "without os-release" } else { "" };
        line("systems", old.to_owned())?;
        line("systems", manifest.matches.distro.join(", "))?;
        line("needs", manifest.matches.programs.join(", "))?;
        line("roles", names(&manifest.roles.provides))?;
        line("reads", names(&manifest.read.roots))?;
        line("writes", names(&manifest.write.roots))?;
        line("writes", by_settings(&manifest.write.settings))?;
        line("links to", manifest.write.link_targets.join(", "))?;
        line("signs with", marked(names(&manifest.sign.keys), SIGNS))?;
        line("signs with", marked(by_settings(&manifest.sign.settings), SIGNS))?;
        for run in &manifest.run {
            line("runs", command(&run.program, &run.arguments.to_string(), marks::of_program(&RunRight::from(run))))?;
            line("  found at", names(&run.paths))?;
            line(
                "  sets",
                run.environment
                    .iter()
                    .map(|name| marked(name.clone(), marks::of_variable(name)))
                    .collect::<Vec<_>>()
                    .join(", "),
            )?;
            line("  passed", run.pass.join(", "))?;
            line("  or", if run.or_here { "this machine's, where the target has none" } else { "" }.to_owned())?;
        }
        for probe in &manifest.probe {
            line(
                "asks",
                command(&probe.program, &probe.arguments.join(" "), marks::of_probe(&ProbeRight::from(probe))),
            )?;
        }
        for denied in &self.denied {
            line("denied", denied.clone())?;
        }
        for (interface, functions) in self.imports.iter().filter(|(_, functions)| !functions.is_empty()) {
            line("imports", format!("{interface}: {}", functions.join(", ")))?;
        }
        for (key, setting) in &manifest.settings {
            let variable = setting.environment.as_ref().map(|v| format!("  (also by ${v})")).unwrap_or_default();
            let text = format!("{key} ({}) = {}  {}{variable}", setting.kind, setting.default, setting.help);
            line("setting", text.trim_end().to_owned())?;
        }
        for (key, text) in &self.policy {
            line("value", format!("{key} = {}", text.replace('\n', ", ")))?;
        }
        self.since_the_last_grant(f)
    }
}

impl Inspection {
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

    /// What the plugin asks for now, compared with what the last grant was for.
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
