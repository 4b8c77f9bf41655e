//! What the pages of this repository say is so.

mod documented;
mod floors;
mod knowledge;
mod messages;
mod opens;
mod schemas;
