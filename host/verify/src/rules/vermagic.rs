//! The module's vermagic is the kernel's.

use super::text::rebuild;
use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "vermagic",
    title: "the module is built for this release and configuration",
    source: "kernel/module/main.c: check_modinfo; kernel/module/version.c: same_magic",
    gate: Gate::Stops,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    case.elf()?;
    let Some(magic) = case.info.first("vermagic") else { return missing(case) };
    let expected = case.image.vermagic.get()?;
    // The release counts only where no versions of symbols do. A kernel that compares
    // none ignores the table of the module.
    let is_release_ignored = case.versions.basic.is_some() && case.image.is_configured("MODVERSIONS")?;
    let part = |magic: &str| match is_release_ignored {
        true => magic.find(' ').map_or("", |at| &magic[at..]).to_owned(),
        false => magic.to_owned(),
    };
    let evidence = format!("`{magic}`; {} has `{expected}`", case.image.vermagic.source());
    if part(magic) == part(expected) {
        return Verdict::yes(evidence);
    }
    let release = |magic: &str| magic.split(' ').next().unwrap_or_default().to_owned();
    let (built_for, wanted) = (release(magic), release(expected));
    let cause = match built_for == wanted {
        false => format!("it was built for kernel {built_for}"),
        true => "it was built with another configuration of this release".to_owned(),
    };
    let remedy = match built_for == wanted {
        false => format!(
            "Have its Makefile use the kernel that is built for (KERNELRELEASE, or `$kernelver` in dkms.conf), not the \
             running one; then build it for kernel {wanted} again."
        ),
        true => rebuild(&wanted),
    };
    Refusal {
        words: format!("{}: version magic '{magic}' should be '{expected}'", case.name()),
        errno: "ENOEXEC",
        evidence,
        cause,
        remedy,
    }
    .no()
}

fn missing(case: &Case<'_>) -> Result<Verdict, Unknown> {
    if case.image.is_configured("MODULE_FORCE_LOAD")? {
        return Verdict::yes("the module has none, and the kernel loads it all the same (CONFIG_MODULE_FORCE_LOAD)");
    }
    Refusal {
        words: "Invalid module format".into(),
        errno: "ENOEXEC",
        evidence: "the module has no vermagic".into(),
        cause: "the module was not made by the kernel's own makefiles, or its .modinfo was changed".into(),
        remedy: rebuild(&case.image.release),
    }
    .no()
}
