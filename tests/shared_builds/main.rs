//! Builds that one machine makes and others use: what is fetched is what was pushed, by whom the
//! administrator believes, and nothing about a store elsewhere keeps a module from being built, or
//! has a wrong one installed.

mod clocks;
mod compatible;
mod cosign;
mod directory;
mod faults;
mod guide;
mod kmm;
mod plugins;
mod registry;
mod registry_faults;
mod registry_kinds;
mod scene;
mod trust;
mod website;
