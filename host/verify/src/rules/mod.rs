//! Every rule, in the order in which a kernel's loader makes its checks.
//!
//! Source: the kernel's `kernel/module/main.c`, `load_module`.

mod architecture;
mod btf;
mod builtin_twin;
mod common_symbols;
mod compression;
mod constructors;
mod duplicate_exports;
mod elf;
mod export_tables;
mod imported_namespaces;
mod licence;
mod livepatch;
mod module_index;
mod module_layout;
mod namespaces;
mod relocations;
mod signature_attributes;
mod signature_form;
mod signature_intact;
mod signature_required;
mod symbol_versions;
mod symbols;
mod text;
mod this_module;
mod vermagic;
mod version_tables;
mod writable_code;

use crate::rule::Rule;

/// The rules, in the kernel's order: what fails first is what the kernel's log has. The
/// last one is modprobe's, which chooses the file.
pub const RULES: &[Rule] = &[
    compression::RULE,
    signature_form::RULE,
    signature_attributes::RULE,
    signature_intact::RULE,
    signature_required::RULE,
    elf::RULE,
    architecture::RULE,
    this_module::RULE,
    version_tables::RULE,
    module_layout::RULE,
    vermagic::RULE,
    livepatch::RULE,
    writable_code::RULE,
    export_tables::RULE,
    constructors::RULE,
    imported_namespaces::RULE,
    common_symbols::RULE,
    symbols::RULE,
    licence::RULE,
    symbol_versions::RULE,
    namespaces::RULE,
    relocations::RULE,
    duplicate_exports::RULE,
    btf::RULE,
    builtin_twin::RULE,
    module_index::RULE,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::RULES;

    #[test]
    fn each_rule_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
        assert_eq!(names.len(), RULES.len());
        assert!(RULES.iter().all(|rule| !rule.title.is_empty() && !rule.source.is_empty()));
    }
}
