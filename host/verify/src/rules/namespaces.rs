//! The module imports the namespaces of the symbols that it uses.

use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "namespaces",
    title: "the namespaces of all symbols are imported",
    source: "kernel/module/main.c: verify_namespace_is_imported",
    gate: Gate::Stops,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    let imported: Vec<&str> = case.info.all("import_ns").collect();
    let is_imported =
        |namespace: &str| namespace.is_empty() || imported.contains(&namespace) || names(namespace, case.name());
    let lacking = case.links()?.iter().find_map(|link| {
        let namespace = link.exporter.export()?.namespace.as_str();
        (!is_imported(namespace)).then_some((link.symbol.as_str(), namespace))
    });
    let Some((symbol, namespace)) = lacking else {
        return Verdict::yes(match imported.is_empty() {
            true => "no symbol of a namespace is used".to_owned(),
            false => format!("imported: {}", imported.join(", ")),
        });
    };
    if case.image.is_configured("MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS")? {
        return Verdict::yes(format!("{namespace} is not imported, and the kernel only warns of it"));
    }
    let (cause, remedy) = match namespace.starts_with("module:") {
        true => (
            format!("the kernel keeps {symbol} for other modules"),
            format!("Get a version of {} that does not use {symbol}.", case.name()),
        ),
        false => (
            "the source does not say that it uses this part of the kernel".to_owned(),
            format!("Add MODULE_IMPORT_NS for {namespace} to the source, or get a version for this kernel."),
        ),
    };
    Refusal {
        words: format!(
            "{}: module uses symbol ({symbol}) from namespace {namespace}, but does not import it.",
            case.name()
        ),
        errno: "EINVAL",
        evidence: match imported.is_empty() {
            true => "the module imports no namespace".to_owned(),
            false => format!("the module imports {}", imported.join(", ")),
        },
        cause,
        remedy,
    }
    .no()
}

/// Whether a namespace such as `module:kvm,kvm-*` names a module.
fn names(namespace: &str, module: &str) -> bool {
    let folded = |name: &str| name.replace('-', "_");
    let module = folded(module);
    let Some(list) = namespace.strip_prefix("module:") else { return false };
    list.split(',').map(folded).any(|name| match name.strip_suffix('*') {
        Some(begin) => module.starts_with(begin),
        None => module == name,
    })
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_namespace_can_name_modules() {
        assert!(names("module:kvm,kvm-amd,kvm-intel", "kvm_intel"));
        assert!(names("module:kvm-*", "kvm_amd"));
        assert!(!names("module:kvm", "kvm_amd"));
        assert!(!names("USB_STORAGE", "USB_STORAGE"));
    }
}
