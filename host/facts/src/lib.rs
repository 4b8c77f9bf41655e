//! Facts about a Linux system: the running one, or one below a directory.
//!
//! The facts are its directories, its kernels, and the contents of module files.
//! Everything is read, no program is run, and nothing is written but files of the
//! program's own, such as locks. Files are read as files
//! that others may have written: links are resolved inside the root that they belong
//! to, and text is cleaned before a terminal sees it.
//!
//! The crate knows nothing of plans, plugins and packages.

mod beneath;
pub mod boot_image;
pub mod compression;
mod descent;
mod digest;
pub mod efi;
mod everybody;
mod in_root;
pub mod inside;
pub mod kernel;
mod kernel_compression;
pub mod keyrings;
mod listing;
mod lock_file;
pub mod machine;
pub mod openmetrics;
mod os_release;
mod path_text;
mod places;
mod programs;
mod resolve;
mod roots;
mod source_date;
mod stamp;
mod system;
pub mod text;
mod trust;

pub use beneath::{is_link_error, make_directories, open_beneath, open_parent};
pub use compression::Compression;
pub use descent::{remove_entry, visit_below};
pub use digest::{DIGEST_PREFIX, digest, digest_of, file_digest};
pub use everybody::{as_everybody, everybody_may_read};
pub use listing::{Listing, MOST_ENTRIES};
pub use lock_file::{LockFile, open_lock};
pub use os_release::OsRelease;
pub use path_text::{path_text, text_path};
pub use places::{Found, Identity, Last, Places};
pub use programs::{compilers_of_driver, libraries, programs_on_path};
pub use resolve::{PROGRAM_PATH, find_program, resolve_in_root};
pub use roots::{BadLocation, Location, Root, Roots};
pub use source_date::source_date;
pub use stamp::Stamp;
pub use system::System;
pub use trust::{TrustError, TrustedDir, Untrusted, check, open_trusted, read_trusted};
