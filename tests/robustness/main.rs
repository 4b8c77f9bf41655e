//! Bad input, kills, crowds: an error is clear, nothing is lost, nothing is left half done.

mod bad_input;
mod concurrency;
mod crash;
mod hostile_images;
mod hostile_sources;
mod hostile_trees;
mod levels;
mod planning;
mod recipes;
mod special_files;
mod stopped_readers;
mod temporary;
mod terminal_text;
