//! Which inputs of two builds have to be the same, so that the modules of one may be those of the other.
//!
//! A build of other headers, compilers or configuration can be one that the kernel loads: its modules
//! prove that, by the versions of all symbols that they use. What the package itself is has to be the
//! same.

use modsmith_store::{Inputs, Value};

/// Inputs that may differ: what is compared is what came out of them.
const MAY_DIFFER: [&str; 6] = ["configuration", "files-of-programs", "headers", "kernel", "programs", "system"];
/// Inputs whose texts may name the kernel.
const OF_KERNEL: [&str; 3] = ["command", "directives", "environment"];
const KERNEL: &str = "kernel";

/// The first input that is not the same, and would have to be; `None`: there is none.
pub(super) fn unlike<'i>(theirs: &'i Inputs, ours: &'i Inputs) -> Option<&'i str> {
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
