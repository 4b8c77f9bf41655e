//! Plugins that another compiler than cargo makes: `[build]` of plugin.toml.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use modsmith_plugins::manifest::Build;

use crate::error::Error;

/// The variable by which build commands find this program, for bindings.
const OWN_PROGRAM: &str = "MODSMITH_PLUGIN";

/// Runs the command in the plugin's folder and returns the file that it made. Everything
/// that the command prints goes to stderr.
///
/// # Errors
/// `Plugin` for a command that cannot be started, fails, or makes no file.
pub fn run(directory: &Path, build: &Build) -> Result<PathBuf, Error> {
    let folder = directory.canonicalize().map_err(|e| Error::io("resolve", directory, e))?;
    let name = build.command.first().cloned().unwrap_or_default();
    // A path is below the folder, wherever this program was started.
    let program = if name.contains('/') { folder.join(&name) } else { PathBuf::from(&name) };
    let mut command = Command::new(program);
    command.args(build.command.iter().skip(1)).current_dir(&folder);
    command.stdin(Stdio::null()).stdout(std::io::stderr());
    if let Ok(own) = std::env::current_exe() {
        command.env(OWN_PROGRAM, own);
    }
    tracing::debug!(?command, "building a plugin");
    let status = command.status().map_err(|error| Error::CommandNotStarted {
        directory: directory.to_path_buf(),
        program: name.clone(),
        error,
    })?;
    if !status.success() {
        return Err(Error::CommandFailed { directory: directory.to_path_buf(), program: name, status });
    }
    let output = folder.join(&build.output);
    match output.is_file() {
        true => Ok(output),
        false => Err(Error::NoOutput { file: directory.join(&build.output), program: name }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Build {
        Build { command: ["sh", "-c", script].map(str::to_owned).to_vec(), output: "made/x.wasm".into() }
    }

    #[test]
    fn the_command_runs_in_the_plugins_folder_and_knows_this_program() {
        let dir = tempfile::tempdir().unwrap();
        let made = run(dir.path(), &shell("mkdir made && printf %s \"$MODSMITH_PLUGIN\" >made/x.wasm")).unwrap();
        let own = std::env::current_exe().unwrap();
        assert_eq!(std::fs::read_to_string(made).unwrap(), own.to_str().unwrap());
    }

    #[test]
    fn a_command_that_is_missing_fails_or_makes_nothing_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let missing = Build { command: vec!["no-such-compiler".into()], output: "x.wasm".into() };
        let error = run(dir.path(), &missing).unwrap_err();
        assert!(error.to_string().contains("`no-such-compiler`") && error.hints()[0].contains("Install"), "{error:?}");
        let error = run(dir.path(), &shell("exit 3")).unwrap_err();
        assert!(error.to_string().contains("`sh` ended with exit status: 3"), "{error}");
        let error = run(dir.path(), &shell("true")).unwrap_err();
        assert!(error.to_string().contains("made/x.wasm") && error.hints()[0].contains("output"), "{error:?}");
    }

    #[test]
    fn a_program_with_a_path_is_below_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/bin/sh", dir.path().join("compiler")).unwrap();
        let mut build = shell("mkdir made && touch made/x.wasm");
        build.command[0] = "./compiler".into();
        run(dir.path(), &build).unwrap();
    }
}
