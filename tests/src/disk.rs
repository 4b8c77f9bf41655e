//! Driver disks, read with the tools that there are for their media.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::snapshot::Entry;
use crate::{Snapshot, World, tool};

/// A driver disk that was made of a package in a world.
pub struct Disk {
    pub file: PathBuf,
    files: tempfile::TempDir,
}

impl Disk {
    /// Runs mkdriverdisk, which has to succeed, and unpacks what it made.
    ///
    /// # Panics
    /// When it fails, says no place, or what is there is not valid.
    #[track_caller]
    pub fn make(world: &World, line: &str) -> Disk {
        let out = world.dkms(&format!("mkdriverdisk {line}")).expect(0);
        let place = out.stdout.lines().find_map(|line| line.strip_prefix("Disk image location: "));
        let place = place.unwrap_or_else(|| panic!("no place of a disk: {out}"));
        Disk::read(&world.path(place))
    }

    /// Checks and unpacks a disk.
    ///
    /// # Panics
    /// When a tool finds it damaged.
    pub fn read(file: &Path) -> Disk {
        let files = tempfile::tempdir().expect("a temporary directory");
        let bytes = fs::read(file).unwrap_or_else(|e| panic!("cannot read {}: {e}", file.display()));
        match file.extension().and_then(|suffix| suffix.to_str()) {
            Some("tar") => {
                tool::run(Command::new("tar").arg("-C").arg(files.path()).arg("-xf").arg(file));
            }
            Some("iso") => unpack_iso(file, files.path()),
            Some("img") if bytes[1024 + 56..1024 + 58] == [0x53, 0xef] => unpack_ext2(file, files.path()),
            Some("img") => unpack_fat(file, files.path()),
            _ => panic!("{} is on no medium of driver disks", file.display()),
        }
        Disk { file: file.into(), files }
    }

    /// Where a file of the disk is now.
    pub fn path(&self, path: &str) -> PathBuf {
        self.files.path().join(path)
    }

    /// # Panics
    /// When the disk does not have the file.
    pub fn bytes(&self, path: &str) -> Vec<u8> {
        fs::read(self.path(path)).unwrap_or_else(|e| panic!("cannot read {path} of {}: {e}", self.file.display()))
    }

    pub fn text(&self, path: &str) -> String {
        String::from_utf8(self.bytes(path)).expect("a text file")
    }

    /// All that is on it.
    pub fn files(&self) -> Snapshot {
        Snapshot::of(self.files.path())
    }

    /// Its files without modes, which FAT does not have.
    pub fn contents(&self) -> Snapshot {
        let plain = |entry| match entry {
            Entry::File { content, .. } => Entry::File { mode: 0, content },
            Entry::Directory { .. } => Entry::Directory { mode: 0 },
            other => other,
        };
        Snapshot(self.files().0.into_iter().map(|(path, entry)| (path, plain(entry))).collect())
    }

    /// Paths of its files and links, sorted.
    pub fn names(&self) -> Vec<String> {
        let files = self.files().0.into_iter().filter(|(_, entry)| !matches!(entry, Entry::Directory { .. }));
        files.map(|(path, _)| path.display().to_string()).collect()
    }
}

/// By the names that vfat shows, after fsck found nothing.
fn unpack_fat(image: &Path, into: &Path) {
    tool::run(Command::new(tool::path("fsck.fat")).arg("-n").arg(image));
    // It lists what it can read; and the volume's name, which is told apart.
    tool::run(Command::new(tool::path("mdir")).arg("-/").arg("-i").arg(image));
    tool::run(Command::new(tool::path("mcopy")).arg("-s").arg("-i").arg(image).arg("::*").arg(into));
}

/// With links and modes, after fsck found nothing.
fn unpack_ext2(image: &Path, into: &Path) {
    tool::run(Command::new(tool::path("e2fsck")).arg("-fn").arg(image));
    let request = format!("rdump / {}", into.display());
    tool::run(Command::new(tool::path("debugfs")).arg("-R").arg(request).arg(image));
    let lost = into.join("lost+found");
    assert!(fs::read_dir(&lost).is_ok_and(|mut entries| entries.next().is_none()), "lost+found is empty");
    fs::remove_dir(lost).expect("it is empty");
}

/// By Rock Ridge's names, which two readers agree on; and what Joliet has is the
/// same, but for links.
fn unpack_iso(image: &Path, into: &Path) {
    let extract = ["-extract", "/", "."];
    let mut command = Command::new(tool::path("xorriso"));
    command.args(["-abort_on", "SORRY", "-osirrox", "on", "-indev"]).arg(image).args(extract).current_dir(into);
    tool::run(&mut command);
    let list = |names: &str| {
        let out = tool::run(Command::new(tool::path("isoinfo")).args(["-f", names, "-i"]).arg(image));
        let mut paths: Vec<String> = out.lines().map(|line| line.trim_end_matches(";1").to_owned()).collect();
        paths.sort();
        paths
    };
    let path = |path: &Path| format!("/{}", path.display());
    let extracted = Snapshot::of(into).0;
    let mut expected: Vec<String> = extracted.keys().map(|key| path(key)).collect();
    expected.sort();
    assert_eq!(list("-R"), expected, "names by Rock Ridge");
    let files = || extracted.iter().filter(|(_, entry)| !matches!(entry, Entry::Link { .. }));
    let joliet = list("-J");
    let distinct: BTreeSet<&String> = joliet.iter().collect();
    assert_eq!(distinct.len(), files().count(), "names by Joliet: {joliet:?}");
    // It shortens long names, and isoinfo does not print others as they are.
    let is_plain = |path: &&PathBuf| path.iter().all(|part| part.len() <= 103 && part.is_ascii());
    let plain = files().filter(|(path, _)| is_plain(path));
    for (name, entry) in plain {
        assert!(distinct.contains(&path(name)), "{} by Joliet: {joliet:?}", name.display());
        if !matches!(entry, Entry::File { .. }) {
            continue;
        }
        let mut command = Command::new(tool::path("isoinfo"));
        command.args(["-J", "-i"]).arg(image).arg("-x").arg(format!("{};1", path(name)));
        let out = command.output().expect("isoinfo starts");
        assert!(out.stdout == fs::read(into.join(name)).expect("just unpacked"), "{} by Joliet", name.display());
    }
}

/// Decompresses the output of gzip.
///
/// # Panics
/// When gzip finds it damaged.
pub fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), bytes).unwrap();
    let out = Command::new(tool::path("gzip")).arg("-dc").arg(file.path()).output().expect("gzip starts");
    assert!(out.status.success(), "gzip: {}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}
