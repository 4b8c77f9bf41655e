//! The executor as flows see it: real files, real programs, scratch roots.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::*;
use modsmith_facts::{Location, OsRelease, Places, Root, Roots, System};

mod programs;
mod recovery;
mod signing;

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
        self.executor(&Jobs::new(1)).run(&plan.finish())
    }

    fn executor<'a>(&'a self, jobs: &'a Jobs) -> Executor<'a> {
        Executor { system: &self.system, guard: &Everything, reporter: &Silent, jobs, reruns: no_reruns }
    }

    /// The names in a directory and below, sorted.
    fn listing_of(&self, name: &str) -> Vec<String> {
        let entries = walkdir::WalkDir::new(self.path(name)).sort_by_file_name().into_iter();
        entries.map(|entry| entry.unwrap().path().display().to_string()).collect()
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

fn write(location: Location, text: &str) -> verbs::WriteFile {
    verbs::WriteFile { location, contents: Bytes(text.into()), mode: 0o644 }
}

fn bytes(text: &str) -> verbs::Piece {
    verbs::Piece::Bytes(Bytes(text.into()))
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
    plan.push(verbs::MakeDirectory { location: modules("updates/dkms") }, "");
    plan.push(write(modules("updates/dkms/y.ko"), "new"), "");
    plan.push(write(modules("extra/x.ko"), "after"), "");
    plan.push(verbs::BackUp { location: modules("extra/x.ko"), suffix: ".old".into() }, "");
    plan.push(verbs::Remove { location: modules("gone.ko") }, "");
    plan.push(verbs::Copy { from: source.clone(), to: tree("build") }, "");
    plan.push(verbs::Copy { from: source, to: tree("old") }, "");
    plan.push(verbs::Rename { from: tree("build"), to: tree("old/deep") }, "");
    plan.push(verbs::Symlink { location: tree("link"), target: "elsewhere".into() }, "");
    plan.push(verbs::Collect { from: tree("old"), glob: "*.c".into(), to: modules("collected") }, "");
    let pieces = [bytes("<"), verbs::Piece::File(modules("collected/a.c")), bytes(">")].into();
    plan.push(verbs::Concatenate { pieces, to: modules("extra/joined"), mode: 0o644 }, "");
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
            "modules/extra/joined <source>",
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
    plan.push(Action::Run(Command::new("false")), "to fail").fails_as(FailureId("build-failed", 0), "It failed.");
    let error = scratch.run(plan).unwrap_err();
    assert!(matches!(error.cause, Cause::Step { meaning: Some(FailureId("build-failed", 0)), status: Some(1), .. }));
    assert_eq!(error.message, "It failed.");
    assert_eq!(scratch.listing(), before);
}

#[test]
fn evidence_of_a_failed_build_stays() {
    let scratch = Scratch::new();
    let mut plan = scratch.builder();
    plan.push(write(tree("build.log"), "log"), "").on_undo(Undo::Keep);
    plan.push(write(tree("other"), "x"), "");
    plan.push(verbs::Expect { files: vec![tree("product")] }, "")
        .fails_as(FailureId("product-missing", 0), "No product.");
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

/// A file may be larger than the disk.
#[test]
fn a_copy_has_the_holes_of_its_original() {
    use std::os::unix::fs::{FileExt, MetadataExt};
    let scratch = Scratch::new();
    let original = fs::File::create(scratch.path("tree/sparse")).unwrap();
    original.set_len(1 << 40).unwrap();
    original.write_all_at(b"in the middle", 1 << 39).unwrap();
    let mut plan = scratch.builder();
    plan.push(verbs::Copy { from: tree("sparse"), to: tree("copy") }, "");
    scratch.run(plan).unwrap();
    let copy = fs::File::open(scratch.path("tree/copy")).unwrap();
    let mut middle = [0; 13];
    copy.read_exact_at(&mut middle, 1 << 39).unwrap();
    let metadata = copy.metadata().unwrap();
    assert_eq!((metadata.len(), &middle), (1 << 40, b"in the middle"));
    assert!(metadata.blocks() < 2048, "{} blocks", metadata.blocks());
}

#[test]
fn empty_directories_go_up_to_the_root_unless_somebody_owns_them() {
    let scratch = Scratch::new();
    let prune = |owner: Option<&str>| {
        fs::create_dir_all(scratch.path("modules/a/b/c")).unwrap();
        let mut plan = scratch.builder();
        let unless_owned = owner.map(|program| vec![program.to_owned()]);
        plan.push(verbs::Prune { location: modules("a/b/c"), unless_owned, within: None }, "");
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
fn a_directory_that_was_changed_ends_the_plan() {
    let scratch = Scratch::new();
    fs::write(scratch.path("source/a"), "abc").unwrap();
    let source = Location::new(Root::Source, "").unwrap();
    let digest = modsmith_facts::Listing::of(&scratch.path("source")).unwrap().digest().unwrap();
    let copied = || {
        let mut plan = scratch.builder();
        plan.push(verbs::Copy { from: source.clone(), to: tree("copy") }, "a test");
        plan.push(verbs::ExpectTree { location: tree("copy"), digest: digest.clone() }, "a test");
        scratch.run(plan)
    };
    copied().unwrap();
    fs::remove_dir_all(scratch.path("tree/copy")).unwrap();
    fs::write(scratch.path("source/a"), "abd").unwrap();
    assert!(copied().is_err());
    assert!(!scratch.path("tree/copy").exists(), "it was taken back");
}

#[test]
fn a_stored_file_is_taken_only_as_it_was_stored() {
    let scratch = Scratch::new();
    fs::write(scratch.path("source/a"), "abc").unwrap();
    let at = |root, name: &str| Location::new(root, name).unwrap();
    let take = |digest: &str| {
        let mut plan = scratch.builder();
        let (from, to) = (at(Root::Source, "a"), at(Root::Tree, "b"));
        plan.push(verbs::TakeStored { from, to, digest: digest.to_owned() }, "a test");
        scratch.run(plan)
    };
    // Source: FIPS 180-2, B.1.
    take("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad").unwrap();
    assert_eq!(fs::read_to_string(scratch.path("tree/b")).unwrap(), "abc");
    fs::write(scratch.path("tree/b"), "before").unwrap();
    take("sha256:0").unwrap_err();
    assert_eq!(fs::read_to_string(scratch.path("tree/b")).unwrap(), "before", "it was taken back");
}

#[test]
fn no_directory_and_no_device_is_replaced_by_a_file() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path("modules/a.c")).unwrap();
    fs::write(scratch.path("modules/a.c/kept"), "kept").unwrap();
    fs::create_dir(scratch.path("modules/empty")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(scratch.path("modules/socket")).unwrap();
    fs::write(scratch.path("source/a.c"), "source").unwrap();
    std::os::unix::fs::symlink("nowhere", scratch.path("modules/link")).unwrap();
    let source = |path: &str| Location::new(Root::Source, path).unwrap();
    let before: Vec<String> = scratch.listing_of("modules");
    let collect = || verbs::Collect { from: source(""), glob: "*".into(), to: modules("") };
    let copy = |to: &str| verbs::Copy { from: source("a.c"), to: modules(to) };
    for (action, why) in [
        (Action::from(collect()), "is a directory"),
        (copy("a.c").into(), "is a directory"),
        (write(modules("empty"), "new").into(), "is a directory"),
        (write(modules("socket"), "new").into(), "is neither a file nor a link"),
    ] {
        let mut plan = scratch.builder();
        plan.push(action, "");
        let error = scratch.run(plan).unwrap_err();
        assert!(format!("{error:?}").contains(why), "{error:?}");
        assert_eq!(scratch.listing_of("modules"), before);
    }
    // A link is replaced itself.
    let mut plan = scratch.builder();
    plan.push(write(modules("link"), "new"), "");
    scratch.run(plan).unwrap();
    assert_eq!(fs::read_to_string(scratch.path("modules/link")).unwrap(), "new");
}
