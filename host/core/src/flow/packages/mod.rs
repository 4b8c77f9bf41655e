//! Package formats: made from the tree, loaded into it. What a format is, a
//! plugin knows; it works in a staging directory, and what it leaves there is
//! checked and put into place by plans of the program's own.

mod confined;
mod destination;
mod install;
mod load;
mod make;
mod shape;
mod staging;
mod unpack;

use std::path::PathBuf;

pub use install::install_archive;
pub use load::load_archive;
pub use make::make_format;
pub use unpack::unpack_files;

use modsmith_plugins::Format;

/// What the command line asks of a format.
#[derive(Debug, Clone)]
pub struct FormatRequest {
    pub format: Format,
    /// Its options that were given, without the one that names the archive; a
    /// switch has an empty value.
    pub options: Vec<(String, String)>,
    /// The file to make or to load.
    pub archive: Option<PathBuf>,
    /// Where results go instead of the tree.
    pub place: Option<PathBuf>,
}
