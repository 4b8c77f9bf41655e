//! Builds that one machine makes and others use: what is fetched is what was pushed, by whom the
//! administrator believes, and nothing about a store elsewhere keeps a module from being built, or
//! has a wrong one installed.

mod cosign;
mod directory;
mod faults;
mod plugins;
mod registry;
mod scene;
mod trust;
mod website;
