//! Kernels whose headers are in package files: nothing of them is installed on the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use modsmith_tests::fixture::Package;
use modsmith_tests::prelude::*;
use modsmith_tests::rpm::Workshop;
use modsmith_tests::{Output, World, debian, tool};
use serde_json::{Value, json};

use crate::scene::{add_packages, document, shell};

/// Of the cache, for all packages and for all kernels.
const CACHE: &str = "var/cache/modsmith/headers";

/// Covers what this machine has installed of the realtime kernel and of the programs of builds: all has to
/// come from the packages.
const HIDDEN: &str = "for dir in /usr/src/linux-headers-*-rt* /usr/lib/linux-kbuild-*; do mount -t tmpfs none $dir; done; \
    ! ls /usr/lib/linux-kbuild-*/scripts 2>/dev/null";

const CELL: &str = "modsmith cell --matrix matrix.json --index 0 --results results";

/// Debian's packages of a realtime kernel, which a world does not have, in `packages`.
fn world_with_packages() -> (World, String) {
    let world = World::new(&[kernel()]);
    add_packages(&world);
    let release = kernel::newest(Flavour::Realtime);
    let common = release.replace("-rt-amd64", "-common-rt");
    let numbers: Vec<&str> = release.split('.').take(2).collect();
    fs::create_dir(world.path("packages")).unwrap();
    for name in [
        format!("linux-headers-{release}"),
        format!("linux-headers-{common}"),
        format!("linux-kbuild-{}", numbers.join(".")),
    ] {
        let deb = debian::package(&name);
        fs::copy(&deb, world.path("packages").join(deb.file_name().unwrap())).unwrap();
    }
    world.write("spec.toml", "modules = [\"good/1.0\"]\nheaders = [\"packages/linux-*.deb\"]\n");
    (world, release)
}

fn result(world: &World, matrix: &Value) -> Value {
    let name = matrix["cells"][0]["name"].as_str().unwrap();
    document(world, &format!("results/{name}.json"), "cell-schema.json")
}

fn entries(world: &World, kind: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(world.path(CACHE).join(kind))
        .map_or(Vec::new(), |entries| entries.map(|entry| entry.unwrap().path()).collect());
    found.sort();
    found
}

#[test]
fn a_module_is_built_for_a_kernel_that_only_packages_know() {
    let (world, release) = world_with_packages();
    let before = world.snapshot();
    // Several at the same time unpack each package once.
    let plan = |file: &str| format!("modsmith matrix plan spec.toml -o {file}");
    let plans = format!("({} & {} & wait) && {}", plan("a.json"), plan("b.json"), plan("matrix.json"));
    shell(&world, &format!("{HIDDEN}; {plans}")).expect(0);
    assert_eq!((entries(&world, "packages").len(), entries(&world, "kernels").len()), (3, 1));
    let matrix = document(&world, "matrix.json", "matrix-schema.json");
    let [one, other] = ["a.json", "b.json"].map(|file| document(&world, file, "matrix-schema.json"));
    assert_eq!((&one, &other), (&matrix, &matrix));
    let cell = &matrix["cells"][0];
    assert_eq!((&cell["kernel"], cell["packages"].as_array().unwrap().len()), (&json!(release), 3));
    assert!(cell["identity"].is_string() && cell.get("headers").is_none(), "{cell:#}");

    let out = shell(&world, &format!("{HIDDEN}; {CELL}")).expect(0);
    let built = result(&world, &matrix);
    assert_eq!((&built["outcome"], &built["identity"]), (&json!("built"), &cell["identity"]), "{out}");
    assert_eq!(built["confinement"], "full");
    assert_eq!(world.snapshot(), before, "the machine's tree is as it was");
    module_is_for(&world, &release);

    // On another machine, whose caches are empty: from the same packages, at the same path.
    let digests = built["modules"].clone();
    fs::remove_dir_all(world.path("var/cache/modsmith")).unwrap();
    shell(&world, &format!("{HIDDEN}; {CELL}")).expect(0);
    let again = result(&world, &matrix);
    assert_eq!((&again["outcome"], &again["identity"]), (&json!("built"), &built["identity"]));
    assert_eq!(again["modules"], digests);

    // What is in use stays.
    let removed = "Directories of headers removed";
    assert!(!shell(&world, "modsmith store gc").expect(0).stdout.contains(removed));
    assert_eq!((entries(&world, "packages").len(), entries(&world, "kernels").len()), (3, 1));

    // Unpacked, the packages are not needed any more; to be unpacked, they have to be those of the plan.
    fs::remove_dir_all(world.path("packages")).unwrap();
    let month = SystemTime::now() - Duration::from_hours(24 * 31);
    for entry in [entries(&world, "packages"), entries(&world, "kernels")].concat() {
        fs::File::open(entry).unwrap().set_modified(month).unwrap();
    }
    assert!(shell(&world, &format!("{HIDDEN}; {CELL}")).expect(0).stdout.contains("in the store"));
    // A kernel's headers, which the cell used, need the packages no more; what a killed plan left goes, too.
    fs::create_dir(world.path(CACHE).join("kernels/.new-killed")).unwrap();
    let out = shell(&world, "modsmith store gc").expect(0);
    assert!(out.stdout.contains(&format!("{removed}, not used for 30 days: 3.")), "{out}");
    assert_eq!((entries(&world, "packages").len(), entries(&world, "kernels").len()), (0, 1));
    assert!(shell(&world, &format!("{HIDDEN}; {CELL}")).expect(0).stdout.contains("in the store"));
    fs::remove_dir_all(world.path(CACHE)).unwrap();
    let out = shell(&world, &format!("{HIDDEN}; {CELL}")).expect(21).expect_hint();
    assert!(out.stderr.contains("which is not there"), "{out}");
    for package in cell["packages"].as_array().unwrap() {
        let file = Path::new(package["file"].as_str().unwrap());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "other").unwrap();
    }
    let out = shell(&world, &format!("{HIDDEN}; {CELL}")).expect(21).expect_hint();
    assert!(out.stderr.contains("has changed since the matrix was planned"), "{out}");
}

