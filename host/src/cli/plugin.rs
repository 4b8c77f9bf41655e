//! `modsmith plugin`: building, listing and examining plugins.

use std::path::Path;
use std::sync::Arc;

use super::arguments::{PluginArguments, PluginCommand};
use super::setup::{Places, system};
use crate::error::{Error, Kind, Result};
use crate::plugin::build::{BuildOptions, build};
use crate::plugin::{Plugins, SearchPath};

/// Runs a `plugin` subcommand.
pub fn run(arguments: &PluginArguments) -> Result<()> {
    match &arguments.command {
        PluginCommand::Build { directory, out } => {
            for built in build(&BuildOptions { directory: directory.clone(), out: out.clone() })? {
                println!("{built}");
            }
            Ok(())
        }
        PluginCommand::List { json, os_release } => {
            let plugins = open(os_release.as_deref())?;
            print(&plugins.list(), *json)?;
            for problem in plugins.problems() {
                eprintln!("Warning: {problem}");
            }
            Ok(())
        }
        PluginCommand::Inspect { plugin, json } => print(&open(None)?.inspect(plugin)?, *json),
        PluginCommand::Grant { plugin } => open(None)?.grant(plugin).map(|text| println!("{text}")),
        PluginCommand::Revoke { plugin } => open(None)?.revoke(plugin).map(|text| println!("{text}")),
    }
}

fn open(os_release: Option<&Path>) -> Result<Plugins> {
    let (system, framework) = system(&Places { os_release, ..Places::default() })?;
    Ok(Plugins::open(Arc::clone(&system), SearchPath::standard(), framework.plugin_settings()))
}

fn print<T: serde::Serialize + std::fmt::Display>(value: &T, json: bool) -> Result<()> {
    if json {
        let text = serde_json::to_string_pretty(value)
            .map_err(|e| Error::new(Kind::System, format!("Could not write JSON: {e}.")))?;
        println!("{text}");
    } else {
        print!("{value}");
    }
    Ok(())
}
