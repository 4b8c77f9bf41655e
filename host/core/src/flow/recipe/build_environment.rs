//! `build_environment`: the administrator's shell file whose exported variables hold
//! while a package is built, such as those of another compiler. Source: dkms 3.3.0.
//!
//! Only the shell that starts each command of a build reads it. So its commands can do no more than
//! the build, and a dry run does not run them.

use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use modsmith_facts::resolve_in_root;
use modsmith_plugins::check_owner;

/// The file as build commands see it.
///
/// # Errors
/// `ConfUnreadable` where it is set and missing, no file, or not in the hands of
/// root or the caller alone: a build with another compiler than was asked for
/// would be worse than none.
pub(crate) fn build_environment(run: &Invocation<'_>) -> Result<Option<String>> {
    let Some(set) = run.env.framework.build_environment() else { return Ok(None) };
    let refused = |why: String| {
        Err(Error::new(Kind::ConfUnreadable, format!("The build_environment {} cannot be used: {why}.", set.display()))
            .hint("Correct build_environment in framework.conf, or the file: a shell file that only root can change."))
    };
    if !set.is_absolute() {
        return refused("its path does not begin with /".to_owned());
    }
    let real = match resolve_in_root(&run.env.system.root, set) {
        Ok(real) => real,
        Err(error) => return refused(error.to_string()),
    };
    if !real.is_file() {
        return refused("it is not a regular file".to_owned());
    }
    match check_owner(&real) {
        Ok(()) => Ok(Some(run.env.seen_by_build(&real))),
        Err(why) => refused(why),
    }
}
