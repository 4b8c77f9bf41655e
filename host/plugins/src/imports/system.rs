//! The `system` interface: read-only facts about the target.

use std::io::Read;

use cap_std::fs::MetadataExt;
use rustix::fs::FileType;
use wasmtime::component::Resource;

use super::State;
use crate::bindings::modsmith::plugin::system::{Entry, EntryKind, Host, HostDir};
use crate::bindings::modsmith::plugin::types::{self, Error};
use crate::named::locate;
use crate::probe::Probing;
use crate::program;
use modsmith_facts::compression::decompress_within;
use modsmith_facts::{Last, Location, Root};

/// The date of what is made where SOURCE_DATE_EPOCH does not say another one: the
/// beginning of the year 2000. Neither the clock nor a file's age counts: the
/// same input has to give the same bytes.
const SOURCE_DATE: u64 = 946_684_800;

/// What looking at one name counts for, in bytes read.
const ENTRY: u64 = 256;

/// A root that was opened by a plugin.
pub struct Dir(Root);

impl Host for State {
    fn os_release(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        Ok(self.system.os.get(&key).map(str::to_owned))
    }

    fn distro_ids(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.system.os.distro_ids())
    }

    fn has_program(&mut self, name: String) -> wasmtime::Result<Result<bool, Error>> {
        if !program::granted(&name, &self.grant, &self.settings, &self.system, &self.roots) {
            return Ok(Err(Error::denied(format!(
                "plugin `{}` may not ask for the program `{name}`: no `[[run]]` entry of its manifest names it",
                self.plugin
            ))));
        }
        Ok(Ok(program::find(&name, &self.grant, &self.settings, &self.system, &self.roots).is_some()))
    }

    fn probe(&mut self, name: String) -> wasmtime::Result<Result<String, Error>> {
        let probe = match self.grant.probe(&name) {
            Ok(probe) => probe,
            Err(refusal) => return Ok(Err(Error::denied(refusal))),
        };
        if self.probing == Probing::Never {
            return Ok(Err(Error::other(format!(
                "`{}` was not asked: in a dry run, and where nothing is changed, no program is run for a plugin \
                 that is neither installed for all users nor granted",
                probe.program
            ))));
        }
        Ok(self.probes.output(probe, &self.system, self.probing).map_err(Error::other))
    }

    fn absolute(&mut self, location: types::Path) -> wasmtime::Result<Result<String, Error>> {
        Ok(self.location(&location).map(|location| {
            let path = self.roots.path(&location).unwrap_or_default();
            self.system.inside(&path).display().to_string()
        }))
    }

    fn locate(&mut self, absolute: String) -> wasmtime::Result<Option<types::Path>> {
        let found = locate(&absolute, &self.system, &self.roots);
        let found = found.filter(|location| location.root != Root::System || self.grant.names(location));
        Ok(found.map(|location| types::Path {
            root: location.root.name().to_owned(),
            relative: location.relative().display().to_string(),
        }))
    }

    fn source_date(&mut self) -> wasmtime::Result<u64> {
        let given = std::env::var("SOURCE_DATE_EPOCH").ok();
        Ok(given.and_then(|text| text.trim().parse().ok()).unwrap_or(SOURCE_DATE))
    }

    fn open_dir(&mut self, root: String) -> wasmtime::Result<Result<Resource<Dir>, Error>> {
        let named = root == Root::System.name() && self.grant.knows_root(Root::System);
        let root = match self.root(&root) {
            Ok(root) => root,
            Err(_) if named => Root::System,
            Err(error) => return Ok(Err(error)),
        };
        if !self.grant.knows_root(root) {
            return Ok(Err(Error::denied(format!(
                "plugin `{}` may not read the root `{root}`: its manifest does not name it under `[read] roots`; \
                 ask its author to add it",
                self.plugin
            ))));
        }
        Ok(Ok(self.push(Dir(root))?))
    }
}

