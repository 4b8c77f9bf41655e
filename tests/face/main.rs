//! What `modsmith` shows to people: help, status, explanations and logs.

mod explain;
mod help;
mod log;
mod status;
mod tasks;
mod terminal;
