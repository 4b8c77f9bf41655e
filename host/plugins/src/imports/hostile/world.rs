//! A small system full of traps.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use super::Random;
use crate::bindings::modsmith::plugin::types;
use modsmith_facts::{OsRelease, Root, Roots, System};

/// The rights of the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// As a real plugin has them, and patterns of keys.
    Narrow,
    /// Whole roots, from which patterns of keys and the policy take something away.
    Wide,
    /// Whole roots, from which only keys are taken away that settings name.
    Named,
}

impl Rights {
    /// Contents that the plugin may not see.
    pub fn markers(self) -> &'static [&'static str] {
        match self {
            Self::Narrow | Self::Wide => &["#KEY", "#SHADOW", "#SECRET", "#CRON", "#JOURNAL", "#VMLINUZ"],
            Self::Named => &["#KEY", "#JOURNAL", "#VMLINUZ"],
        }
    }
}

/// The keys that settings name, by setting.
pub(crate) const NAMED_KEYS: [(&str, &str); 3] =
    [("key-a", "/etc/keys/k.key"), ("key-b", "/var/lib/dkms/mok.key"), ("key-c", "/etc/evil-a/own.key")];

/// Files, with what is in them.
const FILES: [(&str, &str); 22] = [
    ("etc/shadow", "#SHADOW"),
    ("etc/cron.d/job", "#CRON"),
    ("etc/secret/s", "#SECRET"),
    ("etc/secret/deep/s", "#SECRET"),
    ("etc/keys/k.key", "#KEY"),
    ("etc/keys/k.crt", "crt"),
    ("etc/open/r", "open"),
    ("etc/evil-a/f", "f"),
    ("etc/evil-a/own.key", "#KEY"),
    ("etc/evil-a/sub/g", "g"),
    ("etc/evil-b/f", "f"),
    ("boot/img-1", "img"),
    ("boot/vmlinuz", "#VMLINUZ"),
    ("var/lib/dkms/mok.key", "#KEY"),
    ("var/lib/dkms/mok.pub", "pub"),
    ("var/lib/dkms/m/1/build/x.ko", "ko"),
    ("var/lib/dkms/.modsmith/journal/other", "#JOURNAL"),
    ("var/lib/evil/e", "e"),
    ("var/lib/evil/denied/d", "#SECRET"),
    ("usr/lib/modules/6.1/kernel/a.ko", "a"),
    ("usr/lib/modules/6.1/evil/e.ko", "e"),
    ("usr/src/linux/Module.symvers", "symvers"),
];

/// Links that the system had before: some lead out of the grant.
const LINKS: [(&str, &str); 10] = [
    ("lib", "usr/lib"),
    ("usr/lib/modules/6.1/build", "/usr/src/linux"),
    ("usr/lib/modules/6.1/evil/up", "../../../../../etc"),
    ("etc/evil-link", "cron.d"),
    ("etc/evil-b/l", "../secret/s"),
    ("etc/evil-b/d", "/etc/secret"),
    ("etc/evil-b/k", "../keys"),
    ("etc/open/out", "../shadow"),
    ("boot/img-l", "../etc/shadow"),
    ("var/lib/dkms/m/tree", ".."),
];

/// Second names of files.
const HARD_LINKS: [(&str, &str); 2] =
    [("etc/keys/k.key", "etc/evil-b/hard-key"), ("var/lib/dkms/mok.key", "var/lib/dkms/m/hard")];

const ROOTS: [&str; 8] = ["etc", "etc", "boot", "tree", "var", "modules", "install-tree", "staging"];

const NAMES: [&str; 41] = [
    "evil-a",
    "evil-b",
    "evil-c",
    "evil-link",
    "evil-\u{e9}",
    // The byte E9 alone.
    "evil-\u{efe9}",
    "sub",
    "f",
    "g",
    "l",
    "d",
    "k",
    "s",
    "up",
    "tree",
    "own.key",
    "hard-key",
    "cron.d",
    "job",
    "secret",
    "deep",
    "shadow",
    "keys",
    "k.key",
    "open",
    "out",
    "img-1",
    "img-l",
    "img-2",
    "lib",
    "dkms",
    "m",
    "1",
    "build",
    "x.ko",
    "mok.key",
    ".modsmith",
    "journal",
    "evil",
    "\u{202e}x",
    "a.tar",
];

