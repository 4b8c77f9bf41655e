//! Registries: a real one, and some that break the rules.

mod broken;
mod real;
