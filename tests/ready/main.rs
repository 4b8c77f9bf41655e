//! Is a restart safe? Asked about scratch systems with a real kernel, boot images of the
//! tools that make them, and the menus of boot loaders.

mod boot_images;
mod boot_loaders;
mod findings;
mod hooks;
mod hostile;
mod machine;
mod modules;
