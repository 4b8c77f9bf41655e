//! The directory that one invocation of modsmith makes for its builds.

/// Links to `modsmith-shim` under the names of compilers. A directory of a path.
pub const COMPILERS: &str = "compilers";

/// Links to `modsmith-shim` under the names of programs that list symbols. A
/// directory of a path.
pub const SYMBOLS: &str = "symbols";

/// Links to the real programs, under the same names.
pub const REAL: &str = "real";

/// The file with the answers of compilers.
pub const ANSWERS: &str = "answers";

/// The file name of the program that links lead to.
pub const PROGRAM: &str = "modsmith-shim";
