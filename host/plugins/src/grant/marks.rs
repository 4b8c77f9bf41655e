//! Warnings that `inspect` and `grant` show behind a right with which a plugin can do everything.

use super::programs::{ProbeRight, RunRight};
use crate::interpreter::executes_input;
use crate::variables::{is_harmless, loads_code};

/// Behind a program.
pub(crate) const EXECUTES_INPUT: &str = " (executes its input: may do anything)";
/// Behind a place whose last name is a pattern: what has such a name is not known.
pub(crate) const ANY_PROGRAM: &str = " (any program that fits a place: may do anything)";
/// Behind a program that may be given any option.
pub(crate) const ANY_OPTION: &str = " (takes any option: may do anything)";
/// Behind a variable.
pub(crate) const LOADS_CODE: &str = " (loads code: may do anything)";
/// Behind a variable that is not on the list of those that change nothing but texts.
pub(crate) const UNKNOWN_VARIABLE: &str = " (not known to be harmless: may do anything)";
/// Behind a key.
pub(crate) const SIGNS: &str = " (signs any file that it may write)";

/// The mark of the program that an entry runs; empty for most.
pub(crate) fn of_program(run: &RunRight) -> &'static str {
    let last_names = || run.paths.iter().filter_map(|path| path.rsplit('/').next());
    let is_pattern = |name: &str| name.contains(['*', '?', '[', '{', '\\']);
    if executes_input(&run.program) || last_names().any(executes_input) {
        EXECUTES_INPUT
    } else if last_names().any(is_pattern) {
        ANY_PROGRAM
    } else if run.arguments.iter().any(|word| is_any_option(word)) {
        ANY_OPTION
    } else {
        ""
    }
}

/// The mark of the program that a probe runs. Its arguments are fixed.
pub(crate) fn of_probe(probe: &ProbeRight) -> &'static str {
    if executes_input(&probe.program) { EXECUTES_INPUT } else { "" }
}

/// The mark of a variable that a program gets from the plugin.
pub(crate) fn of_variable(name: &str) -> &'static str {
    match (loads_code(name), is_harmless(name)) {
        (true, _) => LOADS_CODE,
        (false, false) => UNKNOWN_VARIABLE,
        (false, true) => "",
    }
}

/// The most serious mark of an entry: that of its program, else of its variables.
pub(crate) fn of_run(run: &RunRight) -> &'static str {
    let of_variables = || {
        let marks = run.environment.iter().map(|name| of_variable(name)).filter(|mark| !mark.is_empty());
        marks.max_by_key(|mark| *mark == LOADS_CODE).unwrap_or_default()
    };
    Some(of_program(run)).filter(|mark| !mark.is_empty()).unwrap_or_else(of_variables)
}

/// Whether a word of a pattern stands for options that it does not name: `[-]*`, `-*`, `--*`.
fn is_any_option(word: &str) -> bool {
    word.split_once('*').is_some_and(|(before, _)| matches!(before, "[-]" | "-" | "--"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(program: &str, arguments: &[&str], paths: &[&str], environment: &[&str]) -> RunRight {
        let texts = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        RunRight {
            program: program.to_owned(),
            arguments: texts(arguments),
            paths: texts(paths),
            setting: None,
            environment: texts(environment),
            pass: Vec::new(),
            or_here: false,
        }
    }

    #[test]
    fn an_entry_is_marked_by_all_that_lets_it_run_other_code() {
        for (entry, mark) in [
            (run("sh", &["-c", "*"], &[], &[]), EXECUTES_INPUT),
            (run("mkimagex", &["*"], &["usr/bin/dash"], &[]), EXECUTES_INPUT),
            (run("mkimagex", &["*"], &["usr/lib/a/mkimagex", "usr/lib/*/bash-static"], &[]), EXECUTES_INPUT),
            (run("mkimagex", &["*"], &["usr/bin/mk*"], &[]), ANY_PROGRAM),
            (run("mkimagex", &["*"], &["usr/bin/{dash,x}"], &[]), ANY_PROGRAM),
            (run("mkimagex", &["*"], &["usr/**"], &[]), ANY_PROGRAM),
            (run("tar", &["[-]**"], &[], &[]), ANY_OPTION),
            (run("tar", &["-x", "[-]*"], &[], &[]), ANY_OPTION),
            (run("tar", &["-*"], &[], &[]), ANY_OPTION),
            (run("tar", &["--*-modules"], &[], &[]), ANY_OPTION),
            (run("dpkg", &["[-]**"], &[], &[]), ANY_OPTION),
            (run("tar", &["-x"], &[], &["TAR_OPTIONS"]), LOADS_CODE),
            (run("tool", &[], &[], &["OWN_PLUGINS"]), UNKNOWN_VARIABLE),
            (run("rpm", &[], &[], &["RPM_CONFIGDIR"]), UNKNOWN_VARIABLE),
            (run("dracut", &["-f"], &[], &["dracutbasedir"]), UNKNOWN_VARIABLE),
            (run("tool", &[], &[], &["OWN", "LD_PRELOAD", "OTHER"]), LOADS_CODE),
        ] {
            assert_eq!(of_run(&entry), mark, "{entry:?}");
        }
        for entry in [
            run(
                "mkimage",
                &["-f", "boot/image-*", "*", "--kver=*", "-o*", "**"],
                &[],
                &["SOURCE_DATE_EPOCH", "LC_ALL"],
            ),
            run("sign-file", &["*", "*"], &["headers/scripts/sign-file", "usr/src/linux-*/scripts/sign-file"], &[]),
            run("rpm", &["-qf", "*"], &[], &[]),
        ] {
            assert_eq!(of_run(&entry), "", "{entry:?}");
        }
    }
}
