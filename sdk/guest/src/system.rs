//! Read-only facts about the target system, the one below `--root`.

pub use crate::bindings::imports::modsmith::plugin::system::{
    Dir, Entry, EntryKind, absolute, distro_ids, has_program, locate, open_dir, os_release, probe, source_date,
};
