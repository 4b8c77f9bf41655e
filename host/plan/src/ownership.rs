//! Handing a directory over to the user whom a confined program runs as, and taking it back.

use std::ffi::CStr;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, Stat, Uid, chownat, fchmod, fstat, openat};

use modsmith_facts::visit_below;
use modsmith_sandbox::User;

/// Gives a directory with all that is in it to a user. Entries are held by descriptor and
/// no link is followed: what is renamed meanwhile is given or is not, but nothing else is.
///
/// # Errors
/// An entry that cannot be given away.
pub fn hand_over(directory: &Path, to: User) -> io::Result<()> {
    give(directory, to, false)
}

/// Takes it back, once nothing of the program is left: what it made is the caller's, and no
/// program in it runs with rights of its owner.
///
/// # Errors
/// An entry that cannot be taken back.
pub fn take_back(directory: &Path) -> io::Result<()> {
    let caller = User { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() };
    give(directory, caller, true)
}

fn give(directory: &Path, user: User, taken_back: bool) -> io::Result<()> {
    let give = || {
        let held = openat(CWD, directory, DIRECTORY, Mode::empty())?;
        let status = fstat(&held)?;
        give_entry(&held, &status, user)?;
        if !taken_back {
            fchmod(&held, Mode::from_raw_mode(usable(FileType::Directory, status.st_mode & 0o7777)))?;
        }
        visit_below(held, |directory, name| give_named(directory, name, user, taken_back), |_, _| Ok(()))
    };
    let (path, what) = (directory.display(), if taken_back { "taken back" } else { "handed over" });
    give().map_err(|e| io::Error::new(e.kind(), format!("{path} cannot be {what}: {e}")))
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// One entry; a directory is opened.
fn give_named(directory: BorrowedFd<'_>, name: &CStr, user: User, taken_back: bool) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let held = match openat(directory, name, flags, Mode::empty()) {
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        held => held?,
    };
    let status = fstat(&held)?;
    give_entry(&held, &status, user)?;
    let kind = FileType::from_raw_mode(status.st_mode);
    if kind.is_dir() || kind.is_file() && status.st_nlink == 1 {
        let mode = status.st_mode & 0o7777;
        change_mode(directory, name, &status, if taken_back { mode & 0o755 } else { usable(kind, mode) })?;
    }
    Ok(kind.is_dir().then(|| openat(&held, c".", DIRECTORY, Mode::empty())).transpose()?)
}

/// A file with several names keeps its owner: a program that ran here before may have linked a file
/// of another user.
fn give_entry(held: &OwnedFd, status: &Stat, user: User) -> io::Result<()> {
    if !FileType::from_raw_mode(status.st_mode).is_dir() && status.st_nlink != 1 {
        return Ok(());
    }
    let (owner, group) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    Ok(chownat(held, c"", Some(owner), Some(group), AtFlags::EMPTY_PATH)?)
}

/// A mode with which the owner can do what root can: a source without the right to write builds, too.
fn usable(kind: FileType, mode: u32) -> u32 {
    mode | if kind.is_dir() { 0o700 } else { 0o600 }
}

