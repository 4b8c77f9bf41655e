//! What a package of the system owns is deleted by no repair.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::rpm::{Machine, Workshop};
use modsmith_tests::schema::validate;
use modsmith_tests::state::{generic, other};
use modsmith_tests::world::{Invocation, modsmith};
use modsmith_tests::{Output, World, kernel, tool};
use serde_json::Value;

use crate::scene::{copy, depmod, dkms, fill, found, installed, installed_file, product};

/// Of dpkg.
const DATABASE: &str = "var/lib/dpkg";

/// A program in a machine with a database of dpkg of its own.
fn with_dpkg(run: Invocation<'_>) -> Invocation<'_> {
    run.over(DATABASE)
}

/// Installs a package of that name, which has a copy of a file at these paths.
#[track_caller]
fn install_deb(world: &World, name: &str, file: &Path, paths: &[PathBuf]) {
    for directory in ["info", "updates", "triggers"] {
        fs::create_dir_all(world.path(DATABASE).join(directory)).expect("writable");
    }
    for empty in ["status", "available"] {
        world.write(&format!("{DATABASE}/{empty}"), "");
    }
    let content = format!("deb/{name}");
    world.write(
        &format!("{content}/DEBIAN/control"),
        format!(
            "Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: modules\n"
        ),
    );
    for path in paths {
        copy(file, &world.path(&content).join(path.strip_prefix(world.dir()).expect("a path of the world")));
    }
    let deb = world.path(format!("{name}.deb"));
    tool::run(Command::new("dpkg-deb").args(["--root-owner-group", "--build"]).arg(world.path(&content)).arg(&deb));
    fs::remove_dir_all(world.path("deb")).expect("it was there");
    with_dpkg(world.shell(&format!("dpkg -i {}", deb.display()))).run().expect(0);
}

fn problems(out: &Output) -> Vec<Value> {
    let json = out.json();
    validate("check-schema.json", &json).unwrap_or_else(|why| panic!("{why}\n{out}"));
    json["problems"].as_array().expect("a list").clone()
}

fn check(world: &World, options: &str) -> Vec<Value> {
    problems(&with_dpkg(world.program(modsmith()).words(&format!("check --json {options}"))).run().expect_no_panic())
}

/// The problem is found alone and told, with the package; a repair leaves it.
#[track_caller]
fn is_told(problems: &[Value], repaired: &[Value], check_id: &str, package: &str) {
    assert_eq!(found(problems), [(check_id.to_owned(), "told".to_owned())], "{problems:#?}");
    let evidence = problems[0]["evidence"].as_str().expect("a text");
    assert!(evidence.contains(&format!("belongs to the package {package}")), "{evidence}");
    assert!(problems[0]["remedy"]["text"].as_str().expect("a text").contains("remove the package"), "{problems:#?}");
    assert_eq!(repaired[0]["outcome"], "left", "{repaired:#?}");
}

#[test]
fn a_second_file_that_a_package_owns_is_kept_until_the_package_is_gone() {
    let world = installed();
    let second = world.modules(&generic()).join("extra/sample.ko");
    install_deb(&world, "sample-binary", &product(&world), std::slice::from_ref(&second));
    depmod(&world);
    let before = world.snapshot();
    is_told(&check(&world, ""), &check(&world, "--repair"), "duplicate-module", "sample-binary");
    before.assert_same(&world.snapshot(), "a repair of what a package owns");
    assert!(second.is_file());
    // The same file of no package.
    with_dpkg(world.shell("dpkg -r sample-binary")).run().expect(0);
    assert!(!second.exists());
    copy(&product(&world), &second);
    depmod(&world);
    let repaired = check(&world, "--repair");
    assert_eq!(repaired[0]["outcome"], "repaired", "{repaired:#?}");
    assert!(!second.exists() && installed_file(&world).is_file());
}

#[test]
fn a_package_may_have_the_other_path_of_a_directory() {
    let world = installed();
    let second = world.modules(&generic()).join("extra/sample.ko");
    let merged = world.path("usr/lib/modules").join(generic()).join("extra/sample.ko");
    install_deb(&world, "sample-binary", &product(&world), &[merged]);
    depmod(&world);
    is_told(&check(&world, ""), &check(&world, "--repair"), "duplicate-module", "sample-binary");
    assert!(second.is_file());
}

#[test]
fn of_several_versions_that_of_a_package_stays() {
    let world = installed();
    dkms(&world, "build sample/2.0 -k KERNEL");
    let newer = world.tree().join(fill("sample/2.0/KERNEL/ARCH/module/sample.ko"));
    let second = world.modules(&generic()).join("extra/sample.ko");
    install_deb(&world, "sample-newer", &newer, std::slice::from_ref(&second));
    depmod(&world);
    is_told(&check(&world, ""), &check(&world, "--repair"), "several-versions", "sample-newer");
    assert!(second.is_file() && installed_file(&world).is_file());
}

#[test]
fn a_kernel_that_is_gone_is_forgotten_without_the_files_of_packages() {
    let world = installed();
    dkms(&world, "install sample/1.0 -k OTHER");
    let owned = world.modules(&other()).join("extra/sample.ko");
    let built = world.tree().join(fill("sample/1.0/OTHER/ARCH/module/sample.ko"));
    install_deb(&world, "sample-binary", &built, std::slice::from_ref(&owned));
    let directory = world.modules(&other());
    fs::remove_dir_all(directory.join("kernel")).expect("it was there");
    for file in ["build", "modules.order", "modules.builtin"] {
        fs::remove_file(directory.join(file)).expect("it was there");
    }
    let problems = check(&world, "");
    // The package's file is the second one as well.
    let both = [("orphaned-kernel", "automatic"), ("duplicate-module", "told")];
    let both = both.map(|(check, remedy)| (check.to_owned(), remedy.to_owned()));
    assert_eq!(found(&problems), both, "{problems:#?}");
    let evidence = problems[0]["evidence"].as_str().expect("a text");
    assert!(evidence.contains("extra/sample.ko belongs to the package sample-binary"), "{evidence}");
    let repaired = check(&world, "--repair");
    assert_eq!(repaired[0]["outcome"], "repaired", "{repaired:#?}");
    assert!(owned.is_file(), "the package's file is kept");
    assert!(!directory.join("updates").exists() && !directory.join("modules.dep").exists());
    assert!(!world.tree().join("sample/1.0").join(other()).exists());
}

#[test]
fn where_the_owner_cannot_be_found_out_nothing_is_deleted() {
    let world = installed();
    let second = world.modules(&generic()).join("extra/sample.ko");
    copy(&product(&world), &second);
    depmod(&world);
    world.write("broken/dpkg-query", "#!/bin/sh\necho 'dpkg-query: error: the database is locked' >&2\nexit 2\n");
    tool::run(Command::new("chmod").arg("755").arg(world.path("broken/dpkg-query")));
    let run = |line: &str| world.program(modsmith()).words(line).with_programs("broken").run();
    assert_eq!(found(&problems(&run("check --json"))), [("duplicate-module".to_owned(), "automatic".to_owned())]);
    let out = run("check --repair --json");
    let repaired = problems(&out);
    assert_eq!(repaired[0]["outcome"], "not-repaired", "{repaired:#?}");
    let why = repaired[0]["error"]["message"].as_str().expect("a text");
    assert!(why.contains("the database is locked"), "{why}");
    assert!(second.is_file(), "{out}");
}

/// The path of a file of a package of rpm's.
fn spec(path: &Path) -> String {
    let (directory, path) = (path.parent().expect("a directory").display(), path.display());
    format!(
        "Name: kmod-sample\nVersion: 1\nRelease: 1\nSummary: A module\nLicense: MIT\nBuildArch: noarch\n\
         AutoReqProv: no\n%description\nA module.\n%install\nmkdir -p %{{buildroot}}{directory}\n\
         touch %{{buildroot}}{path}\n%files\n{path}\n"
    )
}

#[test]
fn a_file_of_a_package_of_rpm_is_kept() {
    let world = World::generic().of_system("ID=fedora\nVERSION_ID=42\n");
    world.add_package(&modsmith_tests::state::prebuilt("sample", "1.0"));
    world.write("etc/dkms/framework.conf", "try_sign_modules=false\n");
    dkms(&world, "install sample/1.0 -k KERNEL");
    let built = world.tree().join("sample/1.0").join(generic()).join(kernel::arch()).join("module");
    let built = fs::read_dir(&built).expect("a build").next().expect("a module").expect("readable").path();
    let name = built.file_name().expect("a name").to_owned();
    let second = world.modules(&generic()).join("binary").join(&name);
    copy(&built, &second);
    let machine = Machine::of(&world);
    let workshop = Workshop::new();
    let package = workshop.package(
        "kmod-sample",
        &spec(&Path::new("/lib/modules").join(generic()).join("binary").join(&name)),
        &[],
    );
    copy(&package, &world.path("kmod-sample.rpm"));
    machine.rpm(&format!("-i --justdb --nodeps {}", world.path("kmod-sample.rpm").display())).expect(0);
    let check = |options: &str| {
        let line = format!("{} check sample --json {options}", modsmith().display());
        problems(&machine.shell(&format!("depmod {}\n{line}", generic())).expect_no_panic())
    };
    is_told(&check(""), &check("--repair"), "duplicate-module", "kmod-sample");
    assert!(second.is_file());
    machine.rpm("-e --justdb kmod-sample").expect(0);
    let repaired = check("--repair");
    assert_eq!(repaired[0]["outcome"], "repaired", "{repaired:#?}");
    assert!(!second.exists());
}
