//! Handing a directory over to the user whom a confined program runs as, and taking it back.

use std::ffi::CStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Stat, Uid, chownat, fchmod, fstat, openat};

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
    let held = openat(CWD, directory, DIRECTORY, Mode::empty())?;
    give_entry(&held, &fstat(&held)?, user)?;
    give_contents(held, user, taken_back)
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn give_contents(directory: OwnedFd, user: User, taken_back: bool) -> io::Result<()> {
    let names: Vec<_> = Dir::read_from(&directory)?
        .map(|entry| entry.map(|entry| entry.file_name().to_owned()))
        .filter(|name| !name.as_ref().is_ok_and(|name| matches!(name.as_bytes(), b"." | b"..")))
        .collect::<Result<_, _>>()?;
    for name in names {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let held = match openat(&directory, &name, flags, Mode::empty()) {
            Err(rustix::io::Errno::NOENT) => continue,
            held => held?,
        };
        let status = fstat(&held)?;
        give_entry(&held, &status, user)?;
        let kind = FileType::from_raw_mode(status.st_mode);
        if taken_back && (kind.is_dir() || kind.is_file() && status.st_nlink == 1) {
            close_to_others(&directory, &name, &status)?;
        }
        if kind.is_dir() {
            let inner = openat(&held, c".", DIRECTORY, Mode::empty())?;
            drop(held);
            give_contents(inner, user, taken_back)?;
        }
    }
    Ok(())
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

/// Others cannot write it, and it does not run with the rights of its owner.
fn close_to_others(directory: &OwnedFd, name: &CStr, status: &Stat) -> io::Result<()> {
    let mode = status.st_mode & 0o7777;
    if mode & 0o7022 == 0 {
        return Ok(());
    }
    // A descriptor that only names a file cannot change its mode.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = openat(directory, name, flags, Mode::empty())?;
    let now = fstat(&opened)?;
    if (now.st_dev, now.st_ino) == (status.st_dev, status.st_ino) {
        fchmod(&opened, Mode::from_raw_mode(mode & 0o755))?;
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
