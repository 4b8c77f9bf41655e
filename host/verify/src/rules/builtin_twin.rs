//! The kernel does not contain the module already.

use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "builtin-twin",
    title: "the kernel does not contain the module already",
    source: "kernel/module/sysfs.c: mod_sysfs_init; kernel/params.c: version_sysfs_builtin",
    gate: Gate::Stops,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    let builtin = case.image.builtin.get()?;
    let name = case.name().replace('-', "_");
    let Some(twin) = builtin.get(&name) else {
        return Verdict::yes(format!("{} does not list {name}", case.image.builtin.source()));
    };
    if !twin.is_in_sysfs {
        return Err(Unknown::because(format!(
            "{name} is part of kernel {}: whether another one can be loaded beside it depends on what both do",
            case.image.release
        )));
    }
    Refusal {
        words: format!("{name}: module is already loaded"),
        errno: "EINVAL",
        evidence: format!("{} lists {name}, with a version", case.image.builtin.source()),
        cause: "the distribution has made the driver a part of the kernel".into(),
        remedy: format!("Use the kernel's own {name}, or a kernel without it."),
    }
    .no()
}
