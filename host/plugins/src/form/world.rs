//! The functions of the plugin interface.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use modsmith_wit::V1_0;

/// The interfaces that plugins may import.
const INTERFACES: [&str; 8] = ["types", "log", "settings", "system", "context", "answers", "requests", "plan"];

/// Functions that plugins may import, by interface, named as components name
/// them (`[method]builder.note`).
pub fn imports() -> &'static BTreeMap<String, BTreeSet<String>> {
    static IMPORTS: OnceLock<BTreeMap<String, BTreeSet<String>>> = OnceLock::new();
    IMPORTS.get_or_init(|| {
        let mut imports: BTreeMap<String, BTreeSet<String>> =
            INTERFACES.iter().map(|interface| (interface.to_string(), BTreeSet::new())).collect();
        for line in V1_0.signatures.lines() {
            let Some((interface, item)) = line.split_once(": ") else { continue };
            let function = item.strip_prefix("func ").and_then(|function| function.split_once('('));
            if let (Some(functions), Some((name, _))) = (imports.get_mut(interface), function) {
                functions.insert(name.to_owned());
            }
        }
        imports
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wit_parser::{Function, Handle, Resolve, Type, TypeDef, TypeDefKind, TypeOwner, WorldItem, WorldKey};

    fn resolved() -> (Resolve, wit_parser::PackageId) {
        let mut resolve = Resolve::default();
        let mut files: Vec<&(&str, &str)> = V1_0.files.iter().collect();
        // The file that names the package comes first.
        files.sort_by_key(|(name, _)| *name != "types.wit");
        let text: Vec<&str> = files.iter().map(|(_, text)| *text).collect();
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

    /// The functions that a component is compiled against are fixed within a track. The list may
    /// only become longer, and not by functions of interfaces that plugins export: an older plugin
    /// would lack them.
    #[test]
    fn the_signatures_of_the_track_are_frozen() {
        let (resolve, _) = resolved();
        let mut listed = Vec::new();
        for (_, interface) in &resolve.interfaces {
            let name = interface.name.as_deref().unwrap_or_default();
            let types = interface.types.values().map(|id| declaration(&resolve, &resolve.types[*id]));
            let functions = interface.functions.values().map(|function| signature(&resolve, function));
            listed.extend(types.flatten().chain(functions).map(|item| format!("{name}: {item}")));
        }
        assert_eq!(listed.join("\n"), V1_0.signatures.trim_end(), "\n{}\n", listed.join("\n"));
    }

    fn signature(resolve: &Resolve, function: &Function) -> String {
        let parameters = function.params.iter().map(|p| format!("{}: {}", p.name, type_of(resolve, &p.ty)));
        let parameters: Vec<String> = parameters.collect();
        let result = function.result.as_ref().map(|result| format!(" -> {}", type_of(resolve, result)));
        format!("func {}({}){}", function.name, parameters.join(", "), result.unwrap_or_default())
    }

    /// A type as it is declared; `None` for one that comes from another interface.
    fn declaration(resolve: &Resolve, declared: &TypeDef) -> Option<String> {
        let name = declared.name.as_deref().unwrap_or_default();
        Some(match &declared.kind {
            TypeDefKind::Record(record) => {
                let fields = record.fields.iter().map(|f| format!("{}: {}", f.name, type_of(resolve, &f.ty)));
                format!("record {name} {{ {} }}", fields.collect::<Vec<_>>().join(", "))
            }
            TypeDefKind::Enum(cases) => {
                let cases: Vec<&str> = cases.cases.iter().map(|case| case.name.as_str()).collect();
                format!("enum {name} {{ {} }}", cases.join(", "))
            }
            TypeDefKind::Variant(cases) => {
                let cases = cases.cases.iter().map(|case| match &case.ty {
                    Some(ty) => format!("{}({})", case.name, type_of(resolve, ty)),
                    None => case.name.clone(),
                });
                format!("variant {name} {{ {} }}", cases.collect::<Vec<_>>().join(", "))
            }
            TypeDefKind::Resource => format!("resource {name}"),
            TypeDefKind::Type(Type::Id(id)) if matches!(resolve.types[*id].owner, TypeOwner::Interface(_)) => {
                return None;
            }
            kind => format!("type {name} = {}", kind_of(resolve, kind)),
        })
    }

    fn type_of(resolve: &Resolve, ty: &Type) -> String {
        match ty {
            Type::Id(id) => match &resolve.types[*id] {
                TypeDef { name: Some(name), .. } => name.clone(),
                TypeDef { kind, .. } => kind_of(resolve, kind),
            },
            plain => format!("{plain:?}").to_lowercase(),
        }
    }

    fn kind_of(resolve: &Resolve, kind: &TypeDefKind) -> String {
        let named = |id: &wit_parser::TypeId| resolve.types[*id].name.clone().unwrap_or_default();
        match kind {
            TypeDefKind::Option(ty) => format!("option<{}>", type_of(resolve, ty)),
            TypeDefKind::List(ty) => format!("list<{}>", type_of(resolve, ty)),
            TypeDefKind::Result(result) => {
                let side = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".to_owned(), |ty| type_of(resolve, ty));
                format!("result<{}, {}>", side(&result.ok), side(&result.err))
            }
            TypeDefKind::Tuple(tuple) => {
                let types: Vec<String> = tuple.types.iter().map(|ty| type_of(resolve, ty)).collect();
                format!("tuple<{}>", types.join(", "))
            }
            TypeDefKind::Handle(Handle::Own(id)) => format!("own<{}>", named(id)),
            TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", named(id)),
            TypeDefKind::Type(ty) => type_of(resolve, ty),
            other => panic!("the track has no such type: {other:?}"),
        }
    }

    #[test]
    fn every_interface_of_the_world_is_there_with_its_functions() {
        assert!(imports()["plan"].contains("[method]builder.back-up"));
        assert!(imports()["plan"].contains("[constructor]command"));
        assert!(imports()["requests"].contains("[method]image-request.kernel"));
        assert!(imports()["types"].is_empty());
    }
}
