//! What the next invocation makes of a journal.

use super::*;

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
                stops_on_signal: true,
                said: std::cell::RefCell::default(),
            };
            step.action.verb().perform(&files, &runner).unwrap();
        }
    }
    drop(journal);
    let jobs = Jobs::new(1);
    let executor = scratch.executor(&jobs);
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

/// A scratch system with a journal that another user wrote: it would remove a file, and run a
/// program.
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
            {"remove": {"location": {"root": root.name(), "relative": "victim"}}}]}}),
    ];
    fs::write(&journal, lines.map(|line| format!("{line}\n")).concat()).unwrap();
    for (path, mode) in [(scratch.path("tree/.modsmith"), 0o755), (journals, 0o700), (journal.clone(), 0o600)] {
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    (scratch, journal)
}

fn recover(scratch: &Scratch) -> (crate::error::Result<()>, Vec<modsmith_facts::Untrusted>) {
    let (found, untrusted) = pending(&scratch.path("tree")).unwrap();
    let jobs = Jobs::new(1);
    let executor = scratch.executor(&jobs);
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
        serde_json::json!({"rerun": {"name": "touch", "argument": mark}}),
    ] {
        let line = serde_json::json!({"begin": {"step": 0, "keep": false, "undo": [undo]}});
        let head = text.lines().next().unwrap();
        fs::write(&journal, format!("{head}\n{line}\n{line}\n")).unwrap();
        let error = recover(&scratch).0.unwrap_err();
        assert!(!error.hints.is_empty() && journal.exists() && !mark.exists(), "{undo}: {error:?}");
    }
}
