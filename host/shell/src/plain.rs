//! The plain reader: no shell is started.

use std::fmt::Write;
use std::path::Path;

use crate::interpreter::{self, Stop};
use crate::{FileNames, Input, Slots, State, Values};

/// Reads a file's text as [`crate::Bash::read`] would, or says what makes that
/// impossible.
pub fn read(text: &str, input: &Input<'_>, cwd: &Path) -> Result<State, Stop> {
    let mut values = initial(input);
    interpreter::run(text, &mut values)?;
    let printed = print(&values, input.names, cwd)?;
    let mut values = initial(input);
    interpreter::run(&printed, &mut values).map_err(|stop| second(stop, &printed))?;
    let slots = |name: &str| values.slots(name).map(|(slot, value)| (slot, value.to_owned())).collect();
    Ok(input
        .names
        .iter()
        .map(|name| ((*name).to_owned(), slots(name)))
        .filter(|(_, s): &(_, Slots)| !s.is_empty())
        .collect())
}

fn initial(input: &Input<'_>) -> Values {
    let mut values = Values::default();
    for (name, value) in input.scalars {
        values.set(name, 0, value.as_str());
    }
    for (name, slots) in input.state {
        for (slot, value) in slots {
            values.set(name, *slot, value.as_str());
        }
    }
    values
}

/// The values as text for the second evaluation: `NAME[i]="value"`, as an
/// unquoted echo prints it. White space shrinks, a pattern turns into the names
/// of files, one carriage return at the end goes.
fn print(values: &Values, names: &[&str], cwd: &Path) -> Result<String, Stop> {
    let mut out = String::new();
    let mut files = FileNames::seen_from(cwd);
    for name in names {
        for (slot, value) in values.slots(name) {
            let value = value.strip_suffix('\r').unwrap_or(value);
            let line = format!("{name}[{slot}]=\"{value}\"");
            // IFS as it is by default; a carriage return is none of it.
            let words: Vec<&str> = line.split([' ', '\t', '\n']).filter(|word| !word.is_empty()).collect();
            if let Some(word) = words.iter().find(|word| files.may_match(word)) {
                let construct = format!("`{word}` in {name} may stand for file names in {}", cwd.display());
                return Err(Stop { line: 0, construct });
            }
            writeln!(out, "{}", words.join(" ")).expect("a String takes everything");
        }
    }
    Ok(out)
}

/// Lines of the second text mean nothing to the user: name the directive.
fn second(stop: Stop, printed: &str) -> Stop {
    let line = printed.lines().nth(stop.line.saturating_sub(1)).unwrap_or_default();
    let directive = line.split("=\"").next().unwrap_or_default();
    Stop { line: 0, construct: format!("{} in the second evaluation, near {directive}", stop.construct) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn read_make(text: &str) -> Result<String, Stop> {
        let scalars = BTreeMap::from([("kernelver".to_owned(), "6.1".to_owned())]);
        let state = State::new();
        let input =
            Input { file: Path::new("dkms.conf"), names: &["PACKAGE_NAME", "MAKE"], scalars: &scalars, state: &state };
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.o"), "").unwrap();
        read(text, &input, dir.path()).map(|state| state["MAKE"][&0].clone())
    }

    #[test]
    fn white_space_shrinks_and_one_carriage_return_goes() {
        assert_eq!(read_make("MAKE=\" a\t b\n  c \"\r\n").unwrap(), " a b c ");
    }

    #[test]
    fn what_was_protected_the_first_time_expands_the_second() {
        assert_eq!(read_make("PACKAGE_NAME=p\nMAKE='$PACKAGE_NAME-$kernelver'").unwrap(), "p-6.1");
        assert_eq!(read_make("MAKE=\"\\$kernelver\"").unwrap(), "6.1");
        assert_eq!(read_make("MAKE='\\$kernelver'").unwrap(), "$kernelver");
    }

    #[test]
    fn helper_variables_are_gone_in_the_second_evaluation() {
        assert_eq!(read_make("H=x\nMAKE='<$H>'\"<$H>\"").unwrap(), "<><x>");
    }

    #[test]
    fn quotes_inside_a_value_end_it() {
        assert_eq!(read_make("MAKE='a=\"b\"'").unwrap(), "a=b");
        let stop = read_make("MAKE='make A=\"b c\"'").unwrap_err();
        assert_eq!(stop.construct, "a command (`c`) in the second evaluation, near MAKE[0]");
    }

    #[test]
    fn a_word_that_may_be_file_names_needs_bash() {
        assert_eq!(read_make("MAKE='rm b* x'").unwrap(), "rm b* x");
        assert!(
            read_make("MAKE='rm *.o x'")
                .unwrap_err()
                .construct
                .starts_with("`*.o` in MAKE may stand for file names in ")
        );
        // The quotes stick to the first and the last word.
        assert_eq!(read_make("MAKE='*.o *.o'").unwrap(), "*.o *.o");
    }
}
