//! cpio archives in the "new ascii" form (SVR4), with checksums and without, as the
//! payload of rpm packages and the initial RAM disks of kernels are: members, each
//! behind a header of 110 digits, at multiples of four. Source: cpio(5).

mod read;
mod write;

pub use read::files;
pub use write::{Form, archive};
