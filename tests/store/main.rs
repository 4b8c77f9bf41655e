//! The store of builds: a build whose inputs are the same is not made again, each input counts, and
//! nothing about the store keeps a module from being built, or has a wrong one installed.

mod faults;
mod inputs;
mod reuse;
mod scene;
