//! Which inputs of two builds have to be the same, so that the modules of one may be those of the other.
//!
//! A build of other headers, compilers or configuration can be one that the kernel loads: its modules
//! prove that, by the versions of all symbols that they use. What the package itself is has to be the
//! same.

use crate::conf::PackageConf;
use crate::flow::Invocation;
use crate::flow::store::builds::{Keeping, Stored, is_complete, opened};
use crate::flow::store::origin::refuse_revoked;
use crate::flow::verify::proof_for;
use crate::tree::Target;
use modsmith_store::{Inputs, Value};

/// The largest number of builds of other inputs that are compared.
pub(crate) const MOST_CANDIDATES: usize = 8;

/// How files of modules end in the store.
const MODULE: &str = ".ko";

/// Inputs that may differ: what is compared is what came out of them.
const MAY_DIFFER: [&str; 6] = ["configuration", "files-of-programs", "headers", "kernel", "programs", "system"];
/// Inputs whose texts may name the kernel.
const OF_KERNEL: [&str; 3] = ["command", "directives", "environment"];
const KERNEL: &str = "kernel";

/// A build of other inputs that is kept here, and that the kernel is proven to load: the one that was used
/// last.
pub(crate) fn stored_compatible(
    run: &Invocation<'_>,
    target: &Target,
    conf: &PackageConf,
    keeping: &Keeping,
) -> Option<Stored> {
    let store = opened(run)?;
    let shared = store.share().inspect_err(|error| tracing::debug!("the store is not used: {error}")).ok()?;
    let listed = store.entries().ok()?.into_iter().filter_map(|listed| listed.entry.ok());
    let alike = listed.filter(|entry| unlike(&entry.inputs, keeping.inputs()).is_none()).take(MOST_CANDIDATES);
    for entry in alike {
        let identity = entry.identity();
        if !matches!(store.find(&identity), Ok(Some(_))) || refuse_revoked(&entry).is_err() {
            continue;
        }
        let modules = entry.files.keys().filter(|name| name.ends_with(MODULE));
        let read = |name: &String| Ok((name.clone(), store.read(&entry, name)?));
        let Ok(modules) = modules.map(read).collect::<Result<Vec<_>, modsmith_store::Fault>>() else { continue };
        match proof_for(run, target, modules) {
            Ok(reason) if is_complete(run, conf, &entry) => {
                run.runner.after_success(|| store.note_use(&identity));
                return Some(Stored { entry, reason: Some(reason), store, _shared: shared });
            }
            Ok(_) => {}
            Err(why) => tracing::debug!("the build {identity} is not compatible: {why}"),
        }
    }
    None
}

/// The first input that is not the same, and would have to be; `None`: there is none.
pub(crate) fn unlike<'i>(theirs: &'i Inputs, ours: &'i Inputs) -> Option<&'i str> {
    let kernel = |inputs: &Inputs| match inputs.get(KERNEL) {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    };
    let (their_kernel, our_kernel) = (kernel(theirs), kernel(ours));
    let has_to_be_same = |name: &&str| !MAY_DIFFER.contains(name);
    let mut names = ours.iter().chain(theirs.iter()).map(|(name, _)| name).filter(has_to_be_same);
    names.find(|name| match (theirs.get(name), ours.get(name)) {
        (Some(their), Some(our)) if OF_KERNEL.contains(name) && !their_kernel.is_empty() => {
            for_kernel(their, &their_kernel, &our_kernel) != *our
        }
        (their, our) => their != our,
    })
}

/// A value with the name of one kernel in the place of the other's.
fn for_kernel(value: &Value, from: &str, to: &str) -> Value {
    match value {
        Value::Text(text) => Value::Text(text.replace(from, to)),
        Value::Tree(tree) => tree.iter().map(|(name, value)| (name.clone(), for_kernel(value, from, to))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(kernel: &str, source: &str, make: &str) -> Inputs {
        let mut inputs = Inputs::default();
        inputs.insert("kernel", kernel);
        inputs.insert("headers", format!("of {kernel}"));
        inputs.insert("source", source);
        inputs.insert("directives", Value::from_iter([("MAKE[0]", make)]));
        inputs
    }

    #[test]
    fn the_kernel_may_differ_and_the_package_may_not() {
        let ours = inputs("6.1.0-56", "a", "make KVER=6.1.0-56");
        assert_eq!(unlike(&inputs("6.1.0-55", "a", "make KVER=6.1.0-55"), &ours), None);
        assert_eq!(unlike(&inputs("6.1.0-55", "b", "make KVER=6.1.0-55"), &ours), Some("source"));
        assert_eq!(unlike(&inputs("6.1.0-55", "a", "make KVER=6.1.0-55 V=1"), &ours), Some("directives"));
        let mut more = inputs("6.1.0-56", "a", "make KVER=6.1.0-56");
        more.insert("new", "x");
        assert_eq!((unlike(&more, &ours), unlike(&ours, &more)), (Some("new"), Some("new")));
    }
}
