//! Starting programs in one thread while another one writes files.
//!
//! A program that is being started holds all files that are open here until it
//! has become itself. One that was being written, and is a program too, could
//! meanwhile not be run: "text file busy". So no program is started while a file
//! is being written.

use std::io;
use std::process::{Child, Command};
use std::sync::{PoisonError, RwLock};

static FILES: RwLock<()> = RwLock::new(());

/// Starts a program; returns once it runs.
pub fn start(command: &mut Command) -> io::Result<Child> {
    let _none_is_written = FILES.write().unwrap_or_else(PoisonError::into_inner);
    command.spawn()
}

/// Writes a file, from its opening to its closing.
pub fn write_file<T>(write: impl FnOnce() -> T) -> T {
    let _none_is_started = FILES.read().unwrap_or_else(PoisonError::into_inner);
    write()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn what_was_just_written_can_be_run_while_others_start_programs() {
        let dir = tempfile::tempdir().unwrap();
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    start(&mut Command::new("true")).unwrap().wait().unwrap();
                }
            });
            for number in 0..300 {
                let script = dir.path().join(format!("{number}.sh"));
                write_file(|| {
                    let mut options = std::fs::OpenOptions::new();
                    let mut file = options.write(true).create_new(true).mode(0o755).open(&script).unwrap();
                    file.write_all(b"#!/bin/sh\nexit 3\n").unwrap();
                });
                let status = start(&mut Command::new(&script)).map(|mut child| child.wait().unwrap());
                over.store(number == 299 || status.is_err(), Ordering::Relaxed);
                assert_eq!(status.unwrap().code(), Some(3));
            }
        });
    }
}
