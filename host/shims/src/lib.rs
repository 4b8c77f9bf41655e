//! Programs that save builds time in the place of compilers and `nm`.
//!
//! A directory that [`layout`] describes has links to the program `modsmith-shim`
//! under the names of others, and is first on the path of a build. Called by such a
//! name, the program finds everything that it needs beside the link, so that it
//! does not matter what a recipe does to the environment. Where anything is missing
//! or is not as expected, it becomes the real program, with the same arguments,
//! environment, signals and files. It prints nothing of its own.
//!
//! The program starts for each file that is compiled: it has no dependency but the C library.

mod become_program;
mod call;
mod compiler;
pub mod layout;
mod symbols;

use std::ffi::OsString;

use call::Call;
pub use compiler::is_compiler;
pub use symbols::{is_lister, is_slow};

/// The exit code of shells for a program that is not there.
const NOT_FOUND: i32 = 127;

/// Does what the program that was called by the first word does. Returns an exit
/// code where this process has not become the real program.
pub fn run(words: &[OsString]) -> i32 {
    let Some((called_as, arguments)) = words.split_first() else { return NOT_FOUND };
    let call = Call::new(called_as, call::executed_path());
    let Some(real) = call.real() else { return NOT_FOUND };
    let name = call.name.to_str().unwrap_or_default();
    if is_compiler(name) {
        let answer = call.directory.as_deref().and_then(|directory| compiler::answer(&real, arguments, directory));
        answer.unwrap_or_else(|| real.become_it(arguments))
    } else if is_lister(name) {
        real.become_it(&symbols::arguments(&real.program, arguments))
    } else {
        real.become_it(arguments)
    }
}
