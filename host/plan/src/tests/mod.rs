//! The executor as flows see it: real files, real programs, scratch roots.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::*;
use modsmith_facts::{Location, OsRelease, Places, Root, Roots, System};

struct Everything;
impl Guard for Everything {
    fn permits(&self, _: &Origin, _: &Action, _: &Arc<Places>) -> Result<(), String> {
        Ok(())
    }

    fn watch(&self, _: &Origin, _: &Arc<Places>) -> Option<Arc<dyn Watch>> {
        None
    }
}

struct Scratch {
    dir: tempfile::TempDir,
    system: System,
}

impl Scratch {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["tree", "modules", "source"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let mut system = System::new("/", OsRelease::default());
        system.roots.set(Root::Tree, dir.path().join("tree"));
        system.roots.set(Root::SourceTree, dir.path());
        system.roots.set(Root::InstallTree, dir.path());
        Self { dir, system }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn builder(&self) -> Builder {
        let roots = Roots::default()
            .with(Root::Tree, self.path("tree"))
            .with(Root::Modules, self.path("modules"))
            .with(Root::Source, self.path("source"));
        Builder::new("try it", roots)
    }

    fn run(&self, plan: Builder) -> crate::error::Result<()> {
        Executor { system: &self.system, guard: &Everything, reporter: &Silent, jobs: &Jobs::new(1) }
            .run(&plan.finish())
    }

    /// Every path with its kind, link target or contents.
    fn listing(&self) -> Vec<String> {
        walkdir::WalkDir::new(self.dir.path())
            .sort_by_file_name()
            .into_iter()
            .map(|entry| {
                let entry = entry.unwrap();
                let what = match (entry.path().read_link(), entry.file_type().is_dir()) {
                    (Ok(target), _) => format!("-> {}", target.display()),
                    (_, true) => "/".into(),
                    _ => String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).into_owned(),
                };
                format!("{} {what}", entry.path().strip_prefix(self.dir.path()).unwrap().display())
            })
            .collect()
    }
}

fn modules(path: &str) -> Location {
    Location::new(Root::Modules, path).unwrap()
}

fn tree(path: &str) -> Location {
    Location::new(Root::Tree, path).unwrap()
}

fn write(at: Location, text: &str) -> verbs::WriteFile {
    verbs::WriteFile { at, contents: Bytes(text.into()), mode: 0o644 }
}

/// One plan that does a bit of everything.
fn everything(scratch: &Scratch) -> Builder {
    fs::create_dir_all(scratch.path("modules/extra")).unwrap();
    fs::create_dir_all(scratch.path("tree/old/deep")).unwrap();
    fs::write(scratch.path("modules/extra/x.ko"), "before").unwrap();
    fs::write(scratch.path("modules/gone.ko"), "gone").unwrap();
    fs::write(scratch.path("tree/old/deep/file"), "deep").unwrap();
    fs::write(scratch.path("source/a.c"), "source").unwrap();
    std::os::unix::fs::symlink("nowhere", scratch.path("tree/link")).unwrap();
    let mut plan = scratch.builder();
    let source = Location::new(Root::Source, "").unwrap();
    plan.push(verbs::MakeDirectory { at: modules("updates/dkms") }, "");
    plan.push(write(modules("updates/dkms/y.ko"), "new"), "");
    plan.push(write(modules("extra/x.ko"), "after"), "");
    plan.push(verbs::BackUp { at: modules("extra/x.ko"), suffix: ".old".into() }, "");
    plan.push(verbs::Remove { at: modules("gone.ko") }, "");
    plan.push(verbs::Copy { from: source.clone(), to: tree("build") }, "");
    plan.push(verbs::Copy { from: source, to: tree("old") }, "");
    plan.push(verbs::Rename { from: tree("build"), to: tree("old/deep") }, "");
    plan.push(verbs::Symlink { at: tree("link"), target: "elsewhere".into() }, "");
    plan.push(verbs::Collect { from: tree("old"), glob: "*.c".into(), to: modules("collected") }, "");
    plan
}

