//! Executing the real program, with unchanged arguments, environment and files.

use std::ffi::{CStr, CString, OsStr, OsString, c_char};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

/// A program, and how it would have been called if this one were not there.
#[derive(Debug)]
pub struct Real {
    pub program: PathBuf,
    /// Its first word.
    pub called_as: OsString,
    /// The PATH that the program gets, if it gets one.
    pub path: Option<OsString>,
}

unsafe extern "C" {
    /// environ(7)
    static environ: *const *const c_char;
}

/// Exit codes of shells for a program that is not there, and for one that cannot be
/// run.
const NOT_FOUND: i32 = 127;
const NOT_RUN: i32 = 126;

impl Real {
    /// Ends this program and starts the real one in its process. Returns an exit
    /// code where that fails.
    pub fn become_it(&self, arguments: &[OsString]) -> i32 {
        let words = [&self.called_as].into_iter().chain(arguments).map(|word| text(word));
        let (Some(program), Some(words)) = (text(self.program.as_os_str()), words.collect::<Option<Vec<_>>>()) else {
            return NOT_RUN;
        };
        let path = self.path.as_ref().and_then(|path| {
            let mut entry = OsString::from("PATH=");
            entry.push(path);
            text(&entry)
        });
        let words = pointers(words.iter().map(|word| word.as_ptr()));
        let environment = pointers(environment().map(|entry| {
            let is_path = entry.to_bytes().starts_with(b"PATH=");
            path.as_deref().filter(|_| is_path).unwrap_or(entry).as_ptr()
        }));
        // SAFETY: both arrays end with a null pointer, and what they point to lives until the
        // call, which returns only where it fails.
        unsafe { libc::execvpe(program.as_ptr(), words.as_ptr(), environment.as_ptr()) };
        match std::io::Error::last_os_error().raw_os_error() {
            Some(libc::ENOENT) => NOT_FOUND,
            _ => NOT_RUN,
        }
    }

    /// The same as a process of its own.
    pub fn command(&self, arguments: &[OsString]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg0(&self.called_as).args(arguments);
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        command
    }
}

fn text(word: &OsStr) -> Option<CString> {
    CString::new(word.as_bytes()).ok()
}

/// With a null pointer at the end, as exec(3) wants them.
fn pointers(words: impl Iterator<Item = *const c_char>) -> Vec<*const c_char> {
    words.chain([std::ptr::null()]).collect()
}

/// The entries as they are, also those that are no assignments.
fn environment() -> impl Iterator<Item = &'static CStr> {
    // SAFETY: nothing in this program changes the environment.
    let first = unsafe { environ };
    let entry = move |index: usize| {
        if first.is_null() {
            return None;
        }
        // SAFETY: the array ends with a null pointer, before which this iterator stops.
        let entry = unsafe { *first.add(index) };
        // SAFETY: the other pointers are to strings that live as long as the process.
        (!entry.is_null()).then(|| unsafe { CStr::from_ptr(entry) })
    };
    (0..).map_while(entry)
}
