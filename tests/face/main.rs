//! What `modsmith` shows to people: help, status, explanations and logs.

mod explain;
mod help;
mod kept;
mod log;
mod packages;
mod picture;
mod progress;
mod runs;
mod status;
mod tasks;
mod terminal;
