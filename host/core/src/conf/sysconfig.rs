//! `ADDON_MODULES_DIR`, the only setting that is in none of dkms's own files.

use std::collections::BTreeMap;
use std::path::Path;

use super::source;
use super::{ReaderChoice, TIME_LIMIT};
use crate::environment::Environment;
use bash_assign::{Input, State};
use modsmith_facts::inside;

/// ADDON_MODULES_DIR: the directory for added modules below a kernel's, whatever
/// the policy is. From the environment, else from `sysconfig/module-init-tools`
/// below `etc`; `None` where neither says, or the file cannot be read.
pub fn addon_modules_dir(etc: &Path, environment: &Environment) -> Option<String> {
    const NAME: &str = "ADDON_MODULES_DIR";
    let set = |value: &String| !value.is_empty();
    if let Some(value) = environment.text(NAME).map(str::to_owned).filter(set) {
        return Some(value);
    }
    let file = etc.join("sysconfig/module-init-tools");
    if !inside::is_file(&file) {
        return None;
    }
    let (scalars, state) = (BTreeMap::new(), State::new());
    let input = Input { file: &file, names: &[NAME], scalars: &scalars, state: &state };
    let outcome = source::read(&input, ReaderChoice::Auto, TIME_LIMIT);
    let outcome = outcome.inspect_err(|error| tracing::debug!(file = %file.display(), error = %error.message)).ok()?;
    outcome.state.get(NAME)?.get(&0).cloned().filter(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_says_it_where_there_is_one() {
        let etc = tempfile::tempdir().unwrap();
        assert_eq!(addon_modules_dir(etc.path(), &Environment::default()), None);
        std::fs::create_dir(etc.path().join("sysconfig")).unwrap();
        let file = etc.path().join("sysconfig/module-init-tools");
        std::fs::write(&file, "# a comment\nOTHER=x\nADDON_MODULES_DIR=\"/weird\"\n").unwrap();
        assert_eq!(addon_modules_dir(etc.path(), &Environment::default()).as_deref(), Some("/weird"));
        std::fs::write(&file, "ADDON_MODULES_DIR=\n").unwrap();
        assert_eq!(addon_modules_dir(etc.path(), &Environment::default()), None);
    }
}