#[test]
fn a_plan_that_succeeds_leaves_its_effect_and_nothing_else() {
    let scratch = Scratch::new();
    scratch.run(everything(&scratch)).unwrap();
    assert_eq!(
        scratch.listing(),
        [
            " /",
            "modules /",
            "modules/collected /",
            "modules/collected/a.c source",
            "modules/extra /",
            "modules/extra/x.ko after",
            "modules/extra/x.ko.old after",
            "modules/updates /",
            "modules/updates/dkms /",
            "modules/updates/dkms/y.ko new",
            "source /",
            "source/a.c source",
            "tree /",
            "tree/link -> elsewhere",
            "tree/old /",
            "tree/old/a.c source",
            "tree/old/deep /",
            "tree/old/deep/a.c source",
        ]
    );
}

#[test]
fn a_failing_step_takes_back_all_that_was_done() {
    let scratch = Scratch::new();
    let mut plan = everything(&scratch);
    let before = scratch.listing();
    plan.push(Action::Run(Command::new("false")), "to fail").fails_as(FailureId("build-failed"), "It failed.");
    let error = scratch.run(plan).unwrap_err();
    assert!(matches!(error.cause, Cause::Step { meaning: Some(FailureId("build-failed")), status: Some(1), .. }));
    assert_eq!(error.message, "It failed.");
    assert_eq!(scratch.listing(), before);
}

#[test]
fn recovery_takes_back_a_plan_that_was_killed_and_may_be_repeated() {
    let scratch = Scratch::new();
    let plan = everything(&scratch).finish();
    let before = scratch.listing();
    // What a killed executor leaves: a journal whose last step may be half done.
    let files = Files::new(plan.roots.clone());
    let mut journal = journal::Journal::create(&plan.title, &plan.roots, Path::new("/")).unwrap();
    let mut stash = undo::Stash::new(journal.id());
    for (index, step) in plan.steps.iter().enumerate() {
        let ops = begin::prepare(step, &files, &mut stash).unwrap();
        journal.begin(index, &ops, false, files.links()).unwrap();
        begin::put_aside(step.action.verb(), &ops, &files).unwrap();
        if index + 1 < plan.steps.len() {
            let runner = runner::Runner {
                system_root: Path::new("/"),
                reporter: &Silent,
                jobs: &Jobs::new(1),
                heeds_signals: true,
            };
            step.action.verb().perform(&files, &runner).unwrap();
        }
    }
    drop(journal);
    let executor = Executor { system: &scratch.system, guard: &Everything, reporter: &Silent, jobs: &Jobs::new(1) };
    let (found, _) = pending(&scratch.path("tree")).unwrap();
    // Killed once more while it undoes, after any number of steps.
    let mut journal = journal::Journal::reopen(&scratch.path("tree"), &found[0]).unwrap();
    for begun in found[0].steps.iter().rev().take(6) {
        undo::undo(&begun.undo, &files, &mut |_| ()).unwrap();
        journal.undone(begun.step).unwrap();
    }
    let next = &found[0].steps[found[0].steps.len() - 7];
    undo::undo(&next.undo, &files, &mut |_| ()).unwrap();
    drop(journal);
    let (found, _) = pending(&scratch.path("tree")).unwrap();
    assert_eq!(found[0].steps.len(), plan.steps.len() - 6);
    executor.recover(&found[0]).unwrap();
    assert_eq!(scratch.listing(), before);
}

