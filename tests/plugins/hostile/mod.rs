//! Plugins that mean harm, or are broken: each is refused or stopped with a
//! message that names the plugin, the rule and what to do, and leaves the plan
//! as it was.

mod compile;
mod environment;
mod form;
mod grant;
mod guest;
mod laws;
mod limits;
mod links;
mod probes;
mod setting;
mod stores;
mod text;
mod trust;
