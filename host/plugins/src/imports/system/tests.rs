use super::*;
use crate::bindings::modsmith::plugin::types::ErrorKind;
use std::os::unix::fs::PermissionsExt;

use crate::imports::state;
use crate::limits::Limits;
use modsmith_facts::{OsRelease, System};

struct Target {
    dir: tempfile::TempDir,
    state: CallState,
    boot: Option<u32>,
}

impl Target {
    fn new(manifest: &str, limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("boot")).unwrap();
        let state = state(System::new(dir.path(), OsRelease::default()), manifest, limits);
        Self { dir, state, boot: None }
    }

    fn file(self, path: &str, text: &str) -> Self {
        let path = self.dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    fn boot(&mut self) -> Resource<Dir> {
        let state = &mut self.state;
        let rep =
            *self.boot.get_or_insert_with(|| state.open_dir("boot".into()).unwrap().expect("boot is granted").rep());
        Resource::new_borrow(rep)
    }

    fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let boot = self.boot();
        HostDir::read(&mut self.state, boot, name.into()).unwrap()
    }

    fn names(&mut self, name: &str) -> Vec<String> {
        let boot = self.boot();
        let entries = HostDir::entries(&mut self.state, boot, name.into()).unwrap().unwrap();
        entries.into_iter().map(|entry| entry.name).collect()
    }
}

#[test]
fn absolute_paths_are_those_of_the_target_both_ways() {
    let mut target = Target::new("", Limits::default());
    let mut located = |text: &str| {
        let found = target.state.locate(text.into()).unwrap()?;
        let back = target.state.absolute(found.clone()).unwrap().unwrap();
        assert_eq!(back, text.trim_end_matches('/'));
        Some((found.root, found.relative))
    };
    assert_eq!(located("/etc/keys/mok.key"), Some(("etc".into(), "keys/mok.key".into())));
    assert_eq!(located("/var/lib/dkms/mok.pub"), Some(("tree".into(), "mok.pub".into())));
    assert_eq!(located("/var/lib/other"), Some(("var".into(), "lib/other".into())));
    assert_eq!(located("/boot/"), Some(("boot".into(), String::new())));
    for text in ["/root/key", "/etcetera/x", "etc/x", "", "/etc/../root/key"] {
        assert_eq!(located(text), None, "{text:?}");
    }
}

#[test]
fn a_tree_that_was_put_elsewhere_is_where_it_is() {
    let mut target = Target::new("", Limits::default());
    let elsewhere = tempfile::tempdir().unwrap();
    target.state.roots.set(Root::Tree, elsewhere.path());
    let key = elsewhere.path().join("mok.key").display().to_string();
    let found = target.state.locate(key.clone()).unwrap().unwrap();
    assert_eq!((found.root.as_str(), found.relative.as_str()), ("tree", "mok.key"));
    assert_eq!(target.state.absolute(found).unwrap().unwrap(), key);
    let customary = target.state.locate("/var/lib/dkms/mok.key".into()).unwrap().unwrap();
    assert_eq!((customary.root.as_str(), customary.relative.as_str()), ("var", "lib/dkms/mok.key"));
}

const BOOT: &str = "[read]\nroots = [\"boot\"]\n";

#[test]
fn granted_files_are_read_and_missing_ones_are_none() {
    let mut target = Target::new(BOOT, Limits::default()).file("boot/a", "text");
    assert_eq!(target.read("a").unwrap(), Some(b"text".to_vec()));
    assert_eq!(target.read("b").unwrap(), None);
    assert_eq!(target.read("a/b").unwrap(), None);
}

#[test]
fn only_granted_names_are_read_or_listed() {
    let grant = "[read]\nroots = [\"boot/img-*\", \"boot/x/*/deep\"]\n";
    let mut target = Target::new(grant, Limits::default())
        .file("boot/img-1", "")
        .file("boot/secret", "")
        .file("boot/x/y/deep", "")
        .file("boot/x/y/other", "");
    assert_eq!(target.names(""), ["img-1", "x"]);
    assert_eq!(target.names("x/y"), ["deep"]);
    assert!(
        matches!(target.read("secret"), Err(Error { kind: ErrorKind::Denied, message, .. }) if message.contains("boot/secret"))
    );
    assert!(matches!(target.read("../etc/passwd"), Err(Error { kind: ErrorKind::Denied, .. })));
    assert!(matches!(target.state.open_dir("etc".into()), Ok(Err(Error { kind: ErrorKind::Denied, .. }))));
}