/// A scratch system with a journal that somebody else wrote: it would remove a
/// file, and run a program.
fn with_journal(root: Root, path: &Path) -> (Scratch, std::path::PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new();
    fs::write(scratch.path("modules/victim"), "kept").unwrap();
    let journals = scratch.path("tree/.modsmith/journal");
    fs::create_dir_all(&journals).unwrap();
    let journal = journals.join("1-x.jsonl");
    let roots = serde_json::json!({ "tree": scratch.path("tree"), root.name(): path });
    let lines = [
        serde_json::json!({"plan": {"version": 2, "title": "t", "pid": 1, "roots": roots}}),
        serde_json::json!({"begin": {"step": 0, "keep": false, "undo": [
            {"remove": {"at": {"root": root.name(), "relative": "victim"}}}]}}),
    ];
    fs::write(&journal, lines.map(|line| format!("{line}\n")).concat()).unwrap();
    for (path, mode) in [(scratch.path("tree/.modsmith"), 0o755), (journals, 0o700), (journal.clone(), 0o600)] {
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    (scratch, journal)
}

fn recover(scratch: &Scratch) -> (crate::error::Result<()>, Vec<modsmith_facts::Untrusted>) {
    let (found, untrusted) = pending(&scratch.path("tree")).unwrap();
    let executor = Executor { system: &scratch.system, guard: &Everything, reporter: &Silent, jobs: &Jobs::new(1) };
    (found.iter().try_for_each(|pending| executor.recover(pending)), untrusted)
}

#[test]
fn a_journal_that_others_could_write_is_left_alone() {
    use std::os::unix::fs::PermissionsExt;
    let own = |scratch: &Scratch| scratch.path("modules/victim");
    let start = || {
        let (scratch, journal) = with_journal(Root::Modules, Path::new("/unused"));
        let text = fs::read_to_string(&journal).unwrap();
        fs::write(&journal, text.replace("/unused", &scratch.path("modules").display().to_string())).unwrap();
        (scratch, journal)
    };
    let (scratch, _) = start();
    assert!(recover(&scratch).0.is_ok() && !own(&scratch).exists(), "a journal of this invocation's own");

    for what in ["file", "directory", "link"] {
        let (scratch, journal) = start();
        let directory = journal.parent().unwrap();
        match what {
            "file" => fs::set_permissions(&journal, PermissionsExt::from_mode(0o666)).unwrap(),
            "directory" => fs::set_permissions(directory, PermissionsExt::from_mode(0o777)).unwrap(),
            _ => {
                fs::rename(directory, scratch.path("source/journal")).unwrap();
                std::os::unix::fs::symlink(scratch.path("source/journal"), directory).unwrap();
            }
        }
        let (outcome, untrusted) = recover(&scratch);
        outcome.unwrap();
        assert_eq!(untrusted.len(), 1, "{what}");
        assert!(own(&scratch).exists(), "{what}");
    }
}

#[test]
fn a_journal_changes_nothing_below_roots_that_the_invocation_does_not_have() {
    for (root, refused) in [
        (Root::Modules, true),
        (Root::Boot, true),
        (Root::Etc, true),
        (Root::SourceTree, true),
        // Told, since a caller may have named any directory for a result.
        (Root::System, false),
        (Root::Headers, false),
        (Root::Staging, false),
        (Root::Source, false),
    ] {
        let elsewhere = tempfile::tempdir().unwrap();
        let victim = elsewhere.path().join("victim");
        fs::write(&victim, "kept").unwrap();
        let (scratch, journal) = with_journal(root, elsewhere.path());
        let (outcome, untrusted) = recover(&scratch);
        assert_eq!(outcome.is_err(), refused, "{root}");
        assert_eq!(journal.exists(), refused, "{root}");
        assert!(untrusted.is_empty() && victim.exists(), "{root}");
    }
}

#[test]
fn a_journal_names_no_commands() {
    let (scratch, journal) = with_journal(Root::Modules, Path::new("/unused"));
    let text = fs::read_to_string(&journal).unwrap();
    let mark = scratch.path("source/mark");
    for undo in [
        serde_json::json!({"rerun": {"command": {"program": {"named": "touch"}, "arguments": [mark]}}}),
        serde_json::json!({"rerun": {"touch": {"file": mark}}}),
        serde_json::json!({"rerun": {"depmod": {"kernel": "../../x"}}}),
    ] {
        let line = serde_json::json!({"begin": {"step": 0, "keep": false, "undo": [undo]}});
        let head = text.lines().next().unwrap();
        fs::write(&journal, format!("{head}\n{line}\n{line}\n")).unwrap();
        let error = recover(&scratch).0.unwrap_err();
        assert!(!error.hints.is_empty() && journal.exists() && !mark.exists(), "{undo}: {error:?}");
    }
}

#[test]
fn evidence_of_a_failed_build_stays() {
    let scratch = Scratch::new();
    let mut plan = scratch.builder();
    plan.push(write(tree("build.log"), "log"), "").on_undo(Undo::Keep);
    plan.push(write(tree("other"), "x"), "");
    plan.push(verbs::Expect { files: vec![tree("product")] }, "").fails_as(FailureId("product-missing"), "No product.");
    let error = scratch.run(plan).unwrap_err();
    assert!(error.details[0].contains("product"), "{:?}", error.details);
    assert!(scratch.path("tree/build.log").exists() && !scratch.path("tree/other").exists());
}

#[test]
fn a_planted_link_does_not_lead_a_write_out_of_its_root() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("outside")).unwrap();
    std::os::unix::fs::symlink(scratch.path("outside"), scratch.path("modules/updates")).unwrap();
    let mut plan = scratch.builder();
    plan.push(write(modules("updates/x.ko"), "x"), "");
    assert!(scratch.run(plan).is_err());
    assert_eq!(fs::read_dir(scratch.path("outside")).unwrap().count(), 0);
}

