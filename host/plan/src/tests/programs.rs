//! Steps that run programs, and steps that sign.

use super::*;

#[test]
fn a_program_that_does_not_end_is_stopped_with_all_that_it_started() {
    let scratch = Scratch::new();
    let mark = scratch.path("child");
    let mut plan = scratch.builder();
    let mut command =
        Command::new("bash").args(["-c", "sleep 1000 & echo $! > \"$0\"; wait"]).arg(mark.display().to_string());
    command.time_limit = Some(std::time::Duration::from_millis(700));
    plan.push(Action::Run(command), "");
    let error = scratch.run(plan).unwrap_err();
    assert!(error.message.contains("took longer"), "{}", error.message);
    let child = fs::read_to_string(mark).unwrap();
    // What is killed takes a moment to end; by itself it would sleep on.
    let state = || fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
    let ended = || state().is_empty() || state().contains(") Z ");
    for _ in 0..100 {
        if ended() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("it goes on: {}", state());
}

#[test]
fn a_missing_program_that_is_optional_is_skipped_and_another_named() {
    let scratch = Scratch::new();
    let mut optional = Command::of(Program::At(tree("no-script")));
    optional.optional = true;
    let mut plan = scratch.builder();
    plan.push(Action::Run(optional), "");
    scratch.run(plan).unwrap();
    let mut plan = scratch.builder();
    plan.push(Action::Run(Command::new("no-such-program")), "");
    assert!(scratch.run(plan).unwrap_err().message.contains("`no-such-program` is not installed"));
}

#[test]
fn a_program_of_a_clean_environment_sees_only_what_its_step_lists() {
    let scratch = Scratch::new();
    let mut command = Command::new("env");
    command.environment = Environment::Clean(vec![("LISTED".into(), "1".into())]);
    command.log = Some(LogBlock { location: tree("make.log"), description: "x".into(), command: "env".into() });
    let mut plan = scratch.builder();
    plan.push(write(tree("make.log"), ""), "");
    plan.push(Action::Run(command), "");
    scratch.run(plan).unwrap();
    let log = fs::read_to_string(scratch.path("tree/make.log")).unwrap();
    let mut names: Vec<&str> =
        log.lines().filter(|line| !line.starts_with('#')).filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.sort_unstable();
    assert_eq!(names, ["LC_ALL", "LISTED", "PATH"], "{log}");
}

#[test]
fn the_output_of_a_logged_command_is_a_block_of_the_log() {
    let scratch = Scratch::new();
    let mut command = Command::new("bash").args(["-c", "echo said; exit 3"]);
    command.log =
        Some(LogBlock { location: tree("make.log"), description: "Building".into(), command: "make x".into() });
    let mut plan = scratch.builder();
    plan.push(write(tree("make.log"), "head\n"), "").on_undo(Undo::Keep);
    plan.push(Action::Run(command), "").fails_as(FailureId("script", 0), "no");
    assert!(matches!(scratch.run(plan).unwrap_err().cause, Cause::Step { status: Some(3), .. }));
    let log = fs::read_to_string(scratch.path("tree/make.log")).unwrap();
    let rule = "-".repeat(64);
    assert_eq!(
        log,
        format!("head\n\nBuilding\n# command: make x\nsaid\n\n# exit code: 3\n# elapsed time: 00:00:00\n{rule}\n")
    );
}

#[test]
fn what_this_program_could_not_do_is_no_failure_of_a_program_that_a_plan_allows_for() {
    // The log is a directory; the file to sign is not there.
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path("tree/make.log")).unwrap();
    let block = LogBlock { location: tree("make.log"), description: "x".into(), command: "true".into() };
    let logged = Command { log: Some(block), failure: OnFailure::Warn, ..Command::new("true") };
    signing::pair(&scratch, "k", signing::RSA);
    let lost = signing::append("k", "k.pub", crate::cms::Digest::Sha256, OnFailure::Warn);
    for action in [Action::Run(logged), lost] {
        let mut plan = scratch.builder();
        plan.push(action, "");
        assert!(scratch.run(plan).is_err());
    }
    // A program that fails, or is none, is.
    fs::create_dir_all(scratch.path("tree/bin")).unwrap();
    fs::write(scratch.path("tree/bin/foreign"), "\x7fELF of another machine").unwrap();
    executable(&scratch.path("tree/bin/foreign"));
    let foreign = Command::of(Program::At(tree("bin/foreign")));
    for command in [Command::new("false"), Command::new("no-such-program"), foreign] {
        let mut plan = scratch.builder();
        plan.push(Action::Run(Command { failure: OnFailure::Warn, ..command }), "");
        scratch.run(plan).unwrap();
    }
}

fn executable(file: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}
