//! The output of a program, and how it ended.

use std::fmt;
use std::os::unix::process::ExitStatusExt;

/// A finished program.
#[derive(Debug, Clone)]
pub struct Output {
    /// The command line, for messages.
    pub command: String,
    /// Exit code; 128 + N when signal N ended it, as a shell counts.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    pub(crate) fn new(command: String, out: std::process::Output) -> Output {
        Output {
            command,
            code: out.status.code().unwrap_or_else(|| 128 + out.status.signal().unwrap_or(0)),
            stdout: String::from_utf8_lossy(&out.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
        }
    }

    /// Ended by SIGKILL.
    pub fn killed(&self) -> bool {
        self.code == 128 + 9
    }

    /// Fails the test unless the exit code is this one.
    #[track_caller]
    pub fn expect(self, code: i32) -> Output {
        assert_eq!(self.code, code, "unexpected exit code: {self}");
        self.expect_no_panic()
    }

    /// Fails the test unless standard error says this.
    #[track_caller]
    pub fn expect_error(self, text: &str) -> Output {
        assert!(self.stderr.contains(text), "standard error does not say {text:?}: {self}");
        self
    }

    /// Fails the test unless standard error offers something to do.
    #[track_caller]
    pub fn expect_hint(self) -> Output {
        assert!(self.stderr.to_lowercase().contains("hint:"), "no hint in the message: {self}");
        self
    }

    /// Fails the test when the program panicked: that is never an answer.
    #[track_caller]
    pub fn expect_no_panic(self) -> Output {
        assert!(!self.stderr.contains("panicked at"), "the program panicked: {self}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("standard output is not JSON ({e}): {self}"))
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` ended with {}\n--- stdout\n{}\n--- stderr\n{}\n---",
            self.command, self.code, self.stdout, self.stderr
        )
    }
}
