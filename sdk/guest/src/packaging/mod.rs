//! The common parts of package formats (feature `packaging`): files collected
//! from the tree, tar and ar archives, compression, dkms's own tarball, what
//! modules say of themselves.
//!
//! The same input gives the same archive: entries are sorted and belong to root, and their date is
//! [`source_date`](crate::system::source_date).

mod ar;
mod compress;
mod contents;
mod files;
mod modinfo;
mod tar;
mod tarball;

pub use ar::{ar, ar_of_pieces};
pub use compress::{gunzip, gzip, gzip_to, xz, xz_to};
pub use contents::{Content, Contents};
pub use files::{Entry, Files};
pub use modinfo::ModInfo;
pub use tar::{tar, unpack_files, untar, write_tar};
pub use tarball::{COMMON_POSTINST, binaries};
