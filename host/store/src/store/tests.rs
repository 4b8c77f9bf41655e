use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

struct Scene {
    dir: tempfile::TempDir,
    store: Store,
}

fn scene() -> Scene {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open_or_make(&dir.path().join("cache"), "store").unwrap();
    Scene { dir, store }
}

impl Scene {
    fn made(text: &str, contents: &[u8]) -> New {
        let mut inputs = Inputs::default();
        inputs.insert("source", text);
        let files = [("a.ko".to_owned(), contents.to_vec()), ("b".to_owned(), b"b".to_vec())].into();
        New { inputs, facts: Map::new(), files }
    }

    fn keep(&self, text: &str, contents: &[u8]) -> (Identity, Kept) {
        let new = Self::made(text, contents);
        (new.inputs.identity(), self.store.keep(new).unwrap())
    }

    fn file(&self, identity: &Identity, name: &str) -> PathBuf {
        self.store.path().join(Store::place(identity, name))
    }

    fn left_below(&self, part: &str) -> usize {
        std::fs::read_dir(self.store.path().join(part)).unwrap().count()
    }
}

#[test]
fn what_was_stored_is_found_by_its_identity() {
    let scene = scene();
    let (identity, kept) = scene.keep("one", b"module");
    assert_eq!(kept, Kept::New);
    let entry = scene.store.find(&identity).unwrap().expect("it was stored");
    assert_eq!(scene.store.read(&entry, "a.ko").unwrap(), b"module");
    assert_eq!((entry.identity(), entry.size()), (identity.clone(), 7));
    assert_eq!(scene.store.find(&Scene::made("other", b"").inputs.identity()), Ok(None));
    assert_eq!(scene.keep("one", b"module").1, Kept::Same);
    assert_eq!(scene.keep("one", b"another").1, Kept::Replaced(vec!["a.ko".to_owned()]));
    let entry = scene.store.find(&identity).unwrap().unwrap();
    assert_eq!(scene.store.read(&entry, "a.ko").unwrap(), b"another");
    assert_eq!(scene.left_below(NEW), 0, "nothing is left of what was begun");
    assert_eq!(std::fs::metadata(scene.store.path()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn an_entry_that_was_changed_is_none() {
    let scene = scene();
    let (identity, _) = scene.keep("one", b"module");
    let original = std::fs::read(scene.file(&identity, "a.ko")).unwrap();
    for (name, contents) in [("a.ko", &b"modulE"[..]), ("a.ko", b""), (LIST, b"{}"), (LIST, b"")] {
        let before = std::fs::read(scene.file(&identity, name)).unwrap();
        std::fs::write(scene.file(&identity, name), contents).unwrap();
        scene.store.find(&identity).expect_err(name);
        scene.store.verify(&identity).expect_err(name);
        std::fs::write(scene.file(&identity, name), before).unwrap();
        scene.store.find(&identity).unwrap().expect(name);
    }
    // Each byte of the list is covered.
    let list = std::fs::read(scene.file(&identity, LIST)).unwrap();
    for at in 0..list.len() {
        let mut changed = list.clone();
        changed[at] ^= 1;
        std::fs::write(scene.file(&identity, LIST), &changed).unwrap();
        let found = scene.store.find(&identity);
        assert!(found.is_err(), "byte {at} of {}: {found:?}", String::from_utf8_lossy(&changed));
    }
    std::fs::write(scene.file(&identity, LIST), list).unwrap();
    std::fs::remove_file(scene.file(&identity, "b")).unwrap();
    assert_eq!(scene.store.find(&identity), Err(Fault("its file b is missing".to_owned())));
    assert_eq!(original, b"module");
    // A damaged entry is replaced by a new one.
    assert_eq!(scene.keep("one", b"module").1, Kept::New);
    scene.store.find(&identity).unwrap().unwrap();
}

#[test]
fn what_another_user_could_have_written_is_not_believed() {
    let scene = scene();
    let (identity, _) = scene.keep("one", b"module");
    let caches = scene.dir.path().join("cache");
    let mode = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(&scene.file(&identity, "a.ko"), 0o666);
    assert!(scene.store.find(&identity).is_err());
    mode(&scene.file(&identity, "a.ko"), 0o600);
    let entry = scene.file(&identity, "");
    mode(&entry, 0o777);
    assert!(scene.store.find(&identity).is_err());
    mode(&entry, 0o700);
    scene.store.find(&identity).unwrap().unwrap();
    for directory in [caches.clone(), caches.join("store")] {
        mode(&directory, 0o777);
        assert!(matches!(Store::open(&caches, "store"), Err(Error::Untrusted(_))), "{}", directory.display());
        assert!(matches!(Store::open_or_make(&caches, "store"), Err(Error::Untrusted(_))));
        mode(&directory, 0o700);
    }
    std::fs::rename(scene.file(&identity, "a.ko"), scene.dir.path().join("elsewhere")).unwrap();
    symlink(scene.dir.path().join("elsewhere"), scene.file(&identity, "a.ko")).unwrap();
    assert!(scene.store.find(&identity).is_err(), "a link");
}

#[test]
fn a_collection_keeps_what_was_used_last_and_the_bound() {
    let scene = scene();
    let identities: Vec<Identity> = ["1", "2", "3"].map(|text| scene.keep(text, &[0; 99]).0).into();
    for (age, identity) in [(300, &identities[0]), (200, &identities[1]), (100, &identities[2])] {
        let then = SystemTime::now() - std::time::Duration::from_secs(age);
        File::open(scene.file(identity, "")).unwrap().set_modified(then).unwrap();
    }
    scene.store.note_use(&identities[0]);
    let done = scene.store.collect(250).unwrap().expect("nobody else uses it");
    assert_eq!(done, Collected { removed: 1, freed: 100, left: 2, size: 200 });
    assert_eq!(scene.store.find(&identities[1]), Ok(None));
    assert!(scene.store.find(&identities[0]).unwrap().is_some() && scene.store.find(&identities[2]).unwrap().is_some());
    assert_eq!(scene.store.collect(0).unwrap().map(|done| done.left), Some(0));
}

#[test]
fn nothing_is_removed_while_others_read() {
    let scene = scene();
    let (identity, _) = scene.keep("one", b"module");
    let shared = scene.store.share().unwrap();
    assert_eq!(scene.store.collect(0).unwrap(), None);
    drop(shared);
    assert!(scene.store.collect(0).unwrap().is_some());
    assert_eq!(scene.store.find(&identity), Ok(None));
}

#[test]
fn what_a_killed_program_left_is_removed() {
    let scene = scene();
    std::fs::create_dir_all(scene.store.path().join(NEW).join("entry-x")).unwrap();
    std::fs::write(scene.store.path().join(NEW).join("entry-x/a.ko"), "half").unwrap();
    scene.store.collect(u64::MAX).unwrap().unwrap();
    assert_eq!(scene.left_below(NEW), 0);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let scene = scene();
    for name in ["../x", "a/b", "", ".hidden", LIST] {
        let mut new = Scene::made("one", b"");
        new.files.insert(name.to_owned(), Vec::new());
        assert!(matches!(scene.store.keep(new), Err(Error::Unfit(_))), "{name}");
    }
    assert_eq!(scene.left_below(ENTRIES), 0);
}