#[test]
fn links_lead_where_they_do_on_the_target_and_never_out_of_it() {
    let grant = "[read]\nroots = [\"boot\", \"etc/inside\"]\n";
    let mut target = Target::new(grant, Limits::default()).file("etc/inside", "target").file("etc/other", "x");
    std::os::unix::fs::symlink("/etc/other", target.dir.path().join("boot/other")).unwrap();
    assert!(
        matches!(target.read("other"), Err(Error { kind: ErrorKind::Denied, message, .. }) if message.contains("etc/other"))
    );
    let boot = target.dir.path().join("boot");
    std::os::unix::fs::symlink("/etc/inside", boot.join("absolute")).unwrap();
    std::os::unix::fs::symlink("../../../../etc/inside", boot.join("climbing")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", boot.join("outside")).unwrap();
    assert_eq!(target.read("absolute").unwrap(), Some(b"target".to_vec()));
    assert_eq!(target.read("climbing").unwrap(), Some(b"target".to_vec()));
    assert_eq!(target.read("outside").unwrap(), None);
}

#[test]
fn a_compressed_file_is_unpacked_within_the_limit() {
    use std::io::Write;
    let mut target = Target::new(BOOT, Limits::default()).file("boot/plain", "text");
    let boot = target.boot();
    let unpacked = |target: &mut Target, name: &str| {
        HostDir::read_unpacked(&mut target.state, Resource::new_borrow(boot.rep()), name.into()).unwrap()
    };
    assert_eq!(unpacked(&mut target, "plain").unwrap(), Some(b"text".to_vec()));
    assert_eq!(unpacked(&mut target, "none").unwrap(), None);
    let gzip = |length: usize| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&vec![b'x'; length]).unwrap();
        encoder.finish().unwrap()
    };
    std::fs::write(target.dir.path().join("boot/small.gz"), gzip(3)).unwrap();
    std::fs::write(target.dir.path().join("boot/bomb.gz"), gzip((16 << 20) + 1)).unwrap();
    assert_eq!(unpacked(&mut target, "small.gz").unwrap(), Some(b"xxx".to_vec()));
    assert!(
        matches!(unpacked(&mut target, "bomb.gz"), Err(Error { kind: ErrorKind::Other, message, .. }) if message.contains("bomb.gz"))
    );
}

#[test]
fn mode_and_link_target_are_those_of_granted_names() {
    let mut target = Target::new("[read]\nroots = [\"boot/a*\"]\n", Limits::default()).file("boot/a", "");
    let path = target.dir.path().join("boot/a");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("a", target.dir.path().join("boot/a-link")).unwrap();
    let boot = target.boot().rep();
    let dir = || Resource::new_borrow(boot);
    let state = &mut target.state;
    assert_eq!(HostDir::mode(state, dir(), "a".into()).unwrap().unwrap(), Some(0o640));
    assert_eq!(HostDir::mode(state, dir(), "a-link".into()).unwrap().unwrap(), Some(0o640));
    assert_eq!(HostDir::mode(state, dir(), "a2".into()).unwrap().unwrap(), None);
    assert_eq!(HostDir::link_target(state, dir(), "a-link".into()).unwrap().unwrap().as_deref(), Some("a"));
    assert_eq!(HostDir::link_target(state, dir(), "a".into()).unwrap().unwrap(), None);
    assert!(HostDir::mode(state, dir(), "b".into()).unwrap().is_err());
    assert!(HostDir::link_target(state, dir(), "b".into()).unwrap().is_err());
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let mut target = Target::new(BOOT, Limits::default());
    let fifo = target.dir.path().join("boot/fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert!(
        matches!(target.read("fifo"), Err(Error { kind: ErrorKind::Other, message, .. }) if message.contains("not a file"))
    );
}

#[test]
fn reading_has_a_limit() {
    let limits = Limits { read_mib: 1, ..Limits::default() };
    let mut target = Target::new(BOOT, limits).file("boot/big", &"x".repeat(1 << 20));
    assert!(target.read("big").is_ok());
    assert!(
        matches!(target.read("big"), Err(Error { kind: ErrorKind::Other, message, .. }) if message.contains("read-mib"))
    );
    assert_eq!(target.state.exceeded.map(|limit| limit.key), Some("read-mib"));
}

