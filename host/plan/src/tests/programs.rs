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

/// Keeps the lines that are reported.
#[derive(Default)]
struct Reported(std::sync::Mutex<Vec<String>>);

impl Reported {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn tell(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }
}

impl Reporter for Reported {
    fn line(&self, _: &str) {}

    fn begin(&self, text: &str, _: &str) {
        self.tell(text.to_owned());
    }

    fn end(&self, outcome: std::result::Result<(), i32>) {
        self.tell(format!("{outcome:?}"));
    }

    fn output(&self, lines: &[String]) {
        lines.iter().for_each(|line| self.tell(format!("said: {line}")));
    }

    fn warning(&self, text: &str) {
        self.tell(text.to_owned());
    }

    fn notice(&self, _: &str) {}
}

#[test]
fn output_that_is_for_the_user_follows_the_end_of_its_program() {
    let (scratch, told, jobs) = (Scratch::new(), Reported::default(), Jobs::new(1));
    let run = |code: u8, failure: OnFailure, shows_output: bool| {
        let text = format!("echo out; echo; echo err >&2; exit {code}");
        let command = Command { failure, shows_output, ..Command::new("bash").args(["-c", &text]) };
        let mut plan = scratch.builder();
        plan.push(Action::Run(command), "").progress("Running");
        Executor { reporter: &told, ..scratch.executor(&jobs) }.run(&plan.finish())
    };
    run(0, OnFailure::Abort, false).unwrap();
    assert_eq!(told.take(), ["Running", "Ok(())"]);
    run(0, OnFailure::Abort, true).unwrap();
    assert_eq!(told.take(), ["Running", "Ok(())", "said: out", "said: ", "said: err"]);
    // A failure of no consequence.
    run(4, OnFailure::Ignore, true).unwrap();
    assert_eq!(told.take(), ["Running", "Err(4)", "said: out", "said: ", "said: err"]);
    let error = run(4, OnFailure::Abort, true).unwrap_err();
    assert_eq!(told.take(), ["Running", "Err(4)", "said: out", "said: ", "said: err"]);
    assert!(error.details.is_empty(), "the output is reported once: {error:?}");
    // Of others, the error has the end of it.
    let error = run(4, OnFailure::Abort, false).unwrap_err();
    assert_eq!((told.take().len(), error.details), (2, vec!["out".into(), "err".into()]));
}

#[test]
fn a_script_without_its_interpreter_ends_as_with_a_shell() {
    let scratch = Scratch::new();
    let script = scratch.path("tree/script");
    for (first_line, why) in
        [("#!/no/such", "its interpreter `/no/such` is not installed."), ("#!/bin/sh\r", "Convert the file to Unix")]
    {
        fs::write(&script, format!("{first_line}\necho\n")).unwrap();
        executable(&script);
        let mut plan = scratch.builder();
        plan.push(Action::Run(Command::of(Program::At(tree("script")))), "").fails_as(FailureId("script", 0), "no");
        let error = scratch.run(plan).unwrap_err();
        assert!(matches!(error.cause, Cause::Step { status: Some(127), .. }), "{error:?}");
        assert!(error.details[0].starts_with(&format!("{}: ", script.display())), "{error:?}");
        assert!(error.details[0].contains(why), "{error:?}");
        // Where its output is kept in a log, that is in the log.
        let log = LogBlock { location: tree("make.log"), description: "x".into(), command: "script".into() };
        let logged = Command { log: Some(log), ..Command::of(Program::At(tree("script"))) };
        let mut plan = scratch.builder();
        plan.push(write(tree("make.log"), ""), "").on_undo(Undo::Keep);
        plan.push(Action::Run(logged), "").fails_as(FailureId("script", 0), "no");
        scratch.run(plan).unwrap_err();
        let log = fs::read_to_string(scratch.path("tree/make.log")).unwrap();
        assert!(log.contains(why) && log.contains("# exit code: 127\n"), "{log}");
    }
}

fn executable(file: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}
