//! The index that modprobe reads names this file, and no other one of the same name.

use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "module-index",
    title: "the module index names this file",
    source: "modules.dep(5), which depmod writes and modprobe reads",
    gate: Gate::Tells,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    let Some(installed) = &case.module.installed_as else { return Verdict::yes("the file is not installed") };
    let name = &case.module.name;
    let no = |evidence: String, cause: &str, remedy: String| {
        Refusal {
            words: format!("modprobe does not load this file for {name}"),
            errno: "ENOENT",
            evidence,
            cause: cause.into(),
            remedy,
        }
        .no()
    };
    let depmod = format!("Run `depmod {}`.", case.image.release);
    match case.neighbours.indexed(name)? {
        None => {
            no(format!("modules.dep does not name {name}"), "depmod has not been run since the installation", depmod)
        }
        Some(file) if file == *installed => Verdict::yes(format!("modules.dep names {}", file.display())),
        Some(file) => no(
            format!("modules.dep names {}", file.display()),
            "another file of the same name goes before this one, or depmod has not been run since the installation",
            format!(
                "{depmod} If that changes nothing, remove {} or have depmod search this file's directory first.",
                file.display()
            ),
        ),
    }
}
