//! Which files packages of the system own.

use std::collections::BTreeMap;

use crate::bindings::exports::modsmith::plugin::file_owner::GuestIndices;
use crate::bindings::modsmith::plugin::types;
use crate::error::Error;
use crate::facade::Plugins;
use crate::facade::call::{CallOutcome, Subject, call_outcome};
use crate::imports::{OwnedFileAnswer, OwnerRequest};
use crate::index::IndexedPlugin;
use crate::manifest::Role;

/// The role `file-owner`: what a package manager answers for.
#[derive(Clone, Copy)]
pub struct FileOwners<'p>(pub &'p Plugins);

impl FileOwners<'_> {
    /// By file, the package that owns it. `files` are absolute on the target. Every plugin of the
    /// role is asked, since a system may have several package managers; the first one that knows
    /// an owner counts.
    ///
    /// # Errors
    /// A plugin fails, or one that serves the system cannot be used.
    pub fn of(&self, files: &[String]) -> Result<BTreeMap<String, String>, Error> {
        let mut owners = BTreeMap::new();
        for (_, entry) in self.0.every(Role::FileOwner) {
            for OwnedFileAnswer { file, package } in self.of_plugin(entry?, files)? {
                owners.entry(file).or_insert(package);
            }
        }
        Ok(owners)
    }

    fn of_plugin(&self, entry: &IndexedPlugin, files: &[String]) -> Result<Vec<OwnedFileAnswer>, Error> {
        let (roots, subject) = (&self.0.system.roots, Subject::default());
        let (answer, _) = self.0.call(entry, Role::FileOwner, subject, roots, |call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let request = call.lend(OwnerRequest { files: files.to_vec() })?;
            let answers = match guest.call_owners(&mut call.store, request)? {
                Ok(answers) => answers,
                Err(error) => return Ok(Err(error)),
            };
            let answers = answers.into_iter().map(|answer| call.take(answer)).collect::<wasmtime::Result<Vec<_>>>()?;
            Ok(checked(answers, files))
        })?;
        match call_outcome(entry.id(), Role::FileOwner.name(), subject, answer)? {
            CallOutcome::Value(owned) => Ok(owned),
            CallOutcome::Unsupported(why) => {
                tracing::debug!("plugin `{}` knows no owners: {why}", entry.id());
                Ok(Vec::new())
            }
        }
    }
}

/// An answer about another file is a mistake of the plugin: the owner of a file that was asked
/// about may have got lost.
fn checked(answers: Vec<OwnedFileAnswer>, files: &[String]) -> Result<Vec<OwnedFileAnswer>, types::Error> {
    match answers.iter().find(|answer| !files.contains(&answer.file) || answer.package.is_empty()) {
        None => Ok(answers),
        Some(OwnedFileAnswer { file, package }) => Err(types::Error::other(format!(
            "it says that the package `{package}` owns `{file}`; the package has to have a name, and the file has to \
             be one that was asked about"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_about_another_file_and_a_package_without_a_name_are_errors() {
        let files = ["/a".to_owned()];
        let answer = |file: &str, package: &str| {
            checked(vec![OwnedFileAnswer { file: file.into(), package: package.into() }], &files)
        };
        assert_eq!(answer("/a", "p").unwrap()[0].package, "p");
        for (file, package) in [("/b", "p"), ("/a", "")] {
            assert!(answer(file, package).unwrap_err().message.contains("asked about"));
        }
    }
}
