//! Rights that a manifest requests and the component cannot use, because it imports no
//! function that needs them.
//!
//! Components of interpreters import the whole interface, so nothing is found for them.

use modsmith_plugins::form::Imports;
use modsmith_plugins::manifest::{Manifest, Role};

/// Functions that read files of the plugin's roots.
const READING: [&str; 15] = [
    "dir.read",
    "dir.open",
    "pieces.file",
    "builder.write-if-changed",
    "dir.read-unpacked",
    "dir.mode",
    "dir.link-target",
    "dir.kind",
    "dir.entries",
    "builder.copy",
    "builder.pack",
    "builder.unpack",
    "builder.append-cms",
    "builder.collect",
    // The program's input and arguments may name files.
    "builder.run",
];

/// Functions that change files, by themselves or by a program.
const WRITING: [&str; 14] = [
    "builder.make-directory",
    "builder.write-file",
    "builder.concatenate",
    "builder.write-if-changed",
    "builder.prune",
    "builder.copy",
    "builder.rename",
    "builder.symlink",
    "builder.remove",
    "builder.back-up",
    "builder.pack",
    "builder.unpack",
    "builder.append-cms",
    "builder.collect",
];

/// Functions that run programs of `[[probe]]`.
const PROBING: [&str; 2] = ["probe", "owner-request.query"];

/// A sentence for each right that is not used.
pub fn unused(manifest: &Manifest, imports: &Imports) -> Vec<String> {
    let calls = |names: &[&str]| imports.values().flatten().any(|function| names.contains(&function.as_str()));
    let mut found = Vec::new();
    let mut report = |requested: bool, section: &str, wanted: &str| {
        if requested {
            found.push(format!(
                "`{section}` is requested, but the plugin calls {wanted}. Remove the request, or use the right."
            ));
        }
    };
    // The host itself runs the installers of formats, and the programs that own directories.
    let by_host = manifest.provides(Role::Packager) || manifest.provides(Role::InstallPolicy);
    let runs = calls(&["builder.run", "has-program"]) || by_host;
    report(!manifest.run.is_empty() && !runs, "[[run]]", "neither `builder.run` nor `has-program`");
    let asks = calls(&PROBING);
    report(!manifest.probe.is_empty() && !asks, "[[probe]]", "neither `probe` nor `owner-request.query`");
    report(!manifest.read.roots.is_empty() && !calls(&READING), "[read] roots", "no function that reads files");
    let writes = !manifest.write.roots.is_empty() || !manifest.write.settings.is_empty();
    // A path that may be written may also be read.
    let uses = calls(&WRITING) || calls(&READING);
    report(writes && !uses, "[write]", "no function that changes or reads files");
    let links = calls(&["builder.symlink", "builder.copy", "builder.unpack"]);
    report(!manifest.write.link_targets.is_empty() && !links, "[write] link-targets", "no function that makes links");
    let keys = !manifest.sign.keys.is_empty() || !manifest.sign.settings.is_empty();
    // A program that signs also needs a key, which the plugin must not read.
    let signs = calls(&["builder.append-cms", "builder.run"]);
    report(keys && !signs, "[sign]", "neither `builder.append-cms` nor `builder.run`");
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
id = "x"
version = "1.0.0"
api = "1.0"
[roles]
provides = ["initrd"]
[read]
roots = ["etc/x"]
[write]
roots = ["boot/x"]
link-targets = ["/x"]
[sign]
keys = ["etc/key"]
[[run]]
program = "p"
[[probe]]
name = "p"
program = "p"
"#;

    fn imports(functions: &[&str]) -> Imports {
        [("plan".to_owned(), functions.iter().map(|name| (*name).to_owned()).collect())].into()
    }

    fn sections(functions: &[&str]) -> Vec<String> {
        let found = unused(&Manifest::parse(MANIFEST).unwrap(), &imports(functions));
        found.iter().map(|message| message.split('`').nth(1).unwrap().to_owned()).collect()
    }

    #[test]
    fn rights_without_a_function_that_needs_them_are_found() {
        let all = ["[[run]]", "[[probe]]", "[read] roots", "[write]", "[write] link-targets", "[sign]"];
        assert_eq!(sections(&["builder.note"]), all);
        assert_eq!(sections(&["builder.run", "probe"]), ["[write] link-targets"]);
        assert_eq!(sections(&["dir.read", "has-program"]), ["[[probe]]", "[write] link-targets", "[sign]"]);
        for probe in PROBING {
            let used = ["builder.run", "builder.symlink", "builder.append-cms", probe];
            assert_eq!(sections(&used), [""; 0]);
        }
    }

    #[test]
    fn programs_that_the_host_runs_for_a_role_are_used() {
        for role in ["packager", "install-policy"] {
            let manifest = Manifest::parse(&MANIFEST.replace("initrd", role)).unwrap();
            assert!(!unused(&manifest, &imports(&[])).iter().any(|message| message.contains("[[run]]")), "{role}");
        }
    }

    #[test]
    fn every_function_is_one_of_the_interface() {
        let functions =
            modsmith_wit::V1_0.signatures.lines().filter_map(|line| line.split_once(": func ")?.1.split_once('('));
        let known: Vec<&str> = functions.map(|(name, _)| name.rsplit(']').next().unwrap_or(name)).collect();
        for name in READING.iter().chain(&WRITING).chain(&PROBING).chain(&["has-program"]) {
            assert!(known.contains(name), "{name}");
        }
    }
}
