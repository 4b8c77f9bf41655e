//! dkms.conf: whichever reader reads a file, the values are bash's.

mod bad;
mod common;
mod debian;
mod dkms;
mod generated;
mod placeholders;
mod report;
mod snippets;
mod walls;
