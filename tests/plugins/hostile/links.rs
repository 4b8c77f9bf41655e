//! Names that lead out of a grant: through links, other roots and directories.
//! Each step is refused when it runs, and the system is as it was.

use std::os::unix::fs::symlink;
use std::path::Path;

use modsmith_core::error::{Error, Kind};
use modsmith_facts::{Location, Root, Roots};
use modsmith_plan::cms::Digest;
use modsmith_plan::{
    Action, Announce, ArchiveFormat, Builder, Bytes, Executor, Jobs, OnFailure, Origin, Silent, Step, Undo, no_reruns,
    verbs,
};

use super::guest::{Body, manifest_text};
use super::setting::{Setting, assert_names};

const NARROW: &str = "[write]\nroots = [\"etc/evil-*\"]\n";
const KEYS: &str = "[write]\nroots = [\"etc\", \"tree\", \"var\"]\n[sign]\nkeys = [\"tree/mok.key\"]\n";

/// A system with the plugin, a job of cron's, and a key.
fn setting(grant: &str) -> Setting {
    let setting = Setting::of(&modsmith_kit::build::embed(&Body::new().component(), &manifest_text(grant)));
    for (path, contents) in [
        ("etc/cron.d/job", "job"),
        ("etc/evil-a/f", "f"),
        ("var/lib/dkms/mok.key", "secret"),
        ("var/lib/dkms/m/1/x.ko", "module"),
        ("boot/vmlinuz", "kernel"),
    ] {
        let path = root(&setting).join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
    }
    symlink("cron.d", root(&setting).join("etc/evil-d")).unwrap();
    symlink("../dkms/mok.key", root(&setting).join("var/lib/dkms/link")).unwrap();
    setting
}

fn root(setting: &Setting) -> std::path::PathBuf {
    setting.dir.path().join("root")
}

fn location(root: Root, relative: &str) -> Location {
    Location::new(root, relative).unwrap()
}

fn etc(relative: &str) -> Location {
    location(Root::Etc, relative)
}

/// Runs a step as one that the plugin has added.
fn run(setting: &Setting, action: impl Into<Action>) -> Result<(), Error> {
    let system = setting.system();
    let roots: Roots = system.roots.clone().with(Root::Staging, setting.dir.path().join("staging"));
    let mut plan = Builder::new("try it", roots);
    plan.push_step(Step {
        action: action.into(),
        reason: "a test".into(),
        announce: Announce::Silent,
        origin: Origin::Plugin { id: "hostile".into(), role: "initrd".into() },
        undo: Undo::Revert,
        fails_as: None,
        failure_message: None,
        hints: Vec::new(),
    });
    let (plugins, jobs) = (setting.open(), Jobs::new(1));
    Executor { system: &system, guard: &plugins, reporter: &Silent, jobs: &jobs, reruns: no_reruns }
        .run(&plan.finish())
        .map_err(Error::from)
}

/// Paths with contents, or what links lead to.
fn picture(directory: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let entries = walkdir::WalkDir::new(directory).sort_by_file_name();
    let entries = entries.into_iter().map(|entry| entry.unwrap().into_path());
    entries
        .map(|path| {
            let contents = match path.read_link() {
                Ok(target) => target.into_os_string().into_encoded_bytes(),
                Err(_) => std::fs::read(&path).unwrap_or_default(),
            };
            (path, contents)
        })
        .collect()
}

/// All are refused, with a sentence that has these parts, and change nothing.
#[track_caller]
fn refused(grant: &str, actions: Vec<Action>, parts: &[&str]) {
    let setting = setting(grant);
    refused_in(&setting, actions, parts);
}

#[track_caller]
fn refused_in(setting: &Setting, actions: Vec<Action>, parts: &[&str]) {
    let before = picture(&root(setting));
    for action in actions {
        let shown = format!("{action:?}");
        let error = run(setting, action).expect_err(&shown);
        assert_eq!(error.kind, Kind::Plugin, "{shown}: {error}");
        assert_names(&error.to_string(), &[&["`hostile`"], parts].concat());
        assert_eq!(picture(&root(setting)), before, "{shown}");
    }
}

fn write(location: Location) -> Action {
    Action::WriteFile(verbs::WriteFile { location, contents: Bytes(b"x".to_vec()), mode: 0o644 })
}

fn pack(tree: Location, to: Location) -> Action {
    Action::Pack(verbs::Pack { tree, to, format: ArchiveFormat::Tar, compress: None })
}

