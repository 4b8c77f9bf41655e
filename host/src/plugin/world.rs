//! What the plugin interface offers, read from its own WIT text so that there is
//! no second list to keep.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use wit_parser::{Resolve, WorldItem, WorldKey};

const WIT: &str = concat!(
    include_str!("../../../wit/v0.1/types.wit"),
    "\n",
    include_str!("../../../wit/v0.1/host.wit"),
    "\n",
    include_str!("../../../wit/v0.1/roles.wit"),
    "\n",
    include_str!("../../../wit/v0.1/worlds.wit"),
);

/// Functions that plugins may import, by interface, named as components name
/// them (`[method]builder.note`).
pub fn imports() -> &'static BTreeMap<String, BTreeSet<String>> {
    static IMPORTS: OnceLock<BTreeMap<String, BTreeSet<String>>> = OnceLock::new();
    IMPORTS.get_or_init(|| {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("plugin.wit", WIT).expect("the interface of this host is valid WIT");
        let world = resolve.select_world(&[package], Some("imports")).expect("the interface has the world `imports`");
        let interfaces = resolve.worlds[world].imports.iter().filter_map(|(key, item)| match (key, item) {
            (WorldKey::Interface(_), WorldItem::Interface { id, .. }) => Some(&resolve.interfaces[*id]),
            _ => None,
        });
        interfaces
            .map(|interface| {
                let name = interface.name.clone().unwrap_or_default();
                (name, interface.functions.keys().cloned().collect())
            })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Functions of an exported interface are fixed within a track: an older
    /// plugin would lack a new one. Imported ones may only become more.
    #[test]
    fn the_functions_of_the_track_are_frozen() {
        let mut resolve = Resolve::default();
        resolve.push_str("plugin.wit", WIT).unwrap();
        let listed: Vec<String> = resolve
            .interfaces
            .iter()
            .map(|(_, interface)| {
                let functions: Vec<&str> = interface.functions.keys().map(String::as_str).collect();
                format!("{}: {}", interface.name.as_deref().unwrap_or_default(), functions.join(" "))
            })
            .collect();
        let listed: Vec<&str> = listed.iter().map(|line| line.trim_end()).collect();
        assert_eq!(listed.join("\n"), include_str!("../../../wit/v0.1/functions.txt").trim_end());
    }

    #[test]
    fn every_interface_of_the_world_is_there_with_its_functions() {
        let names: Vec<&str> = imports().keys().map(String::as_str).collect();
        assert_eq!(names, ["context", "log", "plan", "settings", "system", "types"]);
        assert!(imports()["plan"].contains("[method]builder.back-up"));
        assert!(imports()["types"].is_empty());
    }
}
