//! Plugins: those of this repository, those of others, and those that mean harm.

mod author_views;
mod authors;
mod cases;
mod changed_plugins;
mod desk;
mod development;
mod distributions;
mod golden;
mod grants;
mod hostile;
mod hostile_cases;
mod hostile_images;
mod languages;
mod recordings;
mod registries;
mod sdk_package;
mod tables;
