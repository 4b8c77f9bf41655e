//! Side by side with Debian's dkms: exit codes, lines, states, files.

mod confined;
mod exit_codes;
mod packages;
mod table;
