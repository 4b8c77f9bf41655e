//! From a clone to a demonstration, in Debian systems from nothing: `make demo`
//! installs what is missing, builds the program and all plugins, and builds real
//! packages with them.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use modsmith_tests::chroot::Chroot;
use modsmith_tests::paths;

/// Identifiers of plugins, from the names of their folders or files.
fn ids(paths: impl Iterator<Item = PathBuf>) -> BTreeSet<String> {
    paths.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect()
}

/// `make demo` where only `make` and the packages given are installed.
fn make_demo(release: &str, packages: &str) {
    let system = Chroot::of(release).with_own_archives();
    system.bring_checkout();
    system.apt("update");
    system.apt(&format!("install make {packages}"));
    let out = system.run("make -C /modsmith demo").expect(0);
    assert!(out.stdout.contains("The machine's own /lib/modules and /var/lib/dkms are as they were."), "{out}");
    let is_plugin = |path: &PathBuf| ["plugin.toml", "policy.toml"].iter().any(|file| path.join(file).is_file());
    let sources = ids(paths::plugin_folders().filter(is_plugin));
    let built = fs::read_dir(system.path("modsmith/target/release/plugins")).expect("`make demo` built plugins");
    let built = ids(built.map(|entry| entry.expect("readable").path()).filter(|path| path.is_file()));
    assert!(sources.len() > 30, "{sources:?}");
    assert_eq!(built, sources);
}

#[test]
#[ignore = "slow"]
fn make_demo_ends_well_on_debian_12() {
    make_demo("bookworm", "");
}

#[test]
#[ignore = "slow"]
fn make_demo_ends_well_on_debian_13() {
    make_demo("trixie", "");
}

#[test]
#[ignore = "slow"]
fn make_demo_ends_well_on_debian_unstable() {
    make_demo("sid", "");
}

/// The linker is packaged apart from the standard library.
#[test]
#[ignore = "slow"]
fn a_compiler_of_debian_unstable_without_a_linker_gets_one_before_anything_is_compiled() {
    let system = Chroot::of("sid").with_own_archives();
    system.bring_checkout();
    system.apt("update");
    system.apt("install rustc cargo libstd-rust-dev-wasm32");
    let promised = system.run("DEPENDENCIES=installed /modsmith/.ci/need --rust").expect(1);
    promised.expect_error("rust-lld").expect_error("rust-llvm");
    let out = system.run("/modsmith/.ci/need --rust").expect(0);
    assert!(out.stdout.contains("Installing rust-llvm"), "{out}");
    let again = system.run("/modsmith/.ci/need --rust").expect(0);
    assert_eq!(again.stdout, "", "{again}");
}
