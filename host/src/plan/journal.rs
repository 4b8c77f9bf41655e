//! The journal: what is being changed right now, on disk, so that the next
//! invocation can take back what a killed one left half done.
//!
//! One file of JSON lines per running plan, in `T/.modsmith/journal/`. Each
//! step is announced with its way back before it changes anything. The line
//! `commit` ends the plan; after it only stashes are left to delete.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};

use super::files::Links;
use super::undo::UndoOp;
use crate::system::{Root, Roots};

/// Where modsmith keeps what dkms does not know, below the tree.
pub const PRIVATE_DIR: &str = ".modsmith";

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Plan {
        version: u32,
        title: String,
        pid: u32,
        roots: Roots,
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
    path: PathBuf,
    file: File,
    id: String,
}

impl Journal {
    /// Opens a journal for a plan. The plan's roots must name the tree.
    pub fn create(title: &str, roots: &Roots) -> io::Result<Self> {
        let tree = roots.get(Root::Tree).ok_or_else(|| io::Error::other("a plan needs the root `tree`"))?;
        let directory = directory(tree);
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let id = format!("{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        let path = directory.join(format!("{id}.jsonl"));
        let file = create(&directory, &path)?;
        let mut journal = Self { path, file, id };
        journal.write(&Line::Plan {
            version: 1,
            title: title.to_owned(),
            pid: std::process::id(),
            roots: roots.clone(),
        })?;
        Ok(journal)
    }

    /// Unique among the journals of a tree: also names the stashes.
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
    pub fn reopen(pending: &Pending) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).open(&pending.path)?;
        Ok(Self { path: pending.path.clone(), file, id: pending.id.clone() })
    }

    pub fn undone(&mut self, step: usize) -> io::Result<()> {
        self.write(&Line::Undone { step })
    }

    /// From here on the plan stands, whatever happens. Where stashes are deleted
    /// next, that is waited for until it is on the disk: after a power failure the
    /// plan could not be undone without them.
    pub fn commit(&mut self, has_stashes: bool) -> io::Result<()> {
        self.write(&Line::Commit)?;
        if has_stashes { self.file.sync_data() } else { Ok(()) }
    }

    /// Deletes the journal; the private directory goes too once it is empty.
    pub fn close(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)?;
        for parent in self.path.ancestors().skip(1).take(2) {
            if std::fs::remove_dir(parent).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line).map_err(io::Error::other)?;
        text.push(b'\n');
        // One write: a kill leaves whole lines.
        self.file.write_all(&text)?;
        kill_point();
        Ok(())
    }
}

/// A plan that ends at the same time deletes the directory that it leaves empty.
fn create(directory: &Path, path: &Path) -> io::Result<File> {
    let mut tries = 0..100;
    loop {
        std::fs::create_dir_all(directory)?;
        match OpenOptions::new().create_new(true).append(true).open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && tries.next().is_some() => {}
            made => return made,
        }
    }
}

fn directory(tree: &Path) -> PathBuf {
    tree.join(PRIVATE_DIR).join("journal")
}

/// A step that was begun, and its way back.
#[derive(Debug)]
pub struct Begun {
    pub step: usize,
    pub undo: Vec<UndoOp>,
    /// Whether a failure of a later step leaves its effect; a crash never does.
    pub keep: bool,
    /// How the step treated links, and its way back does.
    pub links: Links,
}

/// A plan that some invocation began and did not end.
#[derive(Debug)]
pub struct Pending {
    pub path: PathBuf,
    pub id: String,
    pub title: String,
    pub pid: u32,
    pub roots: Roots,
    /// Whether only stashes are left to delete.
    pub committed: bool,
    /// The steps that were begun and are not undone, in order.
    pub steps: Vec<Begun>,
}

/// The journals in a tree. Whether their owners still live is for the holder of
/// the tree's lock to know.
pub fn pending(tree: &Path) -> io::Result<Vec<Pending>> {
    let entries = match std::fs::read_dir(directory(tree)) {
        Ok(entries) => entries,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "jsonl") {
            found.push(read(path)?);
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn read(path: PathBuf) -> io::Result<Pending> {
    let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut pending = Pending {
        id,
        title: String::new(),
        pid: 0,
        roots: Roots::default(),
        committed: false,
        steps: Vec::new(),
        path: path.clone(),
    };
    for line in BufReader::new(File::open(&path)?).lines() {
        // A line cut short was being written when the power went: its step had
        // not begun.
        let Ok(line) = serde_json::from_str(&line?) else { break };
        match line {
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
    Ok(pending)
}

/// Fault injection for tests of recovery: with `MODSMITH_KILL_AT=N` in the
/// environment the process kills itself at its N-th journal point.
pub fn kill_point() {
    static POINT: AtomicU32 = AtomicU32::new(0);
    static KILL_AT: std::sync::OnceLock<Option<u32>> = std::sync::OnceLock::new();
    let at = KILL_AT.get_or_init(|| std::env::var("MODSMITH_KILL_AT").ok()?.parse().ok());
    if *at == Some(POINT.fetch_add(1, Ordering::SeqCst) + 1) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}
