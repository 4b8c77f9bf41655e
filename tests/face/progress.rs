//! What a terminal shows while an action works, and at its end.

use modsmith_tests::fixture::Package;
use modsmith_tests::prelude::*;
use modsmith_tests::world::modsmith;
use regex::RegexSet;

use crate::packages::world;

/// What a line can be, whole.
fn lines() -> RegexSet {
    let kernel = regex::escape(&kernel());
    let name = r"(good|bad|odd|stuck)/1\.0";
    RegexSet::new([
        r"^$".to_owned(),
        // A package in work, on a wide terminal and on a narrow one.
        format!(r"^  {name}(  {kernel})?(  [a-z][a-z_() ]+)?(  \d+ s)?( of about .+)?$"),
        r"^  \[[━╸ ]{24}\] \d of 4 done(\^C)?$".to_owned(),
        format!(r"^[✓–✗!] {name}  {kernel}  (installed|excluded|failed|interrupted)(  [\d.]+ s)?$"),
        r"^    \S.*$".to_owned(),
        format!(r"^Interrupted\. Undoing: install stuck/1\.0 for {kernel} .*$"),
        r"^1 installed, 1 excluded, 1 interrupted, 1 failed in [\d.]+ s$".to_owned(),
    ])
    .unwrap()
}

#[test]
fn no_line_is_torn_and_the_last_screen_is_whole_whatever_happens_meanwhile() {
    let kernel = kernel();
    let world = world();
    // Until it is interrupted.
    let conf = "POST_INSTALL=stuck.sh\nBUILD_DEPENDS=good";
    world.add_package(&Package::new("stuck", "1.0").conf(conf).script("stuck.sh", "exec tail -f /dev/null"));
    world.dkms("add stuck/1.0").expect(0);
    let lines = lines();
    let whole = |screen: &[String]| {
        let torn = screen.iter().find(|line| !lines.is_match(line));
        assert_eq!(torn, None, "{screen:#?}");
    };
    let has = |part: &'static str| move |screen: &[String]| screen.iter().any(|line| line.contains(part));
    let mut terminal = world.program(modsmith()).words(&format!("autoinstall -j3 -k {kernel}")).on_terminal(24, 100);
    terminal.until(has("3 of 4 done"), whole);
    let wide = format!("  stuck/1.0  {kernel}  running the post_install script");
    let has_wide = |screen: &[String]| screen.iter().any(|line| line.starts_with(&wide));
    terminal.until(has_wide, whole);
    let screen = terminal.screen();
    assert!(!has("x bad")(&screen) && !has("✗ bad")(&screen), "failures come last: {screen:#?}");
    // A narrow terminal has shorter lines.
    terminal.resize(24, 60);
    terminal.until(has("  stuck/1.0  running the post_install script"), |_| {});
    terminal.resize(30, 90);
    terminal.until(has_wide, whole);
    terminal.interrupt();
    let (code, end) = terminal.end(whole);
    assert_eq!(code, 130, "{end:#?}");
    whole(&end);
    let place =
        |part: &str| end.iter().position(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}: {end:#?}"));
    assert!(place("✓ good/1.0") < place("Interrupted. Undoing"), "{end:#?}");
    assert!(place("Interrupted. Undoing") < place("✗ bad/1.0"), "{end:#?}");
    assert!(place("First error: bad.c:12:8: error") < place("1 installed, 1 excluded"), "{end:#?}");
    assert_eq!(place("1 installed, 1 excluded"), end.len() - 1, "the summary is last: {end:#?}");
    assert!(!end.iter().any(|line| line.contains(" done")), "nothing of what went on is left: {end:#?}");
    // What was begun has been undone.
    let status = world.dkms("status stuck/1.0").expect(0).stdout;
    assert!(status.contains(": built") && !status.contains("installed"), "{status}");
    assert!(!world.modules(&kernel).join("updates/dkms/stuck.ko").exists());
}

#[test]
fn the_lines_of_dkms_on_a_terminal_are_those_of_dkms() {
    let world = world();
    let line = format!("install good/1.0 -k {}", kernel());
    let terminal = world.program(world.path("bin/dkms")).words(&line).on_terminal(40, 100);
    let (code, lines) = terminal.end(|_| {});
    assert_eq!(code, 0, "{lines:#?}");
    assert!(
        lines.iter().any(|line| line.starts_with("Building module(s)...") && line.ends_with(" done.")),
        "{lines:#?}"
    );
    assert!(!lines.iter().any(|line| line.contains("✓")), "{lines:#?}");
}
