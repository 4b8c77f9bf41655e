//! Plugins: those of this repository, those of others, and those that mean harm.

mod authors;
mod cases;
mod changed_plugins;
mod distributions;
mod grants;
mod hostile;
mod registries;
mod tables;
