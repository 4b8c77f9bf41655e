//! The functions of the plugin interface.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use modsmith_wit::V0_1;

/// The interfaces that plugins may import.
const INTERFACES: [&str; 6] = ["types", "log", "settings", "system", "context", "plan"];

/// Functions that plugins may import, by interface, named as components name
/// them (`[method]builder.note`).
pub fn imports() -> &'static BTreeMap<String, BTreeSet<String>> {
    static IMPORTS: OnceLock<BTreeMap<String, BTreeSet<String>>> = OnceLock::new();
    IMPORTS.get_or_init(|| {
        let functions = |names: &str| names.split_whitespace().map(str::to_owned).collect();
        let interfaces = V0_1.functions.lines().filter_map(|line| line.split_once(':'));
        interfaces
            .filter(|(interface, _)| INTERFACES.contains(interface))
            .map(|(interface, names)| (interface.to_owned(), functions(names)))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wit_parser::{Resolve, WorldItem, WorldKey};

    fn resolved() -> (Resolve, wit_parser::PackageId) {
        let mut resolve = Resolve::default();
        let text: Vec<&str> = ["types.wit", "host.wit", "roles.wit", "worlds.wit"]
            .map(|name| V0_1.files.iter().find(|file| file.0 == name).expect("the track has it").1)
            .into();
        let package = resolve.push_str("plugin.wit", &text.join("\n")).unwrap();
        (resolve, package)
    }

    #[test]
    fn the_interfaces_are_those_of_the_world() {
        let (resolve, package) = resolved();
        let world = resolve.select_world(&[package], Some("imports")).unwrap();
        let imported = resolve.worlds[world].imports.iter().filter_map(|(key, item)| match (key, item) {
            (WorldKey::Interface(_), WorldItem::Interface { id, .. }) => resolve.interfaces[*id].name.clone(),
            _ => None,
        });
        assert_eq!(imported.collect::<BTreeSet<_>>(), INTERFACES.map(String::from).into());
    }

    /// Functions of an exported interface are fixed within a track: an older
    /// plugin would lack a new one. Imported ones may only become more.
    #[test]
    fn the_functions_of_the_track_are_frozen() {
        let (resolve, _) = resolved();
        let listed: Vec<String> = resolve
            .interfaces
            .iter()
            .map(|(_, interface)| {
                let functions: Vec<&str> = interface.functions.keys().map(String::as_str).collect();
                format!("{}: {}", interface.name.as_deref().unwrap_or_default(), functions.join(" "))
            })
            .collect();
        let listed: Vec<&str> = listed.iter().map(|line| line.trim_end()).collect();
        assert_eq!(listed.join("\n"), V0_1.functions.trim_end());
    }

    #[test]
    fn every_interface_of_the_world_is_there_with_its_functions() {
        let names: Vec<&str> = imports().keys().map(String::as_str).collect();
        assert_eq!(names, ["context", "log", "plan", "settings", "system", "types"]);
        assert!(imports()["plan"].contains("[method]builder.back-up"));
        assert!(imports()["types"].is_empty());
    }
}
