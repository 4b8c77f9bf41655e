//! The places of the programs that plugins may run.

use std::path::Path;

use globset::GlobBuilder;

use crate::grant::Grant;
use crate::grant::named;
use crate::manifest::Run;
use crate::pattern::PathPattern;
use crate::settings::Values;
use modsmith_facts::{Location, Root, Roots, System, find_program, resolve_in_root};
use modsmith_plan::Program;

/// How a granted program is started on the target, if it is installed: as the
/// administrator's setting says, else by its name on the program path, else the
/// last in order of the files at the places that its `[[run]]` entry names.
///
/// `name` may also be one of these places (`usr/lib/x/tool`, or the absolute
/// path of it), when a plugin has chosen among several.
pub fn find(name: &str, grant: &Grant, settings: &Values, system: &System, roots: &Roots) -> Option<Program> {
    if name.contains('/') {
        let location = place(name, grant, settings, system, roots)?;
        return is_executable(&location, system, roots).then_some(Program::At(location));
    }
    grant.run_entries(name).find_map(|run| {
        administrators(run, settings, system)
            .or_else(|| find_program(&system.root, name).map(|_| Program::Named(name.to_owned())))
            .or_else(|| run.paths.iter().find_map(|pattern| at_pattern(pattern, system, roots)))
            .or_else(|| {
                find_program(&system.here, name).filter(|_| run.or_here).map(|_| Program::Named(name.to_owned()))
            })
    })
}

/// Whether the grant names a program, installed or not.
pub fn granted(name: &str, grant: &Grant, settings: &Values, system: &System, roots: &Roots) -> bool {
    match name.contains('/') {
        true => place(name, grant, settings, system, roots).is_some(),
        false => grant.run_entries(name).next().is_some(),
    }
}

/// The granted place that a plugin names by its path, whether or not there is a
/// program.
pub fn place(name: &str, grant: &Grant, settings: &Values, system: &System, roots: &Roots) -> Option<Location> {
    let location = if name.starts_with('/') {
        if grant.runs().iter().any(|run| setting(run, settings) == Some(name)) {
            return named::program(name);
        }
        roots.locate(&system.root.join(name.trim_start_matches('/')))?
    } else {
        let (root, relative) = name.split_once('/')?;
        Location::new(Root::narrow(root)?, relative).ok()?
    };
    grant.runs().iter().any(|run| run.paths.iter().any(|pattern| pattern.names(&location))).then_some(location)
}

/// The file that the administrator named for a program.
fn administrators(run: &Run, settings: &Values, system: &System) -> Option<Program> {
    absolute(setting(run, settings)?, system)
}

fn setting<'a>(run: &Run, settings: &'a Values) -> Option<&'a str> {
    settings.administrators(run.setting.as_deref()?).filter(|path| path.starts_with('/'))
}

fn absolute(path: &str, system: &System) -> Option<Program> {
    let location = named::program(path)?;
    is_executable(&location, system, &system.roots).then_some(Program::At(location))
}

fn at_pattern(pattern: &PathPattern, system: &System, roots: &Roots) -> Option<Program> {
    let mut found = vec![Location::new(pattern.root(), "").ok()?];
    for name in pattern.relative()?.split('/') {
        let glob = GlobBuilder::new(name).literal_separator(true).build().ok()?.compile_matcher();
        let plain = !name.contains(['*', '?', '[', '{', '\\']);
        found = found
            .iter()
            .flat_map(|dir| {
                if plain {
                    return dir.join(name).into_iter().collect::<Vec<_>>();
                }
                let path = roots.path(dir).unwrap_or_default();
                let mut names: Vec<_> = std::fs::read_dir(path)
                    .into_iter()
                    .flatten()
                    .filter_map(|entry| Some(entry.ok()?.file_name()))
                    .filter(|name| glob.is_match(Path::new(name)))
                    .collect();
                names.sort();
                names.iter().filter_map(|name| dir.join(name).ok()).collect()
            })
            .collect();
    }
    found.into_iter().rev().find(|location| is_executable(location, system, roots)).map(Program::At)
}