/// The one module in the store says so.
fn module_is_for(world: &World, release: &str) {
    let store = walkdir::WalkDir::new(world.path("var/cache/modsmith/store/entries")).into_iter();
    let module = store.map(Result::unwrap).find(|entry| entry.path().extension().is_some_and(|name| name == "ko"));
    let module = fs::read(module.expect("a module").path()).unwrap();
    let wanted = format!("vermagic={release} ");
    assert!(module.windows(wanted.len()).any(|window| window == wanted.as_bytes()), "{wanted}");
}

/// A package with these files, each with its text; a text that begins with `->` is that of a link.
fn package(world: &World, name: &str, files: &[(&str, &str)]) {
    let top = world.path(name);
    let control =
        format!("Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: t\n");
    for (path, text) in files.iter().copied().chain([("DEBIAN/control", control.as_str())]) {
        let file = top.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        match text.strip_prefix("->") {
            Some(target) => std::os::unix::fs::symlink(target, file).unwrap(),
            None => fs::write(file, text).unwrap(),
        }
    }
    fs::create_dir_all(world.path("packages")).unwrap();
    let deb = world.path(format!("packages/{name}.deb"));
    tool::run(Command::new(tool::path("dpkg-deb")).args(["--root-owner-group", "--build"]).arg(&top).arg(deb));
}

/// The file with the release.
fn release(directory: &str) -> String {
    format!("{directory}/include/generated/utsrelease.h")
}

/// Plans with these packages.
fn plan(world: &World, packages: &[&str]) -> Output {
    let packages: Vec<String> = packages.iter().map(|name| format!("\"packages/{name}\"")).collect();
    world.write("spec.toml", format!("modules = [\"good/1.0\"]\nheaders = [{}]\n", packages.join(", ")));
    shell(world, "rm -f matrix.json; modsmith matrix plan spec.toml")
}

const ONE: &str = "#define UTS_RELEASE \"9.1\"\n";
const TWO: &str = "#define UTS_RELEASE \"9.2\"\n";

