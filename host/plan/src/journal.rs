//! The journal: what is being changed right now, on disk, so that the next
//! invocation can take back what a killed one left half done.
//!
//! One file of JSON lines per running plan, in `T/.modsmith/journal/`. Each
//! step is announced with its way back before it changes anything. The line
//! `commit` ends the plan; after it only stashes are left to delete.
//!
//! A journal names locations, never commands, and it is trusted only where
//! only root and the caller could have written it. Where its roots are is
//! for the invocation that recovers to say, see [`super::recovery`].

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use crate::files::Links;
use crate::undo::UndoOp;
use modsmith_facts::{Root, Roots, TrustError, TrustedDir, Untrusted};

/// The directory of the program's own records, below the tree.
pub const PRIVATE_DIR: &str = ".modsmith";

const DIRECTORY: &str = "journal";

const SUFFIX: &str = ".jsonl";

/// Journals of other versions of the program are not understood.
const VERSION: u32 = 2;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Plan {
        version: u32,
        title: String,
        pid: u32,
        /// Where the roots were, as the system that was worked on sees them.
        roots: BTreeMap<Root, PathBuf>,
    },
    Begin {
        step: usize,
        undo: Vec<UndoOp>,
        keep: bool,
        #[serde(default)]
        links: Links,
    },
    Done {
        step: usize,
    },
    /// Taken back; must not be taken back again.
    Undone {
        step: usize,
    },
    Commit,
}

/// The journal of a plan that is being executed.
pub struct Journal {
    tree: TrustedDir,
    directory: TrustedDir,
    file: File,
    id: String,
}

impl Journal {
    /// Opens a journal for a plan on the system below `system`. The plan's roots
    /// must name the tree.
    pub fn create(title: &str, roots: &Roots, system: &Path) -> io::Result<Self> {
        let tree = roots.get(Root::Tree).ok_or_else(|| io::Error::other("a plan needs the root `tree`"))?;
        std::fs::create_dir_all(tree)?;
        let tree = TrustedDir::top(tree)?;
        let id = format!("{}-{}", std::process::id(), random()?);
        let (directory, file) = create(&tree, &id).map_err(|e| match e {
            TrustError::Io(e) => e,
            TrustError::Untrusted(untrusted) => io::Error::other(untrusted),
        })?;
        let mut journal = Self { tree, directory, file, id };
        let seen = |path: &Path| Path::new("/").join(path.strip_prefix(system).unwrap_or(path));
        journal.write(&Line::Plan {
            version: VERSION,
            title: title.to_owned(),
            pid: std::process::id(),
            roots: Root::ALL.iter().filter_map(|root| Some((*root, seen(roots.get(*root)?)))).collect(),
        })?;
        Ok(journal)
    }

    /// Unique among the journals of a tree, and not to be guessed: also names
    /// the stashes, which are where others may be able to write.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn begin(&mut self, step: usize, undo: &[UndoOp], keep: bool, links: Links) -> io::Result<()> {
        self.write(&Line::Begin { step, undo: undo.to_vec(), keep, links })
    }

    pub fn done(&mut self, step: usize) -> io::Result<()> {
        self.write(&Line::Done { step })
    }

    /// Continues the journal of a killed invocation, to undo its plan.
    pub fn reopen(tree: &Path, pending: &PendingPlan) -> Result<Self, TrustError> {
        let gone = || TrustError::Io(io::ErrorKind::NotFound.into());
        let tree = TrustedDir::top(tree)?;
        let directory = tree.below(&place())?.ok_or_else(gone)?;
        let file = directory.open(&format!("{}{SUFFIX}", pending.id), OFlags::WRONLY | OFlags::APPEND, 0)?;
        Ok(Self { tree, directory, file: file.ok_or_else(gone)?, id: pending.id.clone() })
    }

    pub fn undone(&mut self, step: usize) -> io::Result<()> {
        self.write(&Line::Undone { step })
    }

    /// Commits the plan: it is not undone any more. If stashes are deleted next, this waits until
    /// the line is on the disk, because the plan could not be undone without them after a power
    /// failure.
    pub fn commit(&mut self, has_stashes: bool) -> io::Result<()> {
        self.write(&Line::Commit)?;
        if has_stashes { self.file.sync_data() } else { Ok(()) }
    }

    /// Deletes the journal; the private directory goes too once it is empty.
    pub fn close(self) -> io::Result<()> {
        drop(self.file);
        self.directory.remove_file(&format!("{}{SUFFIX}", self.id))?;
        // Not empty: another plan's journal is there.
        if let Ok(Some(private)) = self.tree.directory(PRIVATE_DIR)
            && private.remove_directory(DIRECTORY).is_ok()
        {
            let _ = self.tree.remove_directory(PRIVATE_DIR);
        }
        Ok(())
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line).map_err(io::Error::other)?;
        text.push(b'\n');
        // One write: a kill leaves whole lines.
        self.file.write_all(&text)
    }
}

