//! The module imports no namespace that names modules.

use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "imported-namespaces",
    title: "imported namespaces can be imported",
    source: "kernel/module/main.c: setup_modinfo",
    gate: Gate::Stops,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    case.elf()?;
    let Some(namespace) = case.info.all("import_ns").find(|namespace| namespace.starts_with("module:")) else {
        return Verdict::yes("none of them is one that names modules");
    };
    if !case.image.is_at_least(6, 16)? {
        return Verdict::yes("the kernel has no namespaces that name modules");
    }
    Refusal {
        words: format!("{}: module tries to import module namespace: {namespace}", case.name()),
        errno: "EPERM",
        evidence: format!("import_ns={namespace}"),
        cause: "symbols in such a namespace are for the modules that it names".into(),
        remedy: "Get a version of the module that does without these symbols.".into(),
    }
    .no()
}
