//! What the pages of this repository say is so.

mod documented;
mod messages;
mod schemas;
