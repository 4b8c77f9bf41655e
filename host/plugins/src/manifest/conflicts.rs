//! Rights that a plugin may not have together.

use super::{Manifest, Probe, Run};
use crate::pattern::PathPattern;
use crate::pattern::argument_paths::paths_in;
use modsmith_facts::{PROGRAM_PATH, Root};

/// Refuses a manifest with rights of which one gives away what another one keeps. What depends on
/// this machine is found when a program starts.
pub(super) fn check(manifest: &Manifest) -> Result<(), String> {
    manifest.run.iter().try_for_each(|run| has_programs_of_others(run, manifest))?;
    manifest.probe.iter().try_for_each(|probe| {
        is_not_written("probe.program", &probe.program, manifest)?;
        keeps_keys(probe, manifest)
    })
}

/// A program that a plugin can write is its own code.
fn has_programs_of_others(run: &Run, manifest: &Manifest) -> Result<(), String> {
    for pattern in &run.paths {
        if pattern.root() == Root::Staging {
            return Err(format!("`run.paths` names `{pattern}`: a plugin may not run what it can write"));
        }
        if pattern.relative().is_none() {
            return Err(format!("`run.paths` names `{pattern}`, which is no file: name the program's files"));
        }
        if let Some(written) = manifest.write.roots.iter().find(|written| written.meets(pattern)) {
            return Err(conflict("run.paths", &pattern.to_string(), written));
        }
    }
    if let Some(name) = run.setting.iter().find(|name| manifest.write.settings.contains(name)) {
        return Err(format!(
            "`run.setting` and `write.settings` name `{name}`: a plugin may not run what it can write; use two settings"
        ));
    }
    is_not_written("run.program", &run.program, manifest)
}

fn is_not_written(key: &str, program: &str, manifest: &Manifest) -> Result<(), String> {
    let written =
        |pattern: &&PathPattern| PROGRAM_PATH.iter().any(|dir| pattern.meets_path(&format!("{dir}/{program}")));
    match manifest.write.roots.iter().find(written) {
        Some(pattern) => Err(conflict(key, program, pattern)),
        None => Ok(()),
    }
}

fn conflict(key: &str, what: &str, written: &PathPattern) -> String {
    format!(
        "`{key}` names `{what}`, which `write.roots` covers with `{written}`: a plugin may not run what it can write; \
         let `write.roots` name less"
    )
}

/// What a probe prints is for the plugin.
fn keeps_keys(probe: &Probe, manifest: &Manifest) -> Result<(), String> {
    for argument in &probe.arguments {
        let paths = paths_in(argument);
        let named = |key: &&PathPattern| paths.iter().any(|path| key.meets_path(path));
        if let Some(key) = manifest.sign.keys.iter().find(named) {
            return Err(format!(
                "`probe.arguments` names `{argument}`, and `sign.keys` has `{key}` there: a plugin may not read the \
                 keys that it signs with; take one of them out"
            ));
        }
    }
    Ok(())
}