pub struct World {
    dir: tempfile::TempDir,
    rights: Rights,
    long: String,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    Directory(u32),
    File(u32, Vec<u8>),
    Link(PathBuf),
}

impl World {
    pub fn new(rights: Rights) -> Self {
        // In memory, where there is such a place: plans wait for the disk.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let location = |name: &str| dir.path().join(name);
        std::fs::create_dir(location("staging")).unwrap();
        for (name, contents) in FILES {
            std::fs::create_dir_all(location(name).parent().unwrap()).unwrap();
            std::fs::write(location(name), contents).unwrap();
        }
        LINKS.iter().for_each(|(name, target)| symlink(target, location(name)).unwrap());
        HARD_LINKS.iter().for_each(|(from, to)| std::fs::hard_link(location(from), location(to)).unwrap());
        if rights == Rights::Wide {
            // Of a file that only the policy of the other plugin denies.
            std::fs::hard_link(location("etc/secret/deep/s"), location("etc/evil-c")).unwrap();
        }
        let mut archive = tar::Builder::new(std::fs::File::create(location("etc/evil-a/a.tar")).unwrap());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        archive.append_link(&mut header.clone(), "l", "sub/s").unwrap();
        archive.append_link(&mut header, "sub/s", "../l").unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_size(1);
        header.set_mode(0o644);
        archive.append_data(&mut header, "secret/s", &b"x"[..]).unwrap();
        archive.finish().unwrap();
        Self { dir, rights, long: "n".repeat(255) }
    }

    pub fn system(&self) -> System {
        System::new(self.dir.path(), OsRelease::default())
    }

    pub fn roots(&self) -> Roots {
        let location = |name: &str| self.dir.path().join(name);
        self.system().roots.with(Root::Modules, location("lib/modules/6.1")).with(Root::Staging, location("staging"))
    }

    /// A path as a plugin may spell it: often one that leads somewhere.
    pub fn path(&self, random: &mut Random) -> types::Path {
        let root = random.pick(&ROOTS);
        let mut names: Vec<&str> = Vec::new();
        if random.chance(70) {
            let real = match root {
                "tree" => "var/lib/dkms/",
                "modules" => "usr/lib/modules/6.1/",
                "install-tree" => "usr/lib/modules/",
                other => other,
            };
            let all = FILES.iter().map(|(name, _)| *name);
            let all = all.chain(LINKS.iter().map(|(name, _)| *name)).chain(HARD_LINKS.iter().map(|(_, name)| *name));
            let below: Vec<&str> = all.filter_map(|name| name.strip_prefix(real)).collect();
            if !below.is_empty() {
                names.extend(random.pick(&below).split('/').filter(|name| !name.is_empty()));
                names.truncate(random.below(names.len()) + 1);
            }
        }
        if names.is_empty() || random.chance(30) {
            names.extend((0..random.below(3)).map(|_| random.pick(&NAMES)));
        }
        match random.below(40) {
            0 => names.push(".."),
            1 => names.push(&self.long),
            2 => names.insert(0, "."),
            3 => names.push(""),
            4 => names.insert(0, ""),
            5 => names.push(".modsmith-1"),
            _ => {}
        }
        types::Path { root: root.into(), relative: names.join("/") }
    }

    /// The text of a link.
    pub fn target(&self, random: &mut Random) -> String {
        let up = "../".repeat(random.below(4));
        let names: Vec<&str> = (0..random.below(3) + 1).map(|_| random.pick(&NAMES)).collect();
        match random.below(8) {
            0 => format!("/etc/{}", names.join("/")),
            1 => format!("/lib/modules/6.1/kernel/{}", names.join("/")),
            2 => format!("{}/{up}{}", names[0], names.join("/")),
            3 => String::new(),
            4 => names[0].into(),
            5 => up,
            _ => format!("{up}{}", names.join("/")),
        }
    }