impl HostDir for State {
    fn read(&mut self, this: Resource<Dir>, relative: String) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        let root = self.table.get(&this)?.0;
        Ok(self.granted(root, &relative).and_then(|location| self.contents_of(&location)))
    }

    fn read_unpacked(
        &mut self,
        this: Resource<Dir>,
        relative: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        let root = self.table.get(&this)?.0;
        Ok(self.granted(root, &relative).and_then(|location| {
            self.may_go_on_reading()?;
            let Some(contents) = self.read_file(&location)? else { return Ok(None) };
            let failed = |e: std::io::Error| Error::other(format!("{location} cannot be unpacked: {e}"));
            let contents = decompress_within(contents, self.longest()).map_err(failed)?;
            self.read += contents.len() as u64;
            Ok(Some(contents))
        }))
    }

    fn mode(&mut self, this: Resource<Dir>, relative: String) -> wasmtime::Result<Result<Option<u32>, Error>> {
        let root = self.table.get(&this)?.0;
        Ok(self.granted(root, &relative).and_then(|location| self.mode_of(&location)))
    }

    fn link_target(
        &mut self,
        this: Resource<Dir>,
        relative: String,
    ) -> wasmtime::Result<Result<Option<String>, Error>> {
        let root = self.table.get(&this)?.0;
        Ok(self.granted(root, &relative).and_then(|location| {
            self.may_go_on_reading()?;
            let found = self.reach.readable(&location, Last::Keep)?;
            if found.kind() != Some(FileType::Symlink) {
                return Ok(None);
            }
            let Some(handle) = &found.handle else { return Ok(None) };
            let target = rustix::fs::readlinkat(handle, "", Vec::new())
                .map_err(|e| Error::other(format!("{location} cannot be looked up: {e}")))?;
            let text = target
                .into_string()
                .map_err(|_| Error::other(format!("{location} leads to a name that is no text")))?;
            Ok(Some(text))
        }))
    }

    fn kind(&mut self, this: Resource<Dir>, relative: String) -> wasmtime::Result<Result<Option<EntryKind>, Error>> {
        let root = self.table.get(&this)?.0;
        Ok(self.below(root, &relative).and_then(|location| {
            self.may_go_on_reading()?;
            let found = self.reach.visible(&location)?;
            Ok(found.kind().map(kind_of))
        }))
    }

    fn entries(&mut self, this: Resource<Dir>, relative: String) -> wasmtime::Result<Result<Vec<Entry>, Error>> {
        let root = self.table.get(&this)?.0;
        Ok(self.may_go_on_reading().and_then(|()| {
            let entries = self.list(root, &relative)?;
            self.read += entries.len() as u64 * ENTRY;
            Ok(entries)
        }))
    }

    fn drop(&mut self, this: Resource<Dir>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl State {
    fn may_go_on_reading(&mut self) -> Result<(), Error> {
        self.read += ENTRY;
        if self.read > (self.limits.read_mib as u64).saturating_mul(1 << 20) {
            let limit = self.limits.no_reads();
            return Err(Error::other(self.exceed(limit).to_string()));
        }
        Ok(())
    }

    /// Contents of a granted file; `None` where there is none.
    pub(super) fn contents_of(&mut self, location: &Location) -> Result<Option<Vec<u8>>, Error> {
        self.may_go_on_reading()?;
        let contents = self.read_file(location)?;
        self.read += contents.as_ref().map_or(0, |contents| contents.len() as u64);
        Ok(contents)
    }

    /// Permission bits of a granted file; `None` where there is none.
    pub(super) fn mode_of(&mut self, location: &Location) -> Result<Option<u32>, Error> {
        self.may_go_on_reading()?;
        let found = self.reach.readable(location, Last::Follow)?;
        let mode = found.handle.map(|handle| Ok(rustix::fs::fstat(&handle)?.st_mode & 0o777));
        mode.transpose().map_err(|e: std::io::Error| Error::other(format!("{location} cannot be looked up: {e}")))
    }

    /// Longest file that the plugin can read, in bytes.
    fn longest(&self) -> u64 {
        (self.limits.file_mib as u64).saturating_mul(1 << 20)
    }

    pub(super) fn granted(&self, root: Root, relative: &str) -> Result<Location, Error> {
        let location = self.below(root, relative)?;
        self.grant.may_read(&location).map_err(Error::denied)?;
        Ok(location)
    }

    fn below(&self, root: Root, relative: &str) -> Result<Location, Error> {
        Location::new(root, relative).map_err(|e| Error::denied(format!("plugin `{}`: {e}", self.plugin)))
    }

    fn read_file(&mut self, location: &Location) -> Result<Option<Vec<u8>>, Error> {
        let failed = |e: std::io::Error| Error::other(format!("{location} cannot be read: {e}"));
        let found = self.reach.readable(location, Last::Follow)?;
        if found.handle.is_none() {
            return Ok(None);
        }
        if found.kind() != Some(FileType::RegularFile) {
            return Err(Error::other(format!("{location} is not a file")));
        }
        let Some(file) = found.open().map_err(failed)? else { return Ok(None) };
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(Error::other(format!("{location} is not a file")));
        }
        let mut contents = Vec::new();
        let longest = self.longest();
        file.take(longest.saturating_add(1)).read_to_end(&mut contents).map_err(failed)?;
        if contents.len() as u64 > longest {
            let limit = self.limits.too_large();
            return Err(Error::other(format!("{location} is too large: {}", self.exceed(limit))));
        }
        Ok(Some(contents))
    }

    /// Entries that are granted, or that lead to one that is.
    fn list(&self, root: Root, relative: &str) -> Result<Vec<Entry>, Error> {
        let dir = self.below(root, relative)?;
        let found = self.reach.listable(&dir)?;
        let failed = |e: std::io::Error| Error::other(format!("{dir} cannot be listed: {e}"));
        let mut entries = Vec::new();
        let Some(directory) = found.list().map_err(failed)? else { return Ok(entries) };
        for entry in directory.entries().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else {
                // Such names cannot be passed to a plugin. Where everything
                // counts, nothing may be passed over.
                if matches!(root, Root::Source | Root::Tree | Root::Staging) {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    return Err(Error::other(format!("the name of {dir}/{name} is not UTF-8: rename that file")));
                }
                continue;
            };
            if self.reach.sees(&found, &dir, &name) {
                let kind = entry.metadata().map_err(failed)?;
                entries.push(Entry { name, kind: kind_of(FileType::from_raw_mode(kind.mode())) });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }
}

fn kind_of(kind: FileType) -> EntryKind {
    match kind {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Symlink,
        _ => EntryKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::modsmith::plugin::types::ErrorKind;
    use std::os::unix::fs::PermissionsExt;

    use crate::imports::state;
    use crate::limits::Limits;
    use modsmith_facts::{OsRelease, System};

    struct Target {
        dir: tempfile::TempDir,
        state: State,
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
            let rep = *self
                .boot
                .get_or_insert_with(|| state.open_dir("boot".into()).unwrap().expect("boot is granted").rep());
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
}
