//! `modsmith plugin install`, `update` and `remove`: plugins that come from elsewhere.

use std::path::Path;

use super::{DirectoryArguments, compile, output, plugins_of, system};
use crate::arguments::PluginArguments;
use modsmith_core::Environment;
use modsmith_core::error::Result;
use modsmith_facts::text::field;
use modsmith_plugins::distribution::{Change, Installed, Installer, Update};
use modsmith_plugins::{Administration, SearchPath, Standing};

/// Installs what a word names, tells what there is to grant, and compiles it.
pub fn install(source: &str, arguments: &PluginArguments, environment: &Environment) -> Result<()> {
    let search = search(arguments)?;
    let installed = open(&search, arguments, environment)?.install(source)?;
    installed.iter().try_for_each(|plugin| tell(plugin, &search, arguments, environment))
}

/// Updates some plugins, or all that were installed. One that fails does not keep the
/// others from being updated; the first failure is the command's.
pub fn update(
    plugins: &[String],
    more_rights: bool,
    arguments: &PluginArguments,
    environment: &Environment,
) -> Result<()> {
    let search = search(arguments)?;
    let installer = open(&search, arguments, environment)?;
    let all;
    let ids = if plugins.is_empty() {
        all = installer.ids()?;
        &all
    } else {
        plugins
    };
    let mut failure = None;
    for id in ids {
        let outcome = installer.update(id, more_rights).map_err(Into::into).and_then(|update| match update {
            Update::Newest { version } => {
                output::lines(&field(&format!("{id} {version} is the newest")));
                Ok(())
            }
            Update::Pinned { version } => {
                output::lines(&field(&format!("{id} {version} was installed by its digest and stays")));
                Ok(())
            }
            Update::Installed(installed) => tell(&installed, &search, arguments, environment),
        });
        match (outcome, &failure) {
            (Err(error), None) => failure = Some(error),
            (Err(error), Some(_)) => output::warning(&error.to_string()),
            (Ok(()), _) => {}
        }
    }
    failure.map_or(Ok(()), Err)
}

/// Removes a plugin that was installed.
pub fn remove(id: &str, arguments: &PluginArguments, environment: &Environment) -> Result<()> {
    let search = search(arguments)?;
    let removed = open(&search, arguments, environment)?.remove(id)?;
    output::lines(&field(&format!("Removed {}", removed.file.display())));
    if let Some(grant) = removed.grant {
        output::lines(&field(&format!("Revoked: {} is gone", grant.display())));
    }
    Ok(())
}

/// The plugins of the system that is changed.
pub(super) fn search(arguments: &PluginArguments) -> Result<SearchPath> {
    let own = SearchPath::from_environment();
    Ok(match &arguments.root {
        Some(root) => own.of_root(&crate::words::absolute(root)?)?,
        None => own,
    })
}

pub(super) fn open<'s>(
    search: &'s SearchPath,
    arguments: &PluginArguments,
    environment: &Environment,
) -> Result<Installer<'s>> {
    let root = arguments.root.as_deref().unwrap_or(Path::new("/"));
    let variable = |name: &str| environment.text(name).map(str::to_owned);
    Ok(Installer::open(search, root, variable)?)
}

/// Prints which plugin was installed, and which command grants it.
fn tell(
    installed: &Installed,
    search: &SearchPath,
    arguments: &PluginArguments,
    environment: &Environment,
) -> Result<()> {
    let Installed { id, version, file, source, signer, change, keeps_grant } = installed;
    let verb = match change {
        Change::New => "Installed".to_owned(),
        Change::Nothing => "Already installed:".to_owned(),
        Change::From(before) => format!("Updated from {before}:"),
    };
    output::lines(&field(&format!("{verb} {id} {version} ({}) from {source}", file.display())));
    if let Some(signer) = signer {
        output::lines(&field(&format!("Signed by {signer}")));
    }
    let directories = DirectoryArguments { root: arguments.root.clone(), ..DirectoryArguments::default() };
    let (system, framework) = system(&directories, arguments.os_release.as_deref(), environment)?;
    let plugins = plugins_of(search.clone(), &system, &framework, &directories, environment);
    let administration = Administration(&plugins);
    let inspection = administration.inspect(&file.display().to_string())?;
    output::text(&inspection.changes());
    if !inspection.executes_input.is_empty() {
        output::lines(&field(&format!(
            "It asks to run programs that execute their input: {}",
            inspection.executes_input.join(", ")
        )));
    }
    if *keeps_grant && *change != Change::Nothing {
        output::lines("It stays granted: it asks for nothing new, and the same key has signed it");
    }
    if inspection.grant != Standing::Granted {
        let options = arguments.root.as_deref().map(|root| format!(" --root {} --of-root", root.display()));
        let options = options.unwrap_or_default();
        output::lines(&field(&format!(
            "It is not used before it is granted: see `modsmith plugin{options} inspect {id}`, then run `modsmith plugin{options} grant {id}`"
        )));
    }
    compile(&administration, &inspection);
    Ok(())
}
