//! The terminal that standard output may be. Nothing is printed here.

use std::io::IsTerminal;

/// Whether standard output is a terminal.
pub fn is_there() -> bool {
    std::io::stdout().is_terminal()
}

/// How wide the terminal is; `None` where it does not say.
pub fn columns() -> Option<usize> {
    rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| usize::from(size.ws_col))
}
