//! The program that shows long text page by page.

use std::io::Write;
use std::process::{Command, Stdio};

use modsmith_core::Environment;
use modsmith_facts::find_program;

/// Shows text in the program that PAGER names; `false` where it names none, or one that
/// cannot be started. Its words are parted by blanks: no shell reads them.
pub fn show(text: &str, environment: &Environment) -> bool {
    let Some(mut command) = environment.text("PAGER").and_then(|words| command(words, environment)) else {
        return false;
    };
    let Ok(mut child) = command.stdin(Stdio::piped()).spawn() else { return false };
    if let Some(mut input) = child.stdin.take() {
        ignoring_closed_pipes(|| {
            // A pager that is left before the end has shown enough.
            let _ = input.write_all(text.as_bytes());
        });
    }
    let _ = child.wait();
    true
}

fn command(words: &str, environment: &Environment) -> Option<Command> {
    let mut words = words.split_whitespace();
    let name = words.next()?;
    let program = match name.contains('/') {
        true => name.into(),
        false => find_program(std::path::Path::new("/"), name)?,
    };
    let mut command = Command::new(program);
    command.args(words);
    // less(1): it ends by itself where the text fits, leaves it on the screen, and starts
    // no other program on behalf of who may be root.
    if environment.var("LESS").is_none() {
        command.env("LESS", "FRX");
    }
    if rustix::process::geteuid().is_root() {
        command.env("LESSSECURE", "1");
    }
    Some(command)
}

/// SIGPIPE ends the program elsewhere; here, the pager may be gone first.
fn ignoring_closed_pipes(body: impl FnOnce()) {
    // SAFETY: no handler of ours is involved; both dispositions are the kernel's.
    let before = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    body();
    // SAFETY: as above; the disposition is the one that was there.
    unsafe {
        libc::signal(libc::SIGPIPE, before);
    }
}
