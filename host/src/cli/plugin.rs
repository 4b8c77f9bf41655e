//! `modsmith plugin`: building, testing, listing and examining plugins.

mod test;

use std::path::Path;

use super::arguments::{PlaceArguments, PluginArguments, PluginCommand};
use super::setup::{plugins, system};
use super::{hooks, output};
use crate::error::Result;
use crate::plugin::build::{BuildOptions, build};
use crate::plugin::{Listed, Plugins};
use crate::text::field;

/// Runs a `plugin` subcommand.
pub fn run(arguments: &PluginArguments) -> Result<()> {
    match &arguments.command {
        PluginCommand::Build { directory, out } => {
            for built in build(&BuildOptions { directory: directory.clone(), out: out.clone() })? {
                output::lines(&field(&format!("{:>8}  {}", built.size, built.file.display())));
            }
            Ok(())
        }
        PluginCommand::Test(arguments) => test::run(arguments),
        PluginCommand::List { json, os_release } => {
            let plugins = open(os_release.as_deref())?;
            let listed = plugins.list();
            if *json {
                output::json(&listed)?;
            } else {
                listed.iter().for_each(|plugin| output::lines(&field(&line(plugin))));
            }
            for problem in plugins.problems() {
                output::warning(&problem.to_string());
            }
            Ok(())
        }
        PluginCommand::Inspect { plugin, json } => {
            let inspection = open(None)?.inspect(plugin)?;
            if *json {
                return output::json(&inspection);
            }
            output::text(&inspection.to_string());
            Ok(())
        }
        PluginCommand::HookFiles { plugin, into, sbindir, libdir, os_release } => {
            let files = open(os_release.as_deref())?.hook_files(plugin.as_deref())?;
            let directories = hooks::Directories { sbindir, libdir };
            files.iter().try_for_each(|(plugin, file)| hooks::put(plugin, file, &directories, into.as_deref()))
        }
        PluginCommand::Grant { plugin } => {
            let (inspection, file) = open(None)?.grant(plugin)?;
            output::text(&inspection.to_string());
            output::lines(&field(&format!("Granted in {}", file.display())));
            Ok(())
        }
        PluginCommand::Revoke { plugin } => {
            let file = open(None)?.revoke(plugin)?;
            output::lines(&field(&format!("Revoked: {} is gone", file.display())));
            Ok(())
        }
    }
}

fn open(os_release: Option<&Path>) -> Result<Plugins> {
    let places = PlaceArguments::default();
    let (system, framework) = system(&places, os_release)?;
    Ok(plugins(&system, &framework, &places))
}

fn line(plugin: &Listed) -> String {
    let roles: Vec<String> = plugin.roles.iter().map(ToString::to_string).collect();
    let serves = if plugin.serves { "serves this system" } else { "not for this system" };
    let reason = plugin.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{:<22} {:<8} {:<37} {serves}{reason}", plugin.id, plugin.version, roles.join(", "))
}
