//! The verbs of plans, one file each. A new one is its file, its two lines here, and its
//! name in `docs/reference/plan-schema.json`.

mod append_cms;
mod back_up;
mod collect;
mod concatenate;
mod copy;
mod expect;
mod expect_tree;
mod import;
mod make_directory;
mod note;
mod pack;
mod prune;
mod record;
mod remove;
mod rename;
mod run;
mod symlink;
mod take_over;
mod take_stored;
mod unpack;
mod write_file;

use crate::command::Command;
use crate::verb::Verb;

pub use append_cms::AppendCms;
pub use back_up::BackUp;
pub use collect::Collect;
pub use concatenate::{Concatenate, Piece};
pub use copy::Copy;
pub use expect::Expect;
pub use expect_tree::ExpectTree;
pub use import::Import;
pub use make_directory::MakeDirectory;
pub use note::Note;
pub use pack::{ArchiveFormat, Pack};
pub use prune::Prune;
pub use record::Record;
pub use remove::Remove;
pub use rename::Rename;
pub use symlink::Symlink;
pub use take_over::TakeOver;
pub use take_stored::TakeStored;
pub use unpack::{Unpack, stays_inside};
pub use write_file::WriteFile;

macro_rules! actions {
    ($($variant:ident($verb:ty),)*) => {
        /// One change to the system, or a remark about the changes.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(clippy::large_enum_variant, reason = "a plan has few steps, and most of them are programs")]
        pub enum Action {
            $($variant($verb),)*
        }

        impl Action {
            pub fn verb(&self) -> &dyn Verb {
                match self {
                    $(Self::$variant(verb) => verb,)*
                }
            }
        }

        $(impl From<$verb> for Action {
            fn from(verb: $verb) -> Self {
                Self::$variant(verb)
            }
        })*
    };
}

actions! {
    Note(Note),
    MakeDirectory(MakeDirectory),
    WriteFile(WriteFile),
    Concatenate(Concatenate),
    Copy(Copy),
    Import(Import),
    Rename(Rename),
    Symlink(Symlink),
    Remove(Remove),
    Prune(Prune),
    BackUp(BackUp),
    Pack(Pack),
    Unpack(Unpack),
    Run(Command),
    AppendCms(AppendCms),
    Collect(Collect),
    Record(Record),
    Expect(Expect),
    ExpectTree(ExpectTree),
    TakeOver(TakeOver),
    TakeStored(TakeStored),
}
