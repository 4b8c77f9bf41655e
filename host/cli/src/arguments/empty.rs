//! Values that scripts of dkms leave empty: an unset variable in quotes.

use std::ffi::OsString;

use clap::Arg;

/// Options whose empty value is an error: a wrong kernel would be worked on.
const NEEDED: [&str; 2] = ["kernels", "archs"];

/// A command line of `dkms` without empty words, and without the options that have an empty
/// value, or none at the end. The first word is the program's name.
pub fn without_empty(command: &clap::Command, words: &[OsString]) -> Vec<OsString> {
    let mut kept: Vec<OsString> = words.iter().take(1).cloned().collect();
    let mut rest = words.iter().skip(1).peekable();
    while let Some(word) = rest.next() {
        if word == "--" {
            kept.push(word.clone());
            kept.extend(rest.by_ref().filter(|word| !word.is_empty()).cloned());
        } else if let Some(option) = word.to_str().and_then(|word| valued(command, word)) {
            let value = rest.next_if(|_| !option.is_whole);
            let is_empty = option.is_whole || value.is_none_or(|value| value.is_empty());
            if !is_empty || NEEDED.contains(&option.arg.get_id().as_str()) {
                kept.push(word.clone());
                kept.extend(value.cloned());
            }
        } else if !word.is_empty() {
            kept.push(word.clone());
            // It may be an option of a format, and the empty word its value.
            if word.to_str().is_some_and(|word| word.starts_with("--") && option(command, word).is_none()) {
                kept.extend(rest.next_if(|next| next.is_empty()).cloned());
            }
        }
    }
    kept
}

/// An option that takes a value.
struct Valued<'c> {
    arg: &'c Arg,
    /// Whether the word has its value, which is empty: `--config=`.
    is_whole: bool,
}

/// The option that a word names: with its value in the next word, or an empty one in its own.
fn valued<'c>(command: &'c clap::Command, word: &str) -> Option<Valued<'c>> {
    let (name, is_whole) = word.strip_suffix('=').map_or((word, false), |name| (name, true));
    let arg = option(command, name).filter(|arg| arg.get_action().takes_values())?;
    Some(Valued { arg, is_whole })
}

/// The option of a name, `--long` or `-s`.
fn option<'c>(command: &'c clap::Command, name: &str) -> Option<&'c Arg> {
    let names = |arg: &&Arg| match name.strip_prefix("--") {
        Some(long) => arg.get_long() == Some(long),
        None => arg.get_short().is_some_and(|short| name == format!("-{short}")),
    };
    command.get_arguments().filter(|arg| !arg.is_positional()).find(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Arguments;
    use clap::CommandFactory;

    #[test]
    fn what_is_empty_is_as_if_it_were_not_there() {
        for (given, kept) in [
            (&["build", "m/1", "--config", ""][..], &["build", "m/1"][..]),
            (&["build", "m/1", "--config=", "-j", "", "--force"], &["build", "m/1", "--force"]),
            (&["install", "", "m/1", "-c", "", "-k", "6.1"], &["install", "m/1", "-k", "6.1"]),
            (&["status", "--dkmstree", ""], &["status"]),
            (&["status", "-m"], &["status"]),
            (&["status", "m", "-v"], &["status", "m"]),
            (&["status", "-c"], &["status"]),
            (&["status", "--", "", "m"], &["status", "--", "m"]),
            // These have an exit code of their own, or a meaning.
            (&["build", "m/1", "-k", ""], &["build", "m/1", "-k", ""]),
            (&["build", "m/1", "--kernelver="], &["build", "m/1", "--kernelver="]),
            (&["status", "-a"], &["status", "-a"]),
            (&["mktarball", "--archive", "", "m/1"], &["mktarball", "--archive", "", "m/1"]),
            (&["build", "--force", "", "m/1"], &["build", "--force", "m/1"]),
        ] {
            let words = |words: &[&str]| ["dkms"].iter().chain(words).map(OsString::from).collect::<Vec<_>>();
            assert_eq!(without_empty(&Arguments::command(), &words(given)), words(kept), "{given:?}");
        }
    }
}
