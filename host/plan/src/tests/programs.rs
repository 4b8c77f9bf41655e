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
    let lost = signature("k", key(&scratch, "k"), OnFailure::Warn);
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

/// A key made by openssl, in the tree, and its public half.
fn key(scratch: &Scratch, name: &str) -> Vec<u8> {
    let openssl = |arguments: &[&str]| {
        let out = std::process::Command::new("openssl").args(arguments).current_dir(scratch.path("tree")).output();
        let out = out.expect("openssl is not installed, and this test needs it: apt-get install openssl");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        out.stdout
    };
    openssl(&["genrsa", "-out", name, "2048"]);
    openssl(&["rsa", "-in", name, "-RSAPublicKey_out", "-outform", "DER"])
}

fn signature(key: &str, public_key: Vec<u8>, failure: OnFailure) -> Action {
    Action::AppendSignature(Signature {
        file: modules("x.ko"),
        key: tree(key),
        algorithm: SignatureAlgorithm::RsaPkcs1Sha256,
        public_key: Bytes(public_key),
        before: Bytes(b"<".to_vec()),
        after: Bytes(b">".to_vec()),
        failure,
    })
}

#[test]
fn a_signature_is_appended_between_its_frame_and_undone_with_its_plan() {
    let scratch = Scratch::new();
    let public = key(&scratch, "k");
    fs::write(scratch.path("modules/x.ko"), "module").unwrap();
    let mut plan = scratch.builder();
    plan.push(signature("k", public.clone(), OnFailure::Abort), "");
    scratch.run(plan).unwrap();
    let signed = fs::read(scratch.path("modules/x.ko")).unwrap();
    assert!(signed.starts_with(b"module<") && signed.ends_with(b">"));
    assert_eq!(signed.len(), b"module<>".len() + 256);

    fs::write(scratch.path("modules/x.ko"), "module").unwrap();
    let mut plan = scratch.builder();
    plan.push(signature("k", public, OnFailure::Abort), "");
    plan.push(verbs::Expect { files: vec![modules("missing")] }, "");
    scratch.run(plan).unwrap_err();
    assert_eq!(fs::read(scratch.path("modules/x.ko")).unwrap(), b"module");
}

#[test]
fn a_key_of_another_certificate_signs_nothing() {
    let scratch = Scratch::new();
    let public = key(&scratch, "k");
    key(&scratch, "other");
    fs::write(scratch.path("modules/x.ko"), "module").unwrap();
    let mut plan = scratch.builder();
    plan.push(signature("other", public.clone(), OnFailure::Warn), "");
    scratch.run(plan).unwrap();
    assert_eq!(fs::read(scratch.path("modules/x.ko")).unwrap(), b"module");
    let mut plan = scratch.builder();
    plan.push(signature("other", public, OnFailure::Abort), "");
    let error = scratch.run(plan).unwrap_err();
    assert!(error.to_string().contains("does not match the certificate"), "{error}");
}