    /// Everything that the plugin may not change.
    pub fn outside(&self) -> BTreeMap<PathBuf, Thing> {
        let top = self.dir.path();
        let mut found = BTreeMap::new();
        for entry in walkdir::WalkDir::new(top) {
            let entry = entry.unwrap();
            let path = entry.path().strip_prefix(top).unwrap().to_path_buf();
            if !self.may_change(&path) {
                let metadata = entry.metadata().unwrap();
                let thing = match (entry.path_is_symlink(), metadata.is_dir()) {
                    (true, _) => Thing::Link(std::fs::read_link(entry.path()).unwrap()),
                    (_, true) => Thing::Directory(metadata.mode()),
                    _ => Thing::File(metadata.mode(), std::fs::read(entry.path()).unwrap()),
                };
                found.insert(path, thing);
            }
        }
        found
    }

    /// Written down once more, so that no mistake of the grant's own is in it.
    fn may_change(&self, path: &Path) -> bool {
        let path = path.to_string_lossy();
        let in_one = |tops: &[&str]| {
            tops.iter().any(|top| path.strip_prefix(top).is_some_and(|r| r.is_empty() || r.starts_with('/')))
        };
        let begins = |tops: &[&str]| tops.iter().any(|top| path.starts_with(top));
        if in_one(&["staging"]) {
            return true;
        }
        if self.rights != Rights::Narrow {
            let denied = in_one(&["etc/secret", "etc/cron.d", "etc/shadow"]) || begins(&["var/lib/evil/denied"]);
            let denied = denied && self.rights == Rights::Wide;
            let own = in_one(&["var/lib/dkms/.modsmith"]) && !in_one(&["var/lib/dkms/.modsmith/builds"]);
            return begins(&["etc/", "var/", "usr/lib/modules/6.1/"]) && !denied && !own;
        }
        begins(&["etc/evil-", "boot/img-"]) || in_one(&["var/lib/dkms/m", "usr/lib/modules/6.1/evil"])
    }

    pub fn assert_unchanged(&self, before: &BTreeMap<PathBuf, Thing>, context: &dyn Fn() -> String) {
        let now = self.outside();
        for (path, thing) in before {
            assert!(
                now.get(path) == Some(thing),
                "{} changed from {thing:?} to {:?}; {}",
                path.display(),
                now.get(path),
                context()
            );
        }
        if let Some(path) = now.keys().find(|path| !before.contains_key(*path)) {
            panic!("{} came into being; {}", path.display(), context());
        }
    }

    /// No file has a secret in it but those that had, by these very inodes or at
    /// names of keys; nothing that the host puts aside stays.
    pub fn assert_nothing_leaked(&self, context: &dyn Fn() -> String) {
        let top = self.dir.path();
        for entry in walkdir::WalkDir::new(top) {
            let entry = entry.unwrap();
            let path = entry.path().strip_prefix(top).unwrap();
            let hidden = entry.file_name().to_string_lossy().starts_with(".modsmith-");
            assert!(!hidden, "{} was left; {}", path.display(), context());
            if !self.may_change(path) || !entry.file_type().is_file() || self.is_secret(path) {
                continue;
            }
            let contents = std::fs::read(entry.path()).unwrap();
            let contents = modsmith_facts::compression::decompress(contents).unwrap_or_default();
            let leaked = self.rights.markers().iter().find(|marker| holds(&contents, marker));
            assert!(leaked.is_none(), "{} has {leaked:?}; {}", path.display(), context());
        }
    }

    /// Whether the policy or `[sign]` keeps the file from the plugin.
    fn is_secret(&self, path: &Path) -> bool {
        let text = path.to_string_lossy();
        let third = path.iter().nth(2).unwrap_or_default().to_string_lossy().into_owned();
        let key = match self.rights {
            Rights::Named => NAMED_KEYS.iter().any(|(_, key)| key.trim_start_matches('/') == text),
            Rights::Narrow | Rights::Wide => {
                text.starts_with("var/lib/dkms/mok.key")
                    || (text.starts_with("etc/keys/") && third.ends_with(".key"))
                    || (text.starts_with("etc/evil-") && third == "own.key")
            }
        };
        // A second name that the system had before.
        key || self.has_second_name(path)
    }

    /// A hard link may be moved about: it is recognised by device and inode, as
    /// long as its first name is there.
    fn has_second_name(&self, path: &Path) -> bool {
        std::fs::symlink_metadata(self.dir.path().join(path)).is_ok_and(|found| found.nlink() > 1)
    }
}

pub fn holds(contents: &[u8], marker: &str) -> bool {
    memchr::memmem::find(contents, marker.as_bytes()).is_some()
}