/// A plan that ends at the same time deletes the directory that it leaves empty.
fn create(tree: &TrustedDir, id: &str) -> Result<(TrustedDir, File), TrustError> {
    let mut tries = 0..100;
    loop {
        let made = (|| {
            let directory = tree.make_directory(PRIVATE_DIR, 0o755)?.make_directory(DIRECTORY, 0o755)?;
            let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL;
            let file = directory.open(&format!("{id}{SUFFIX}"), flags, 0o600)?;
            Ok((directory, file.expect("a file that is made is there")))
        })();
        match made {
            Err(TrustError::Io(e)) if e.kind() == io::ErrorKind::NotFound && tries.next().is_some() => {}
            other => return other,
        }
    }
}

fn place() -> PathBuf {
    Path::new(PRIVATE_DIR).join(DIRECTORY)
}

/// Sixteen random digits.
fn random() -> io::Result<String> {
    use ring::rand::SecureRandom;
    let mut bytes = [0; 8];
    ring::rand::SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("there are no random numbers"))?;
    Ok(hex::encode(bytes))
}

/// A step that was begun, and its way back.
#[derive(Debug)]
pub struct Begun {
    pub step: usize,
    pub undo: Vec<UndoOp>,
    /// Whether a failure of a later step leaves its effect; a crash never does.
    pub keep: bool,
    /// How the step, and its way back, treat links.
    pub links: Links,
}

/// A plan that some invocation began and did not end.
#[derive(Debug)]
pub struct PendingPlan {
    pub path: PathBuf,
    pub id: String,
    pub title: String,
    pub pid: u32,
    /// Where the roots were, as the system that was worked on sees them.
    pub roots: BTreeMap<Root, PathBuf>,
    /// Whether only stashes are left to delete.
    pub committed: bool,
    /// Whether this version of the program cannot read the journal.
    pub damaged: bool,
    /// The steps that were begun and are not undone, in order.
    pub steps: Vec<Begun>,
}

/// The journals in a tree, and those that are not believed. Whether their owners
/// still live is for the holder of the tree's lock to know.
pub fn pending(tree: &Path) -> io::Result<(Vec<PendingPlan>, Vec<Untrusted>)> {
    let (mut found, mut untrusted) = (Vec::new(), Vec::new());
    let top = match TrustedDir::top(tree) {
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok((found, untrusted));
        }
        top => top?,
    };
    let Some(directory) = believe(top.below(&place()), &mut untrusted)? else { return Ok((found, untrusted)) };
    for name in directory.names()? {
        let Some(id) = name.strip_suffix(SUFFIX) else { continue };
        let path = directory.path().join(&name);
        match believe(directory.read(&name), &mut untrusted) {
            Ok(Some(text)) => found.push(read(path, id, &text)),
            Ok(None) => {}
            // There is one, for root to end.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => found.push(read(path, id, b"?\n")),
            Err(e) => return Err(e),
        }
    }
    Ok((found, untrusted))
}

/// A file that is there and trusted. One that is not trusted is added to the list.
fn believe<T>(found: Result<Option<T>, TrustError>, untrusted: &mut Vec<Untrusted>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(found),
        Err(TrustError::Untrusted(why)) => {
            untrusted.push(why);
            Ok(None)
        }
        Err(TrustError::Io(e)) => Err(e),
    }
}

fn read(path: PathBuf, id: &str, text: &[u8]) -> PendingPlan {
    let mut pending = PendingPlan {
        path,
        id: id.to_owned(),
        title: String::new(),
        pid: 0,
        roots: BTreeMap::new(),
        committed: false,
        damaged: false,
        steps: Vec::new(),
    };
    let mut lines = text.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let Ok(line) = serde_json::from_slice(line) else {
            // The last line may be cut short: it was being written when the power
            // went, so that its step had not begun.
            pending.damaged = lines.peek().is_some();
            break;
        };
        match line {
            Line::Plan { version, .. } if version != VERSION => pending.damaged = true,
            Line::Plan { title, pid, roots, .. } => {
                pending.title = title;
                pending.pid = pid;
                pending.roots = roots;
            }
            Line::Begin { step, undo, keep, links } => pending.steps.push(Begun { step, undo, keep, links }),
            Line::Done { .. } => {}
            Line::Undone { step } => pending.steps.retain(|begun| begun.step != step),
            Line::Commit => pending.committed = true,
        }
    }
    pending
}