#[test]
fn a_directory_is_not_copied_into_itself() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path("tree/a/b")).unwrap();
    std::os::unix::fs::symlink("a", scratch.path("tree/link")).unwrap();
    let before = scratch.listing();
    for to in ["a/b/c", "a/new", "a", "link/b/d"] {
        let mut plan = scratch.builder();
        plan.push(verbs::Copy { from: tree("a"), to: tree(to) }, "");
        let error = scratch.run(plan).unwrap_err();
        assert!(error.message.contains("into itself"), "{to}: {error}");
        assert_eq!(scratch.listing(), before, "{to}");
    }
}

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
fn empty_directories_go_up_to_the_root_unless_somebody_owns_them() {
    let scratch = Scratch::new();
    let prune = |owner: Option<&str>| {
        fs::create_dir_all(scratch.path("modules/a/b/c")).unwrap();
        let mut plan = scratch.builder();
        let unless_owned = owner.map(|program| vec![program.to_owned()]);
        plan.push(verbs::Prune { at: modules("a/b/c"), unless_owned }, "");
        scratch.run(plan).unwrap();
        scratch.path("modules/a").exists()
    };
    assert!(prune(Some("true")), "an owned directory stays");
    assert!(!prune(Some("false")));
    assert!(!prune(None));
    assert!(scratch.path("modules").exists());
}

#[test]
fn an_archive_holds_what_was_packed_and_none_climbs_out() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("source/sub")).unwrap();
    fs::write(scratch.path("source/sub/f"), "text").unwrap();
    let mut plan = scratch.builder();
    let compress = Some(modsmith_facts::Compression::Xz);
    let source = Location::new(Root::Source, "").unwrap();
    plan.push(verbs::Pack { tree: source, to: tree("a.tar.xz"), format: ArchiveFormat::Tar, compress }, "");
    plan.push(verbs::Unpack { archive: tree("a.tar.xz"), to: tree("out") }, "");
    scratch.run(plan).unwrap();
    assert_eq!(fs::read_to_string(scratch.path("tree/out/sub/f")).unwrap(), "text");

    let mut header = tar::Header::new_gnu();
    header.as_gnu_mut().unwrap().name[..10].copy_from_slice(b"../../evil");
    header.set_size(1);
    header.set_cksum();
    let mut archive = tar::Builder::new(Vec::new());
    archive.append(&header, &b"x"[..]).unwrap();
    fs::write(scratch.path("tree/evil.tar"), archive.into_inner().unwrap()).unwrap();
    let mut plan = scratch.builder();
    plan.push(verbs::Unpack { archive: tree("evil.tar"), to: tree("evil") }, "");
    assert!(scratch.run(plan).unwrap_err().message.contains("would leave the directory"));
    assert!(!scratch.path("tree/evil").exists() && !scratch.path("evil").exists());
}

#[test]
fn the_output_of_a_logged_command_is_a_block_of_the_log() {
    let scratch = Scratch::new();
    let mut command = Command::new("bash").args(["-c", "echo said; exit 3"]);
    command.log = Some(LogBlock { at: tree("make.log"), description: "Building".into(), command: "make x".into() });
    let mut plan = scratch.builder();
    plan.push(write(tree("make.log"), "head\n"), "").on_undo(Undo::Keep);
    plan.push(Action::Run(command), "").fails_as(FailureId("script"), "no");
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
    let block = LogBlock { at: tree("make.log"), description: "x".into(), command: "true".into() };
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
    assert!(error.to_string().contains("does not belong to the certificate"), "{error}");
}
