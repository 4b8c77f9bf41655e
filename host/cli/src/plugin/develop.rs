//! `modsmith plugin dev`: the use of a plugin for some time, without a grant.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{authors_tool, install, output, search_path};
use crate::arguments::{DevelopmentArguments, PluginArguments};
use modsmith_core::Environment;
use modsmith_core::error::{Error, Kind, Result};
use modsmith_facts::text::field;
use modsmith_plugins::{Development, LONGEST_HOURS};

/// Begins or ends the use of a plugin.
pub fn run(words: &DevelopmentArguments, arguments: &PluginArguments, environment: &Environment) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        let hint = "Run it as root: what the plugin plans is carried out as root, without a grant.";
        return Err(Error::new(Kind::Permission, "Only root can use a plugin without a grant.").hint(hint));
    }
    let run = search_path(arguments)?.run;
    if let Some(id) = &words.stop {
        let ended = Development::stop(&run, id.as_deref())?;
        if ended.is_empty() {
            output::lines("No plugin is in development.");
        }
        ended.iter().for_each(|id| output::lines(&field(&format!("Ended: {id} is used no longer"))));
        return Ok(());
    }
    let time = duration(&words.time)?;
    let source = words.plugin.as_deref().unwrap_or(Path::new("."));
    let source = std::fs::canonicalize(source).map_err(|e| Error::io("use", source, e))?;
    let made = tempfile::tempdir().map_err(|e| Error::io("make a directory in", &tempfile::env::temp_dir(), e))?;
    let file = match source.is_dir() {
        true => build(&source, made.path(), environment)?,
        false => source.clone(),
    };
    let id = id_of(&file, arguments, environment)?;
    let begun = Development::begin(&run, &id, &file, &source, time)?;
    output::warning(&begun.sentence());
    output::lines(&field(&begun.id));
    Ok(())
}

/// The id of a plugin's file.
///
/// # Errors
/// The file is no plugin: the errors are those of `plugin install`.
fn id_of(file: &Path, arguments: &PluginArguments, environment: &Environment) -> Result<String> {
    if !file.extension().is_some_and(|suffix| suffix == "wasm" || suffix == "toml") {
        return Err(Error::new(
            Kind::Usage,
            format!("{} is no plugin: its name does not end in .wasm or .toml.", file.display()),
        )
        .hint("Name the source folder of a plugin, or what `plugin build` has made of one."));
    }
    let search = install::search(arguments)?;
    let mut found = install::open(&search, arguments, environment)?.search("", &[file.display().to_string()]);
    match (found.offers.pop(), found.failures.pop()) {
        (Some(plugin), _) => Ok(plugin.id),
        (None, Some((_, error))) => Err(error.into()),
        (None, None) => Err(Error::new(Kind::Usage, format!("{} has no plugin.", file.display()))
            .hint("`modsmith plugin build` makes one.")),
    }
}

/// Builds the only plugin of a folder. Code that has not changed is not compiled again.
fn build(source: &Path, out: &Path, environment: &Environment) -> Result<PathBuf> {
    let tool = authors_tool("dev", environment)?;
    let status = Command::new(&tool).arg("build").arg(source).arg("--out").arg(out).status();
    let status = status.map_err(|e| Error::io("start", &tool, e))?;
    if !status.success() {
        let message = format!("The plugin in {} was not built: `{} build` failed.", source.display(), tool.display());
        return Err(Error::new(Kind::Plugin, message).hint("Its messages are above; correct what they say."));
    }
    let entries = std::fs::read_dir(out).map_err(|e| Error::io("read the directory", out, e))?;
    let files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    match files.as_slice() {
        [file] => Ok(file.clone()),
        files => Err(Error::new(Kind::Usage, format!("{} has {} plugins.", source.display(), files.len()))
            .hint("Name the folder of one plugin.")),
    }
}

/// A time with its unit: `90s`, `30m`, `1h`.
fn duration(text: &str) -> Result<Duration> {
    let units = [('s', 1), ('m', 60), ('h', 3600)];
    let seconds = units.iter().find_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(*unit)?.parse().ok()?;
        number.checked_mul(*seconds)
    });
    seconds.filter(|seconds| (1..=LONGEST_HOURS * 3600).contains(seconds)).map(Duration::from_secs).ok_or_else(|| {
        Error::new(Kind::Usage, format!("--for {text} is no time up to {LONGEST_HOURS}h."))
            .hint("Write a number with its unit: 90s, 30m or 1h.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_and_end() {
        assert_eq!(duration("90s").unwrap(), Duration::from_secs(90));
        assert_eq!(duration("24h").unwrap(), Duration::from_secs(86400));
        for wrong in ["", "h", "0s", "25h", "1d", "-1h", "1.5h", "99999999999999999999h", "9999999999999999999h"] {
            assert_eq!(duration(wrong).unwrap_err().kind, Kind::Usage, "{wrong}");
        }
    }
}