fn change_mode(directory: BorrowedFd<'_>, name: &CStr, status: &Stat, mode: u32) -> io::Result<()> {
    if status.st_mode & 0o7777 == mode {
        return Ok(());
    }
    // A descriptor that only names a file cannot change its mode.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = openat(directory, name, flags, Mode::empty())?;
    let now = fstat(&opened)?;
    if (now.st_dev, now.st_ino) == (status.st_dev, status.st_ino) {
        fchmod(&opened, Mode::from_raw_mode(mode))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use modsmith_sandbox::{NOBODY, can_become_nobody};
    use std::path::PathBuf;

    /// A file of root's, outside of what is given away.
    fn precious(dir: &Path) -> PathBuf {
        let precious = dir.join("etc");
        std::fs::create_dir_all(precious.join("inner")).unwrap();
        std::fs::write(precious.join("inner/file"), "").unwrap();
        precious
    }

    fn owners(directory: &Path) -> Vec<(String, u32)> {
        let entries = walkdir::WalkDir::new(directory).sort_by_file_name().into_iter().map(Result::unwrap);
        entries
            .map(|entry| {
                let name = entry.path().strip_prefix(directory).unwrap().display().to_string();
                (name, entry.path().symlink_metadata().unwrap().uid())
            })
            .collect()
    }

    #[test]
    fn only_what_is_in_the_directory_is_given_away_and_taken_back() {
        assert!(can_become_nobody(), "run this test as root");
        let dir = tempfile::tempdir().unwrap();
        let precious = precious(dir.path());
        let work = dir.path().join("work");
        std::fs::create_dir_all(work.join("a")).unwrap();
        symlink(&precious, work.join("a/link")).unwrap();
        std::fs::hard_link(precious.join("inner/file"), work.join("hard")).unwrap();
        std::fs::write(work.join("a/own"), "").unwrap();
        hand_over(&work, User::NOBODY).unwrap();
        let given: Vec<_> = owners(&work).into_iter().filter(|(_, uid)| *uid == NOBODY).map(|(name, _)| name).collect();
        assert_eq!(given, ["", "a", "a/link", "a/own"]);
        assert!(owners(&precious).iter().all(|(_, uid)| *uid == 0));

        std::fs::set_permissions(work.join("a/own"), PermissionsExt::from_mode(0o6777)).unwrap();
        std::fs::set_permissions(work.join("hard"), PermissionsExt::from_mode(0o666)).unwrap();
        take_back(&work).unwrap();
        assert!(owners(&work).iter().all(|(_, uid)| *uid == 0));
        let mode = |path: &Path| path.metadata().unwrap().mode() & 0o7777;
        assert_eq!((mode(&work.join("a/own")), mode(&precious.join("inner/file"))), (0o755, 0o666));
    }

    /// A test that runs again in a process with few descriptors; whether this is that process.
    fn has_few_descriptors(test: &str) -> bool {
        const AGAIN: &str = "MODSMITH_TEST_FEW_DESCRIPTORS";
        if std::env::var_os(AGAIN).is_some() {
            return true;
        }
        let mut limited = std::process::Command::new("sh");
        limited.args(["-c", "ulimit -n 256 && exec \"$@\"", "sh"]).arg(std::env::current_exe().unwrap());
        limited.args(["--exact", test, "--nocapture", "--include-ignored"]).env(AGAIN, "1");
        let output = limited.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        false
    }

    #[test]
    fn a_directory_of_any_depth_is_given_away_and_taken_back_with_few_descriptors() {
        const LEVELS: usize = 3000;
        if !has_few_descriptors(
            "ownership::tests::a_directory_of_any_depth_is_given_away_and_taken_back_with_few_descriptors",
        ) {
            return;
        }
        assert!(can_become_nobody(), "run this test as root");
        // In memory if there is such a file system: it takes seconds to make deep trees on a disk.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let work = dir.path().join("work");
        std::fs::create_dir(&work).unwrap();
        let mut here = openat(CWD, &work, DIRECTORY, Mode::empty()).unwrap();
        for _ in 0..LEVELS {
            rustix::fs::mkdirat(&here, "d", Mode::from_raw_mode(0o777)).unwrap();
            here = openat(&here, "d", DIRECTORY, Mode::empty()).unwrap();
        }
        openat(&here, "file", OFlags::CREATE | OFlags::WRONLY, Mode::from_raw_mode(0o666)).unwrap();
        let last = || (fstat(&here).unwrap().st_uid, fstat(&here).unwrap().st_mode & 0o022);
        hand_over(&work, User::NOBODY).unwrap();
        assert_eq!(last().0, NOBODY);
        take_back(&work).unwrap();
        assert_eq!(last(), (0, 0));
        let files =
            crate::files::Files::new(modsmith_facts::Roots::default().with(modsmith_facts::Root::Tree, dir.path()));
        files.remove(&modsmith_facts::Location::new(modsmith_facts::Root::Tree, "work").unwrap()).unwrap();
        assert!(!work.exists());
    }

    #[test]
    fn a_user_who_is_given_a_read_only_directory_can_change_it() {
        assert!(can_become_nobody(), "run this test as root");
        let dir = tempfile::tempdir().unwrap();
        let work = dir.path().join("work");
        std::fs::create_dir_all(work.join("inner")).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o7777;
        let set = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        for name in ["file", "inner/script", "linked"] {
            std::fs::write(work.join(name), "").unwrap();
        }
        std::fs::hard_link(work.join("linked"), dir.path().join("other")).unwrap();
        set(&work.join("file"), 0o444);
        set(&work.join("inner/script"), 0o555);
        set(&work.join("linked"), 0o444);
        set(&work.join("inner"), 0o555);
        set(&work, 0o555);
        hand_over(&work, User::NOBODY).unwrap();
        let modes = ["", "inner", "file", "inner/script", "linked"].map(|name| mode(&work.join(name)));
        assert_eq!(modes, [0o755, 0o755, 0o644, 0o755, 0o444]);
    }

    #[test]
    fn what_cannot_be_taken_back_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = take_back(&dir.path().join("work")).unwrap_err();
        assert!(error.to_string().contains("/work cannot be taken back: "), "{error}");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_racing_program_wins_nothing() {
        assert!(can_become_nobody(), "run this test as root");
        let dir = tempfile::tempdir().unwrap();
        let precious = precious(dir.path());
        let work = dir.path().join("work");
        for number in 0..50 {
            std::fs::create_dir_all(work.join(format!("{number}/inner"))).unwrap();
            std::fs::write(work.join(format!("{number}/inner/file")), "").unwrap();
        }
        symlink(&precious, work.join("link")).unwrap();
        let (over, swaps) = (AtomicBool::new(false), std::sync::Barrier::new(2));
        std::thread::scope(|scope| {
            // A directory and a link to another one change places all the time.
            scope.spawn(|| {
                let swap = |number: u32| {
                    let flags = rustix::fs::RenameFlags::EXCHANGE;
                    let _ = rustix::fs::renameat_with(
                        CWD,
                        work.join("link"),
                        CWD,
                        work.join(format!("{}", number % 50)),
                        flags,
                    );
                };
                swaps.wait();
                for number in 0.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    swap(number / 2);
                }
            });
            swaps.wait();
            for _ in 0..20 {
                // An entry that is a link where a directory was is an error at most.
                let _ = hand_over(&work, User::NOBODY);
                let _ = take_back(&work);
            }
            over.store(true, Ordering::Relaxed);
        });
        assert_eq!(owners(&precious), [("".into(), 0), ("inner".into(), 0), ("inner/file".into(), 0)]);
    }
}
