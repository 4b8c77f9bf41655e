//! Generated texts: the plain reader either gives bash's values or leaves the
//! file to bash. The seed is fixed: a failure comes again.

use crate::common::agree;
use bash_assign::ere;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// No programs: what is generated may be a command.
const NO_PATH: &str = "/nonexistent";

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 300, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn check(text: &str) -> Result<bool, TestCaseError> {
    agree(text.as_bytes(), NO_PATH).map_err(TestCaseError::fail)
}

/// Pieces of values, safe and less so.
fn piece() -> impl Strategy<Value = String> {
    let fixed = select(vec![
        "a",
        "b c",
        "-",
        ".",
        "/x/",
        "  ",
        "\t",
        "=",
        ":",
        ",",
        "%",
        "@",
        "#",
        "é",
        "0",
        "+",
        "~",
        "*",
        "\\ ",
        "\\$",
        "\\\"",
        "\\\\",
        "\\\n",
        "'q r'",
        "'$A'",
        "'\\$B'",
        "\"d  e\"",
        "\"$A\"",
        "\"\\$A\"",
        "\"\\\\x\"",
        "\"it's\"",
        "''",
        "\"\"",
        "$A",
        "${A}",
        "${B[1]}",
        "${B[0]}",
        "$kernelver",
        "${kernelver%%-*}",
        "${kernelver#*.}",
        "${kernelver/-/_}",
        "${C:-none}",
        "${A:+set}",
        "${#A}",
        "${#B[@]}",
        "${kernelver:1:3}",
        "$((1+2))",
        "$",
        "\"$\"",
        "\r",
        "\"\n\"",
        "'\"'",
        "\"x\ny\"",
    ]);
    fixed.prop_map(str::to_owned)
}

fn assignment() -> impl Strategy<Value = String> {
    let name =
        select(vec!["A", "B", "C", "B[1]", "B[0]", "MAKE", "CLEAN", "PATCH", "PATCH[1]", "PATCH[3]", "PACKAGE_NAME"]);
    let operator = select(vec!["=", "=", "=", "+="]);
    let end = select(vec!["\n", "\n", "\n", ";", " ", " # c\n", "\r\n", " \\\n"]);
    let value = prop::collection::vec(piece(), 0..5).prop_map(|pieces| pieces.concat());
    (name, operator, value, end).prop_map(|(name, operator, value, end)| format!("{name}{operator}{value}{end}"))
}

#[test]
fn generated_assignments_have_bash_values() {
    let plain = std::cell::Cell::new(0);
    let strategy = prop::collection::vec(assignment(), 1..5).prop_map(|lines| lines.concat());
    let cases = 600;
    let result = runner(cases).run(&strategy, |text| {
        plain.set(plain.get() + u32::from(check(&text)?));
        Ok(())
    });
    result.unwrap_or_else(|e| panic!("{e}"));
    let plain = plain.get();
    println!("{plain} of {cases} without a shell");
    assert!(plain > 100, "only {plain} of {cases} texts were read without a shell: the comparison says little");
}

#[test]
fn generated_noise_has_bash_values() {
    let token = select(vec![
        "A", "B", "MAKE", "PATCH", "=", "+=", "[0]", "[1]", "[", "]", "(", ")", "'", "\"", "\\", "$", "{", "}", "$A",
        "${A}", " ", "  ", "\t", "\n", ";", "#", "a", "~", "*", "?", ":", "%", "/", "-", "é", "\r", "1", "`", "!", "&",
        "|", "${A", ":-", "$((", "))",
    ]);
    let strategy = prop::collection::vec(token, 0..14).prop_map(|tokens| format!("MAKE={}", tokens.concat()));
    runner(400).run(&strategy, |text| check(&text).map(drop)).unwrap_or_else(|e| panic!("{e}"));
}

/// Bash's own `=~` for many patterns and texts in one process: 0, 1, or 2 for a
/// bad pattern.
fn bash_matches(pairs: &[(String, String)]) -> Vec<u8> {
    let script = "while (($#)); do [[ $2 =~ $1 ]]; printf %s $?; shift 2; done 2>/dev/null";
    let output = std::process::Command::new("/bin/bash")
        .args(["--norc", "-c", script, "bash"])
        .args(pairs.iter().flat_map(|(pattern, text)| [pattern, text]))
        .env("LC_ALL", "C")
        .output()
        .expect("bash runs (apt-get install bash)");
    output.stdout.iter().map(|b| b - b'0').collect()
}

#[test]
fn generated_patterns_match_what_bash_matches() {
    let token = select(vec![
        "a",
        "b",
        "6",
        "-",
        ".",
        "\\.",
        "^",
        "$",
        "*",
        "+",
        "?",
        "(",
        ")",
        "|",
        "[ab]",
        "[^a]",
        "[a-c]",
        "[.-]",
        "[]x]",
        "[[:digit:]]",
        "[\\.]",
        "{2}",
        "{1,}",
        "{,2}",
        "{1,2}",
        "{",
        "}",
        "\\",
        "\\b",
        "\\<",
        "\\>",
        "\\w",
        "\\(",
        "]",
        "[",
        "6\\.1",
        "amd64",
    ]);
    let pattern = prop::collection::vec(token, 0..7).prop_map(|tokens| tokens.concat());
    let text = select(vec!["", "a", "aa", "b6", "6.1.0-56-amd64", "a.b", "ab-", "(a)", "{", "]", "\\", "a{2}"]);
    let strategy = prop::collection::vec((pattern, text.prop_map(str::to_owned)), 400);
    let result = runner(10).run(&strategy, |pairs| {
        let expected = bash_matches(&pairs);
        prop_assert_eq!(expected.len(), pairs.len());
        for ((pattern, text), expected) in pairs.iter().zip(expected) {
            let found = match ere::matches(pattern, text) {
                Ok(true) => 0,
                Ok(false) => 1,
                Err(_) => 2,
            };
            prop_assert_eq!(found, expected, "`{}` on `{}`", pattern, text);
        }
        Ok(())
    });
    result.unwrap_or_else(|e| panic!("{e}"));
}
