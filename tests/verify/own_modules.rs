//! A kernel loads its own modules: no rule may say otherwise.

use modsmith_verify::{Answer, Module, check};

use crate::kernels::Known;

/// Every rule about every module; those that are `unknown` have to be these.
fn no_false_no(release: &str, unknown: &[&str]) {
    let kernel = Known::of(release);
    for (name, known) in [
        ("vermagic", kernel.image.vermagic.get().map(drop)),
        ("exports", kernel.image.exports.get().map(drop)),
        ("size of struct module", kernel.image.struct_size.get().map(drop)),
        ("configuration", kernel.image.config.get().map(drop)),
        ("built-in modules", kernel.image.builtin.get().map(drop)),
    ] {
        assert_eq!(known, Ok(()), "{name} of {}", kernel.debian.release);
    }
    let neighbours = kernel.neighbours();
    let (mut count, mut wrong) = (0, Vec::new());
    for file in kernel.modules() {
        let name = file.file_name().expect("a file").to_string_lossy().into_owned();
        let below = file.strip_prefix(kernel.debian.module_dir()).expect("below the module directory");
        let module = Module::new(&name, std::fs::read(&file).expect("a readable module")).installed_as(below);
        count += 1;
        for finding in check(&module, &kernel.image, &neighbours) {
            let is_right = match finding.answer {
                Answer::Yes => true,
                Answer::No => false,
                Answer::Unknown => unknown.contains(&finding.rule),
            };
            if !is_right {
                wrong.push(format!("{name}: {finding:?}"));
            }
        }
    }
    assert!(count > 3000, "only {count} modules were found");
    assert_eq!(wrong, Vec::<String>::new(), "of {count} modules");
}

#[test]
fn every_module_of_bookworms_kernel_would_load() {
    no_false_no("bookworm", &[]);
}

#[test]
fn no_module_of_sids_kernel_is_refused() {
    no_false_no("sid", &["btf"]);
}