fn is_executable(location: &Location, system: &System, roots: &Roots) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let resolved = roots.path(location).and_then(|path| match path.strip_prefix(&system.root) {
        Ok(below) => resolve_in_root(&system.root, &Path::new("/").join(below)).ok(),
        Err(_) => path.canonicalize().ok(),
    });
    resolved
        .and_then(|path| path.metadata().ok())
        .is_some_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;
    use crate::policy::Denials;
    use crate::settings::FrameworkSettings;
    use modsmith_facts::OsRelease;
    use std::os::unix::fs::PermissionsExt;

    struct Target {
        dir: tempfile::TempDir,
        system: System,
        manifest: Manifest,
    }

    impl Target {
        fn new() -> Self {
            let text = "id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"signer\"]\n\
                [[run]]\nprogram = \"sign-file\"\npaths = [\"usr/lib/kbuild-*/sign-file\"]\nsetting = \"sign_file\"\n\
                [settings]\nsign_file = { type = \"string\", default = \"/opt/default\" }\n";
            let dir = tempfile::tempdir().unwrap();
            let system = System::new(dir.path(), OsRelease::default());
            Self { dir, system, manifest: Manifest::parse(text).unwrap() }
        }

        fn install(&self, path: &str) {
            let path = self.dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }

        fn find(&self, name: &str, framework: &[(&str, &str)]) -> Option<Program> {
            let framework = FrameworkSettings(framework.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect());
            let values =
                Values::merge(&self.manifest.settings, &Default::default(), Path::new("/none"), &framework).unwrap();
            let grant = Grant::new("x", &self.manifest, &Denials::default()).unwrap();
            find(name, &grant, &values, &self.system, &self.system.roots)
        }
    }

    fn location(root: Root, relative: &str) -> Option<Program> {
        Some(Program::At(Location::new(root, relative).unwrap()))
    }

    #[test]
    fn a_program_is_taken_from_the_path_then_from_the_last_of_its_places() {
        let target = Target::new();
        assert_eq!(target.find("sign-file", &[]), None);
        target.install("usr/lib/kbuild-6.1/sign-file");
        target.install("usr/lib/kbuild-6.0/sign-file");
        assert_eq!(target.find("sign-file", &[]), location(Root::Usr, "lib/kbuild-6.1/sign-file"));
        target.install("usr/bin/sign-file");
        assert_eq!(target.find("sign-file", &[]), Some(Program::Named("sign-file".into())));
    }

    #[test]
    fn a_plugin_may_choose_among_the_granted_places_only() {
        let target = Target::new();
        target.install("usr/lib/kbuild-6.0/sign-file");
        target.install("usr/lib/other/sign-file");
        assert_eq!(target.find("usr/lib/kbuild-6.0/sign-file", &[]), location(Root::Usr, "lib/kbuild-6.0/sign-file"));
        assert_eq!(target.find("/usr/lib/kbuild-6.0/sign-file", &[]), location(Root::Usr, "lib/kbuild-6.0/sign-file"));
        assert_eq!(target.find("usr/lib/other/sign-file", &[]), None);
        assert_eq!(target.find("usr/../etc/x", &[]), None);
    }

    #[test]
    fn the_administrators_file_wins_and_a_plugins_own_default_is_not_one() {
        let target = Target::new();
        target.install("opt/sign");
        target.install("opt/default");
        assert_eq!(target.find("sign-file", &[]), None);
        assert_eq!(target.find("sign-file", &[("sign_file", "/opt/sign")]), location(Root::System, "opt/sign"));
        assert_eq!(target.find("/opt/sign", &[("sign_file", "/opt/sign")]), location(Root::System, "opt/sign"));
        assert_eq!(target.find("/opt/default", &[]), None);
    }
}
