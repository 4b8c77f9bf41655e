//! In the place of dkms: what packagers and distributions call, and one tree that two programs work on in turn.

mod completion;
mod deb_settings;
mod integration;
mod integration_scripts;
mod manuals;
mod takeover;