#[test]
fn packages_of_several_kernels_are_told_apart_and_bad_ones_are_refused_with_what_is_wrong() {
    let world = World::new(&[kernel()]);
    world.add_package(&Package::new("good", "1.0"));
    let own = |name: &str, text: &str, more: &[(&str, &str)]| {
        let file = release("usr/src/own");
        package(&world, name, &[&[(file.as_str(), text)], more].concat());
    };
    own(
        "one",
        ONE,
        &[("usr/src/own/Makefile", "include /usr/src/common/Makefile\n"), ("lib/m/build", "->/usr/src/own")],
    );
    package(&world, "two", &[(&release("usr/src/two"), TWO), ("usr/src/two/scripts", "->/usr/src/common/scripts")]);
    package(
        &world,
        "common",
        &[("usr/src/common/Makefile", "all:\n"), ("usr/src/common/scripts", "->../../lib/tools")],
    );
    package(&world, "tools", &[("usr/lib/tools/x", "1")]);
    package(&world, "other-tools", &[("usr/lib/tools/x", "2")]);
    package(&world, "both", &[(&release("usr/src/a"), ONE), (&release("usr/src/b"), TWO)]);
    own("again", ONE, &[]);
    fs::write(world.path("packages/damaged.deb"), "no package").unwrap();
    fs::write(world.path("packages/unknown.xyz"), "no package").unwrap();

    plan(&world, &["one.deb", "two.deb", "common.deb", "tools.deb"]).expect(0);
    let matrix = document(&world, "matrix.json", "matrix-schema.json");
    let kernels: Vec<&Value> = matrix["cells"].as_array().unwrap().iter().map(|cell| &cell["kernel"]).collect();
    assert_eq!(kernels, ["9.1", "9.2"]);
    // What a kernel's headers are does not depend on the other packages of a specification.
    let headers = entries(&world, "kernels");
    plan(&world, &["two.deb", "common.deb", "tools.deb"]).expect(0);
    assert_eq!(entries(&world, "kernels"), headers);
    let makefiles =
        headers.iter().filter_map(|entry| fs::read_to_string(entry.join("files/usr/src/own/Makefile")).ok());
    let makefiles: Vec<String> = makefiles.collect();
    assert_eq!(makefiles.len(), 1);
    assert!(makefiles[0].starts_with("include /var/cache/modsmith/headers/kernels/"), "{makefiles:?}");

    for (packages, says) in [
        (&["one.deb", "common.deb"][..], "leads to /usr/lib/tools, which none of the packages has"),
        (&["one.deb", "tools.deb"], "leads to /usr/src/common, which none of the packages has"),
        (&["one.deb", "common.deb", "tools.deb", "other-tools.deb"], "have different files at /usr/lib/tools/x"),
        (&["one.deb", "common.deb", "tools.deb", "again.deb"], "both have the headers of kernel 9.1"),
        (&["both.deb"], "has the headers of two kernels: 9.1 and 9.2"),
        (&["tools.deb"], "tools.deb has no headers that are needed"),
        (&["missing.deb"], "There is no file or directory"),
        (&["missing-*.deb"], "has a name like `missing-*.deb`"),
        (&["damaged.deb"], "damaged.deb was not"),
        (&["unknown.xyz"], "No plugin here unpacks"),
    ] {
        let out = plan(&world, packages);
        assert!(out.code != 0 && out.stderr.contains(says), "{packages:?}: {says} is not in {out}");
        out.expect_no_panic().expect_hint();
        assert!(!world.path("matrix.json").exists(), "{packages:?}");
    }
    let rests: Vec<PathBuf> = ["packages", "kernels"].iter().flat_map(|kind| entries(&world, kind)).collect();
    let is_rest = |path: &&PathBuf| path.file_name().unwrap().to_string_lossy().starts_with('.');
    assert_eq!(rests.iter().find(is_rest), None, "what was refused leaves nothing");
}

#[test]
fn rpm_packages_have_headers_too() {
    let world = World::new(&[kernel()]);
    world.add_package(&Package::new("good", "1.0"));
    let workshop = Workshop::new();
    let spec = "Name: devel\nVersion: 1\nRelease: 1\nSummary: t\nLicense: x\nBuildArch: noarch\n%description\nt\n%install\n\
        mkdir -p %{buildroot}/usr/src/kernels/9.3/include/generated %{buildroot}/lib/modules/9.3\n\
        echo '#define UTS_RELEASE \"9.3\"' > %{buildroot}/usr/src/kernels/9.3/include/generated/utsrelease.h\n\
        ln -s /usr/src/kernels/9.3 %{buildroot}/lib/modules/9.3/build\n%files\n/usr/src/kernels/9.3\n/lib/modules/9.3\n";
    let rpm = workshop.package("devel", spec, &[]);
    fs::create_dir(world.path("packages")).unwrap();
    fs::copy(rpm, world.path("packages/devel.rpm")).unwrap();
    plan(&world, &["devel.rpm"]).expect(0);
    let matrix = document(&world, "matrix.json", "matrix-schema.json");
    assert_eq!(matrix["cells"][0]["kernel"], "9.3");
}
