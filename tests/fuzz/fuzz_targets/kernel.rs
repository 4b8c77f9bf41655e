//! A kernel whose facts are all known, so that each rule has something to compare.

use std::path::Path;

use modsmith_facts::kernel::{Export, Exports};
use modsmith_verify::{BuiltIn, Fact, Image, Installed, Module, check};

const SOURCE: &str = "the test";

/// Applies every rule to a module.
pub fn judge(module: &[u8]) {
    let exports: Exports = [("printk", Some(1)), ("module_layout", Some(2)), ("kfree", None)]
        .into_iter()
        .map(|(name, crc)| (name.to_owned(), Export { crc, ..Export::default() }))
        .collect();
    let config = ["MODVERSIONS", "CONSTRUCTORS", "STRICT_MODULE_RWX", "MODULE_SIG", "MODULE_SIG_FORCE"];
    let certificate = std::env::var_os("FUZZ_CERTIFICATE").and_then(|path| std::fs::read(path).ok());
    let image = Image {
        release: "7.2.0".to_owned(),
        vermagic: Fact::known("7.2.0 SMP preempt mod_unload ".to_owned(), SOURCE),
        machine: Fact::known(62, SOURCE),
        struct_size: Fact::known(0x500, SOURCE),
        exports: Fact::known(exports, SOURCE),
        has_flag_table: Fact::known(true, SOURCE),
        config: Fact::known(config.map(|name| (name.to_owned(), "y".to_owned())).into(), SOURCE),
        builtin: Fact::known([("twin".to_owned(), BuiltIn { is_in_sysfs: true })].into(), SOURCE),
        certificates: Fact::known(certificate.into_iter().collect(), SOURCE),
        enrolled: Fact::known(Vec::new(), SOURCE),
    };
    let nobody = Installed::new(Path::new("/nonexistent"), []);
    check(&Module::new("x.ko", module.to_vec()), &image, &nobody);
}