#[test]
fn what_is_granted_is_done() {
    let setting = setting(NARROW);
    run(&setting, write(etc("evil-a/new"))).unwrap();
    run(&setting, verbs::Copy { from: etc("evil-a"), to: etc("evil-b") }).unwrap();
    run(&setting, verbs::Symlink { location: etc("evil-b/link"), target: "../evil-a/f".into() }).unwrap();
    run(&setting, verbs::Remove { location: etc("evil-d") }).unwrap();
    run(&setting, pack(etc("evil-a"), etc("evil-e"))).unwrap();
    run(&setting, verbs::Rename { from: etc("evil-a/f"), to: etc("evil-f") }).unwrap();
    let root = root(&setting);
    assert_eq!(std::fs::read(root.join("etc/evil-b/new")).unwrap(), b"x");
    assert_eq!(std::fs::read(root.join("etc/evil-f")).unwrap(), b"f");
    assert_eq!(std::fs::read(root.join("etc/cron.d/job")).unwrap(), b"job");
    assert!(
        std::fs::read_dir(root.join("etc")).unwrap().all(|entry| !entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with('.'))
    );
}

#[test]
fn no_step_writes_or_removes_through_a_link() {
    refused(
        NARROW,
        vec![
            write(etc("evil-d/x")),
            Action::from(verbs::MakeDirectory { location: etc("evil-d/x") }),
            Action::from(verbs::Remove { location: etc("evil-d/job") }),
            Action::from(verbs::Rename { from: etc("evil-d/job"), to: etc("evil-x") }),
            Action::from(verbs::Rename { from: etc("evil-a/f"), to: etc("evil-d/f") }),
            Action::from(verbs::Copy { from: etc("evil-a"), to: etc("evil-d/x") }),
            Action::from(verbs::BackUp { location: etc("evil-d/job"), suffix: ".old".into() }),
            Action::from(verbs::Symlink { location: etc("evil-d/x"), target: "f".into() }),
            Action::from(verbs::Collect { from: etc("evil-a"), glob: "*".into(), to: etc("evil-d/x") }),
            pack(etc("evil-a"), etc("evil-d/x")),
        ],
        &["link"],
    );
}

#[test]
fn no_step_reads_through_a_link() {
    refused(
        NARROW,
        vec![
            Action::from(verbs::Copy { from: etc("evil-d/job"), to: etc("evil-x") }),
            Action::from(verbs::Collect { from: etc("evil-d"), glob: "*".into(), to: etc("evil-x") }),
            Action::from(verbs::Unpack { archive: etc("evil-d/job"), to: etc("evil-x") }),
            pack(etc("evil-d"), etc("evil-x")),
        ],
        &["link", "etc/cron.d"],
    );
}

#[test]
fn a_link_leads_only_to_what_is_granted() {
    let link = |target: &str| verbs::Symlink { location: etc("evil-x"), target: target.into() };
    let targets = ["cron.d", "evil-d/job", "cron.d/../evil-a", "evil-a/../cron.d", "./passwd"];
    refused(NARROW, targets.map(link).map(Action::from).into(), &["may not link"]);
    // Copied or moved, a link leads elsewhere.
    let setting = setting(NARROW);
    symlink("../f", root(&setting).join("etc/evil-a/up")).unwrap();
    refused_in(
        &setting,
        vec![
            Action::from(verbs::Copy { from: etc("evil-a"), to: etc("evil-x") }),
            Action::from(verbs::Rename { from: etc("evil-a"), to: etc("evil-x") }),
        ],
        &["may not link"],
    );
}

fn signature(file: Location, key: Location) -> Action {
    let certificate = location(Root::Tree, "mok.pub");
    verbs::AppendCms { file, key, certificate, digest: Digest::Sha256, failure: OnFailure::Warn }.into()
}

