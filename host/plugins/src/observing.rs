//! Plugins whose calls are observed.

use super::facade::Plugins;
use super::observed::Observer;

/// Lets an observer collect what plugins learn from the system, in all later calls.
pub fn observed_by(mut plugins: Plugins, observer: &Observer) -> Plugins {
    plugins.observer = Some(observer.clone());
    plugins
}