#[test]
fn an_observer_hears_of_what_was_read_and_of_nothing_else() {
    use crate::imports::observed::{Observation, Observer};
    let manifest = "[read]\nroots = [\"boot/x*\"]\n[[run]]\nprogram = \"tool\"\n";
    let mut target = Target::new(manifest, Limits::default()).file("boot/x1", "one").file("boot/y", "secret");
    let observer = Observer::default();
    target.state.observer = Some(observer.clone());
    assert_eq!(target.read("x1").unwrap().as_deref(), Some(&b"one"[..]));
    assert!(target.read("y").is_err() && target.read("x2").unwrap().is_none());
    target.names("");
    target.state.has_program("tool".into()).unwrap().unwrap();
    target.state.os_release("ID".into()).unwrap();
    let path = |name: &str| target.dir.path().join(name);
    assert_eq!(
        observer.take(),
        [
            Observation::Contents { file: path("boot/x1"), bytes: b"one".to_vec() },
            Observation::Entry(path("boot")),
            Observation::Entry(path("boot/x1")),
            Observation::OsRelease("ID".into()),
        ]
    );
    assert!(observer.take().is_empty());
}

#[test]
fn a_file_is_read_piece_by_piece_up_to_its_end() {
    let mut target = Target::new("[read]\nroots = [\"boot/*\"]\n", Limits::default()).file("boot/img", "abcdefg");
    let boot = target.boot();
    let file = HostDir::open(&mut target.state, boot, "img".into()).unwrap().unwrap().expect("it is there");
    let lent = || Resource::new_borrow(file.rep());
    assert_eq!(HostFile::size(&mut target.state, lent()).unwrap(), 7);
    let pieces: Vec<Vec<u8>> = (0..4).map(|_| HostFile::read(&mut target.state, lent(), 3).unwrap().unwrap()).collect();
    assert_eq!(pieces, [b"abc".as_slice(), b"def", b"g", b""]);
}

#[test]
fn a_plugin_has_few_files_open_at_once_and_none_outside_its_grant() {
    let manifest = "[read]\nroots = [\"boot/img\", \"boot/nothing\"]\n";
    let mut target = Target::new(manifest, Limits::default()).file("boot/img", "x").file("boot/deep/er", "x");
    let mut open = |name: &str| {
        let boot = target.boot();
        HostDir::open(&mut target.state, boot, name.into()).unwrap()
    };
    assert!(open("nothing").unwrap().is_none());
    assert_eq!(open("deep/er").unwrap_err().kind, ErrorKind::Denied);
    let mut files: Vec<Resource<OpenFile>> = (0..MOST_OPEN).map(|_| open("img").unwrap().unwrap()).collect();
    assert!(open("img").unwrap_err().message.contains("64 files are open"));
    HostFile::drop(&mut target.state, files.remove(0)).unwrap();
    let boot = target.boot();
    assert!(HostDir::open(&mut target.state, boot, "img".into()).unwrap().is_ok());
}

#[test]
fn all_pieces_count_against_the_limit_of_reading() {
    let limits = Limits { read_mib: 1, ..Limits::default() };
    let mut target = Target::new("[read]\nroots = [\"boot/*\"]\n", limits).file("boot/img", &"x".repeat(3 << 20));
    let boot = target.boot();
    let file = HostDir::open(&mut target.state, boot, "img".into()).unwrap().unwrap().unwrap();
    let mut read = || HostFile::read(&mut target.state, Resource::new_borrow(file.rep()), u32::MAX).unwrap();
    assert_eq!(read().unwrap().len(), LARGEST_PIECE as usize);
    assert!(read().unwrap_err().message.contains("1 MiB read"));
}

#[test]
fn a_name_that_is_not_utf8_leads_to_its_file() {
    let mut target = Target::new("[read]\nroots = [\"boot/**\"]\n", Limits::default());
    let name = std::ffi::OsString::from_vec(b"caf\xe9".to_vec());
    std::fs::write(target.dir.path().join("boot").join(&name), "x").unwrap();
    std::os::unix::fs::symlink(&name, target.dir.path().join("boot/link")).unwrap();
    let mut names = target.names("");
    names.sort();
    assert_eq!(names, ["caf\u{EFE9}", "link"]);
    assert_eq!(target.read("caf\u{EFE9}").unwrap().unwrap(), b"x");
    let boot = target.boot();
    let leads_to = HostDir::link_target(&mut target.state, boot, "link".into()).unwrap().unwrap();
    assert_eq!(leads_to.unwrap(), "caf\u{EFE9}");
}
