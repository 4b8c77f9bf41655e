//! Programs on a terminal.

use modsmith_tests::{Output, World, tool};

/// Runs a line in a shell whose standard output is a terminal, so many columns wide. The
/// terminal's line ends are made newlines.
pub fn on_a_terminal(world: &World, line: &str, columns: u32) -> Output {
    // script(1) of util-linux: it makes the terminal, and is on every Debian.
    let script = format!("stty cols {columns}; {line}");
    let program = world.program(tool::path("script")).arg("-qec").arg(script).arg("/dev/null");
    let mut out = program.env("TERM", "xterm").env("LC_ALL", "C").run();
    out.stdout = out.stdout.replace("\r\n", "\n");
    out
}
