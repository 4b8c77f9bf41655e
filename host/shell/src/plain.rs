//! The plain reader: no shell is started.

use std::fmt::Write;
use std::path::Path;

use crate::budget::Budget;
use crate::glob::FileNames;
use crate::interpreter::{self, Stop};
use crate::{Input, Slots, State, Values};

/// Reads a file's text as [`crate::Bash::read`] would, or says what makes that
/// impossible. Whatever the text is, this takes some megabytes and part of a second.
pub fn read(text: &str, input: &Input<'_>, cwd: &Path) -> Result<State, Stop> {
    let budget = &mut Budget::new();
    let mut values = initial(input);
    interpreter::run(text, &mut values, budget)?;
    let printed = print(&values, input.names, cwd, budget)?;
    let mut values = initial(input);
    interpreter::run(&printed, &mut values, budget).map_err(|stop| second(stop, &printed))?;
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
fn print(values: &Values, names: &[&str], cwd: &Path, budget: &mut Budget) -> Result<String, Stop> {
    let mut out = String::new();
    let mut files = FileNames::seen_from(cwd);
    for name in names {
        for (slot, value) in values.slots(name) {
            let value = value.strip_suffix('\r').unwrap_or(value);
            let needs_bash = |construct: String| Stop { line: 0, construct };
            let size = name.len() + value.len() + "[4294967295]=\"\"\n".len();
            if budget.pay_bytes(size).is_none() {
                return Err(needs_bash(budget.exceeded().unwrap_or_default().to_owned()));
            }
            let line = format!("{name}[{slot}]=\"{value}\"");
            // IFS as it is by default; a carriage return is none of it.
            let words: Vec<&str> = line.split([' ', '\t', '\n']).filter(|word| !word.is_empty()).collect();
            if let Some(word) = words.iter().find(|word| files.may_match(word, budget)) {
                let construct = match budget.exceeded() {
                    Some(excess) => excess.to_owned(),
                    None => format!("`{word}` in {name} may stand for file names in {}", cwd.display()),
                };
                return Err(needs_bash(construct));
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

    /// Texts that cost more and more, each with what is too much in it; `None`: nothing is.
    fn costly() -> Vec<(String, Option<&'static str>)> {
        let (values, comparisons) = (Some("16 MiB"), Some("50 million comparisons"));
        let long = |c: &str| c.repeat(500_000);
        vec![
            (format!("A={}\n{}MAKE=$A", long("x"), "A=$A$A\n".repeat(40)), values),
            (format!("A={}\n{}MAKE=x", long("x"), "A+=$A\n".repeat(40)), values),
            (format!("A={}\n{}MAKE=x", long("x"), "B=(${A})\n".repeat(40_000)), values),
            (format!("A={}\n{}MAKE=x", long("x"), "B=${A:0:1}\n".repeat(40_000)), values),
            (format!("A={}\n{}MAKE=x", long("x"), "B=${#A}\n".repeat(40_000)), values),
            (format!("A={}\n{}MAKE=x", long("x"), "B=${C:-$A$A$A}\n".repeat(20_000)), values),
            (format!("A={}\nMAKE=${{A//x/{}}}", long("x"), long("y")), values),
            (format!("A={}\nMAKE=${{A%%*a*b}}", long("a")), None),
            (format!("A={}\nMAKE=${{A##*a?*b}}", long("a")), None),
            (format!("A={}\nMAKE=${{A##*{}b*}}", long("a"), "a".repeat(100_000)), comparisons),
            (format!("{}MAKE=${{#A[@]}}", "A+=(x)\nB=${#A[@]}\n".repeat(40_000)), None),
            (format!("{}MAKE=x", "A=\"\"\n".repeat(150_000)), None),
            (format!("MAKE='{0} x[{0}]{0} x'", "1".repeat(300_000)), None),
            (format!("MAKE='{}'", "x[0]* b* ./c* ".repeat(40_000)), None),
            (format!("MAKE='{}'", (0..40_000).map(|i| format!("x /nowhere/{i}/* ")).collect::<String>()), values),
        ]
    }

    #[test]
    fn a_text_without_bounds_takes_little_memory_and_time() {
        // What has no bounds is to end this test, not the machine.
        let most = Some(2 << 30);
        let limit = rustix::process::Rlimit { current: most, maximum: most };
        rustix::process::setrlimit(rustix::process::Resource::As, limit).unwrap();
        for (text, too_much) in costly() {
            let begun = std::time::Instant::now();
            let result = read_make(&text);
            let what = format!("{} … {}", &text[..20], &text[text.len() - 30..]);
            assert!(begun.elapsed().as_secs() < 5, "{what}: {:?}", begun.elapsed());
            match (too_much, &result) {
                (Some(expected), Err(stop)) => assert!(stop.construct.contains(expected), "{what}: {stop}"),
                (None, Ok(_)) => {}
                _ => panic!("{what}: {:?}", result.map(|value| value.len())),
            }
        }
    }
}