#[test]
fn a_key_is_had_under_no_name_and_in_no_directory() {
    let (tree, var) = (|name| location(Root::Tree, name), |name| location(Root::Var, name));
    let setting = setting(KEYS);
    std::fs::hard_link(root(&setting).join("var/lib/dkms/mok.key"), root(&setting).join("var/second")).unwrap();
    symlink("../var/lib/dkms", root(&setting).join("etc/tree")).unwrap();
    refused_in(
        &setting,
        vec![
            Action::from(verbs::Copy { from: tree(""), to: etc("x") }),
            Action::from(verbs::Copy { from: var("lib"), to: etc("x") }),
            Action::from(verbs::Copy { from: var("lib/dkms/mok.key"), to: etc("x") }),
            Action::from(verbs::Copy { from: var("second"), to: etc("x") }),
            Action::from(verbs::Copy { from: etc("tree/mok.key"), to: etc("x") }),
            Action::from(verbs::Rename { from: var("lib/dkms/mok.key"), to: var("x") }),
            Action::from(verbs::Rename { from: var("lib"), to: var("x") }),
            Action::from(verbs::BackUp { location: var("lib/dkms/mok.key"), suffix: ".txt".into() }),
            Action::from(verbs::Collect { from: tree(""), glob: "mok*".into(), to: etc("x") }),
            Action::from(verbs::Collect { from: var("lib/dkms"), glob: "mok*".into(), to: etc("x") }),
            Action::from(verbs::Remove { location: var("lib") }),
            Action::from(verbs::Unpack { archive: tree("link"), to: etc("x") }),
            pack(tree(""), etc("x")),
            pack(var(""), etc("x")),
            pack(etc("tree"), etc("x")),
            Action::from(verbs::Symlink { location: etc("x"), target: "../var/lib/dkms/mok.key".into() }),
            signature(tree("m/1/x.ko"), tree("other.key")),
        ],
        &[],
    );
}

#[test]
fn what_the_policy_denies_is_denied_under_every_name() {
    let setting = setting("[write]\nroots = [\"etc\", \"tree\", \"var\"]\n");
    let policy = setting.dir.path().join("plugins/.config/policy.d");
    std::fs::create_dir_all(&policy).unwrap();
    std::fs::write(policy.join("site.toml"), "[deny]\nroots = [\"etc/cron.d\", \"var/lib/dkms/m\"]\n").unwrap();
    let tree = |name| location(Root::Tree, name);
    std::fs::hard_link(root(&setting).join("etc/cron.d/job"), root(&setting).join("etc/second")).unwrap();
    refused_in(
        &setting,
        vec![
            write(etc("cron.d/x")),
            write(tree("m/1/x.ko")),
            Action::from(verbs::Copy { from: etc(""), to: tree("x") }),
            Action::from(verbs::Copy { from: etc("second"), to: tree("x") }),
            Action::from(verbs::Copy { from: tree("m/1"), to: etc("x") }),
            Action::from(verbs::Remove { location: tree("m") }),
            Action::from(verbs::Rename { from: location(Root::Var, "lib"), to: location(Root::Var, "x") }),
            Action::from(verbs::Symlink { location: etc("x"), target: "evil-d".into() }),
            pack(etc(""), tree("x")),
            pack(tree(""), etc("x")),
        ],
        &[],
    );
}

#[test]
fn what_the_host_keeps_for_itself_is_no_plugins() {
    let setting = setting("[write]\nroots = [\"tree\", \"var\"]\n");
    let private = root(&setting).join("var/lib/dkms/.modsmith");
    std::fs::create_dir_all(private.join("other")).unwrap();
    let tree = |name| location(Root::Tree, name);
    refused_in(
        &setting,
        vec![
            write(tree(".modsmith/journal/1-0.jsonl")),
            write(location(Root::Var, "lib/dkms/.modsmith/holder")),
            write(tree(".modsmith-1-0/x")),
            Action::from(verbs::Remove { location: tree(".modsmith") }),
            Action::from(verbs::Rename { from: tree(".modsmith"), to: tree("x") }),
            Action::from(verbs::Copy { from: tree(".modsmith/journal"), to: tree("x") }),
        ],
        &["the host keeps for itself"],
    );
    run(&setting, write(tree(".modsmith/builds/x"))).expect_err("its directory is not there");
}

#[test]
fn a_link_that_leads_out_is_refused_when_the_step_is_added() {
    let setting = Setting::of(&modsmith_kit::build::embed(
        &Body::new().write("etc", "evil-d/x", 1).component(),
        &manifest_text(NARROW),
    ));
    std::fs::create_dir_all(root(&setting).join("etc/cron.d")).unwrap();
    symlink("cron.d", root(&setting).join("etc/evil-d")).unwrap();
    assert_names(&setting.failure(), &["`hostile`", "etc/evil-d/x", "symbolic link", "etc/cron.d/x"]);
}
