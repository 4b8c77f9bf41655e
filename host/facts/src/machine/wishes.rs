//! Modules that the configuration asks for at every start.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Machine, kernel_name};
use crate::inside;

/// Directories of modules-load.d(5), and the older file that has the same form.
const DIRECTORIES: [&str; 3] = ["etc/modules-load.d", "run/modules-load.d", "usr/lib/modules-load.d"];
const FILE: &str = "etc/modules";

impl Machine {
    /// The names of these modules, each with the file that asks for it.
    pub fn wished(&self) -> BTreeMap<String, String> {
        let of_directory = |directory: &str| {
            let names = self.names(directory).into_iter();
            let names = names.filter(|name| Path::new(name).extension().is_some_and(|suffix| suffix == "conf"));
            names.map(|name| format!("{directory}/{name}")).collect::<Vec<_>>()
        };
        let mut wished = BTreeMap::new();
        for file in DIRECTORIES.into_iter().flat_map(of_directory).chain([FILE.to_owned()]) {
            let text = inside::read_configuration_text(&self.path(&file)).unwrap_or_default();
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
            for name in lines.filter_map(|line| line.split_whitespace().next()) {
                wished.entry(kernel_name(name)).or_insert_with(|| format!("/{file}"));
            }
        }
        wished
    }
}
