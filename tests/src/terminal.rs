//! Programs on a terminal of their own, whose screen a parser of others keeps.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use vt100::Parser;

/// Rows that have left the screen at its top, and are kept.
const SCROLLBACK: usize = 1000;

/// A program that runs on a terminal.
pub struct Terminal {
    command: String,
    child: Child,
    master: File,
    parser: Parser,
}

impl Terminal {
    pub(crate) fn start(shown: String, mut command: Command, rows: u16, columns: u16) -> Self {
        let (master, slave) = open(rows, columns);
        let end = || Stdio::from(slave.try_clone().expect("a file of ours"));
        command.stdin(end()).stdout(end()).stderr(end());
        // SAFETY: only system calls between fork and exec.
        unsafe {
            command.pre_exec(|| {
                // The terminal's signals reach the programs of its session.
                if libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let child = command.spawn().unwrap_or_else(|e| panic!("cannot run {shown}: {e}"));
        drop(command);
        drop(slave);
        let parser = Parser::new(rows, columns, SCROLLBACK);
        Self { command: shown, child, master, parser }
    }

    /// The screen's lines, without empty ones at its end.
    pub fn screen(&self) -> Vec<String> {
        let screen = self.parser.screen();
        let mut lines: Vec<String> = screen.rows(0, screen.size().1).map(|line| line.trim_end().to_owned()).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    /// Reads until the program is silent for a moment and the screen is as wanted, or the program
    /// has ended. `each` sees each screen that stood still.
    ///
    /// # Panics
    /// When the program ends before the screen is as wanted.
    #[track_caller]
    pub fn until(&mut self, wanted: impl Fn(&[String]) -> bool, mut each: impl FnMut(&[String])) {
        loop {
            let has_ended = !self.read_until_silent();
            let screen = self.screen();
            each(&screen);
            if wanted(&screen) {
                return;
            }
            assert!(!has_ended, "`{}` ended before:\n{}", self.command, screen.join("\n"));
        }
    }

    /// Changes the size of the terminal; the program gets its signal.
    pub fn resize(&mut self, rows: u16, columns: u16) {
        set_size(&self.master, rows, columns);
        self.parser.screen_mut().set_size(rows, columns);
    }

    /// Types Ctrl-C.
    pub fn interrupt(&mut self) {
        self.master.write_all(b"\x03").expect("the terminal is there");
    }

    /// The end with the screen as it is then.
    pub fn last_screen(mut self) -> (i32, Parser) {
        while self.read_until_silent() {}
        let status = self.child.wait().expect("a child of ours");
        (status.code().unwrap_or(-1), self.parser)
    }

    /// The end: the exit code, and all lines, also those that have left the screen.
    pub fn end(mut self, mut each: impl FnMut(&[String])) -> (i32, Vec<String>) {
        while self.read_until_silent() {
            each(&self.screen());
        }
        let status = self.child.wait().expect("a child of ours");
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
        // From the first row that is kept on.
        let mut lines = Vec::new();
        self.parser.screen_mut().set_scrollback(usize::MAX);
        let kept = self.parser.screen().scrollback();
        for above in (1..=kept).rev() {
            self.parser.screen_mut().set_scrollback(above);
            lines.extend(self.parser.screen().rows(0, u16::MAX).next().map(|line| line.trim_end().to_owned()));
        }
        self.parser.screen_mut().set_scrollback(0);
        lines.extend(self.screen());
        (code, lines)
    }

    /// False when the program has closed the terminal.
    fn read_until_silent(&mut self) -> bool {
        let mut wait = Duration::from_secs(60);
        loop {
            if !is_readable(&self.master, wait) {
                return true;
            }
            let mut chunk = [0; 8192];
            match self.master.read(&mut chunk) {
                // EIO: all programs of the terminal have ended.
                Ok(0) | Err(_) => return false,
                Ok(count) => {
                    self.parser.process(&chunk[..count]);
                }
            }
            wait = Duration::from_millis(40);
        }
    }
}

fn is_readable(file: &File, wait: Duration) -> bool {
    let mut poll = libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry, which lives as long as the call.
    unsafe { libc::poll(&raw mut poll, 1, i32::try_from(wait.as_millis()).unwrap_or(i32::MAX)) > 0 }
}

/// Both ends of a terminal.
fn open(rows: u16, columns: u16) -> (File, OwnedFd) {
    let (mut master, mut slave) = (-1, -1);
    // SAFETY: the pointers lead to integers of ours; a name, attributes and a size are not asked for.
    let made = unsafe {
        libc::openpty(&raw mut master, &raw mut slave, std::ptr::null_mut(), std::ptr::null(), std::ptr::null())
    };
    assert_eq!(made, 0, "no terminal: {}", std::io::Error::last_os_error());
    // SAFETY: both were opened just now, and nobody else has them.
    let (master, slave) = unsafe { (File::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) };
    // Programs that the test starts elsewhere must not keep the terminal open.
    for end in [master.as_raw_fd(), slave.as_raw_fd()] {
        // SAFETY: a descriptor of ours.
        unsafe { libc::fcntl(end, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    set_size(&master, rows, columns);
    (master, slave)
}

fn set_size(master: &File, rows: u16, columns: u16) {
    let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: a descriptor of ours and a size that lives as long as the call.
    assert_eq!(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) }, 0);
}
