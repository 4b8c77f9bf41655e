//! systemd system extensions, looked at with the tools that use them: mounted by
//! systemd, searched by modprobe, compared with what depmod makes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::fixture::{self, Package};
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::{Output, World, debian, paths, tool};

/// Which Debian's cloud kernel comes with; its drivers are few.
fn cloud() -> String {
    kernel::newest(Flavour::Cloud)
}

/// A machine with all modules of its kernel, and a package of Debian's in its tree.
struct Machine {
    world: World,
    id: String,
}

impl Machine {
    /// With the package built for the kernel: once for all tests.
    fn with(package: &str) -> Self {
        let source = debian::source(package);
        let id = id(&source);
        let built = paths::cached("sysext", &format!("{package}-{}", cloud()), |dir| {
            let world = World::new(&[cloud()]);
            world.copy_source(&source);
            world.dkms(&format!("build {id} -k {}", cloud())).expect(0);
            tool::run(Command::new("cp").arg("-a").arg(world.tree().join(".")).arg(dir));
        });
        let world = World::new(&[cloud()]);
        kernel::add_modules(&world, &cloud());
        world.copy_source(&source);
        tool::run(Command::new("cp").arg("-a").arg(built.join(".")).arg(world.tree()));
        Self { world, id }
    }

    fn make(&self, options: &str) -> Output {
        self.world.modsmith(&format!("mksysext {} -k {} {options}", self.id, cloud()))
    }

    /// The image that is made.
    fn image(&self, options: &str) -> PathBuf {
        self.make(options).expect(0);
        let name = format!("{}-{}.raw", self.id.replace('/', "-"), cloud());
        self.world.tree().join(&self.id).join("sysext").join(name)
    }

    /// Module files in the tree.
    fn modules(&self) -> Vec<PathBuf> {
        let built = self.world.tree().join(&self.id).join(cloud()).join(kernel::arch()).join("module");
        let files = fs::read_dir(built).expect("it is built").map(|entry| entry.expect("it can be read").path());
        let mut modules: Vec<PathBuf> = files.filter(|file| file.to_string_lossy().contains(".ko")).collect();
        modules.sort();
        modules
    }
}

/// `NAME/VERSION` of a source in `/usr/src`.
fn id(source: &Path) -> String {
    let (name, version) = source.file_name().and_then(|name| name.to_str()?.rsplit_once('-')).expect("NAME-VERSION");
    format!("{name}/{version}")
}

/// A system below a directory: a kernel's modules, and an os-release.
struct System(tempfile::TempDir);

impl System {
    fn new() -> Self {
        let dir = tempfile::tempdir_in(paths::cache("worlds")).expect("a directory");
        let system = Self(dir);
        fs::create_dir_all(system.modules()).expect("writable");
        for own in ["etc", "opt", "var/lib/extensions"] {
            fs::create_dir_all(system.path(own)).expect("writable");
        }
        std::os::unix::fs::symlink("usr/lib", system.path("lib")).expect("writable");
        fs::copy("/etc/os-release", system.path("usr/lib/os-release")).expect("this machine has one");
        std::os::unix::fs::symlink("../usr/lib/os-release", system.path("etc/os-release")).expect("writable");
        kernel::copy_modules(&kernel::system(&cloud()).join("lib/modules").join(cloud()), &system.modules());
        system
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn modules(&self) -> PathBuf {
        self.path("usr/lib/modules").join(cloud())
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.modules().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// With the modules installed, and an index that depmod made.
    fn installed(modules: &[PathBuf]) -> Self {
        let system = Self::new();
        let to = system.modules().join("updates/dkms");
        fs::create_dir_all(&to).expect("writable");
        let mut order = system.text("modules.order");
        for module in modules {
            let name = module.file_name().and_then(|name| name.to_str()).expect("a module file");
            fs::copy(module, to.join(name)).expect("writable");
            // Else the order of modules that depmod adds is that of the directory.
            order.push_str(&format!("updates/dkms/{name}\n"));
        }
        fs::write(system.modules().join("modules.order"), order).expect("writable");
        tool::run(Command::new(tool::path("depmod")).arg("-b").arg(system.0.path()).arg(cloud()));
        system
    }

    /// With what an image holds laid over it.
    fn extended(image: &Path) -> Self {
        let system = Self::new();
        let unpacked = tempfile::tempdir().expect("a directory");
        let location = unpacked.path().join("image");
        tool::run(Command::new(tool::path("unsquashfs")).args(["-q", "-n", "-d"]).arg(&location).arg(image));
        let copy = ["-a", "--remove-destination"];
        tool::run(Command::new("cp").args(copy).arg(location.join(".")).arg(system.0.path()));
        system
    }

    /// What modprobe says about it.
    fn modprobe(&self, words: &[&str]) -> String {
        let mut modprobe = Command::new(tool::path("modprobe"));
        let said = tool::run(modprobe.arg("-d").arg(self.0.path()).args(["-S", &cloud()]).args(words));
        said.replace(&self.0.path().display().to_string(), "")
    }
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

/// A line of modules.dep: what needs which, in any order.
fn needs(line: &str) -> (&str, Vec<&str>) {
    let (path, needs) = line.split_once(':').expect("a line of modules.dep");
    let mut needs: Vec<&str> = needs.split_whitespace().collect();
    needs.sort_unstable();
    (path, needs)
}

/// The name that modprobe takes for a file.
fn name(path: &Path) -> String {
    let file = path.file_name().and_then(|name| name.to_str()).expect("a module file");
    file.split(".ko").next().expect("there is a first part").to_owned()
}

/// The image's index is the one that depmod makes of the same modules.
fn index_is_depmods(package: &str) {
    let machine = Machine::with(package);
    let (ours, depmods) = (System::extended(&machine.image("")), System::installed(&machine.modules()));
    for file in ["alias", "alias.bin", "symbols.bin", "softdep", "devname"] {
        let read = |system: &System| fs::read(system.modules().join(format!("modules.{file}"))).expect("it is there");
        assert!(read(&ours) == read(&depmods), "modules.{file} of {package} is not depmod's");
    }
    // Of these two, depmod's order has no meaning.
    let (symbols, theirs) = (ours.text("modules.symbols"), depmods.text("modules.symbols"));
    assert_eq!(sorted(&symbols), sorted(&theirs), "modules.symbols of {package}");
    let (dep, theirs) = (ours.text("modules.dep"), depmods.text("modules.dep"));
    let lines = |text| -> Vec<(String, String)> {
        let line = |line| (needs(line).0.to_owned(), needs(line).1.join(" "));
        str::lines(text).map(line).collect()
    };
    assert_eq!(lines(&dep), lines(&theirs), "modules.dep of {package}");
    for module in machine.modules() {
        let words = ["--show-depends", &name(&module)];
        assert_eq!(sorted(&ours.modprobe(&words)), sorted(&depmods.modprobe(&words)), "{}", module.display());
    }
}

#[test]
fn the_index_of_three_modules_that_need_each_other_is_depmods() {
    index_is_depmods("jool-dkms");
}

#[test]
fn the_index_of_many_modules_with_aliases_is_depmods() {
    index_is_depmods("xtables-addons-dkms");
}

#[test]
fn the_index_of_one_module_is_depmods() {
    index_is_depmods("dm-writeboost-dkms");
}

/// Merged by systemd itself, in a mount namespace.
#[test]
fn systemd_merges_an_image_and_modprobe_finds_its_modules_and_the_kernels() {
    let machine = Machine::with("nat-rtsp-dkms");
    let image = machine.image("");
    let dissected = tool::run(Command::new(tool::path("systemd-dissect")).arg(&image));
    assert!(dissected.contains("✓ extension for system"), "{dissected}");
    assert!(dissected.contains("ID=debian"), "{dissected}");
    let system = System::new();
    fs::copy(&image, system.path("var/lib/extensions").join(image.file_name().expect("a file"))).expect("writable");
    let alias = system.text("modules.alias");
    let pci = alias.lines().find(|line| line.starts_with("alias pci:")).expect("a kernel has drivers for PCI");
    let (pattern, driver) = pci.trim_start_matches("alias ").split_once(' ').expect("a pattern and a module");
    let script = format!(
        "set -e
         mount --make-rshared /
         mount -t tmpfs run /run
         {sysext} --root={root} merge
         modprobe -d {root} -S {kernel} --show-depends nf_nat_rtsp
         modprobe -d {root} -S {kernel} -R '{device}'
         {sysext} --root={root} unmerge
         ! modprobe -d {root} -S {kernel} --show-depends nf_nat_rtsp",
        sysext = tool::path("systemd-sysext").display(),
        root = system.0.path().display(),
        kernel = cloud(),
        device = pattern.replace('*', "0"),
    );
    let mut merge = Command::new(tool::path("unshare"));
    let out = tool::output(merge.args(["--mount", "--propagation", "private", "sh", "-c", &script])).expect(0);
    let loaded: Vec<&str> = out.stdout.lines().filter_map(|line| line.trim().rsplit('/').next()).collect();
    let location = |file: &str| loaded.iter().position(|loaded| *loaded == file);
    assert!(
        location("nf_conntrack.ko") < location("nf_nat_rtsp.ko")
            && location("nf_conntrack_rtsp.ko") < location("nf_nat_rtsp.ko"),
        "{out}"
    );
    assert!(location("nf_conntrack.ko").is_some() && location("nf_conntrack_rtsp.ko").is_some(), "{out}");
    assert!(loaded.contains(&driver), "{driver} is not found for {pattern}: {out}");
}

#[test]
fn the_same_modules_give_the_same_image_whenever_and_wherever() {
    let images = [0, 1].map(|_| {
        let machine = Machine::with("jool-dkms");
        for file in machine.modules() {
            let touched = fs::File::open(file).expect("it is there");
            touched.set_modified(std::time::SystemTime::now()).expect("it is ours");
        }
        fs::read(machine.image("")).expect("it was made")
    });
    assert!(images[0] == images[1], "two images of the same modules differ");
}

#[test]
fn the_date_of_the_source_is_the_date_of_everything_in_it() {
    let machine = Machine::with("dm-writeboost-dkms");
    let words = format!("mksysext {} -k {}", machine.id, cloud());
    let dated = machine.world.program(machine.world.path("bin/dkms")).words(&words);
    dated.env("SOURCE_DATE_EPOCH", "1234567890").run().expect(0);
    let image = machine.world.tree().join(&machine.id).join("sysext");
    let image = fs::read_dir(image).expect("it was made").next().expect("one file").expect("it can be read").path();
    let mut list = Command::new(tool::path("unsquashfs"));
    let listed = tool::run(list.args(["-UTC", "-lln"]).arg(image));
    let dates: Vec<bool> =
        listed.lines().map(|line| line.contains(" 0/0 ") && line.contains("2009-02-13 23:31")).collect();
    assert!(dates.len() > 5 && dates.iter().all(|date| *date), "{listed}");
}

#[test]
fn an_image_is_for_the_system_that_was_named() {
    let machine = Machine::with("dm-writeboost-dkms");
    let release = |options: &str| {
        let system = System::extended(&machine.image(options));
        let directory = system.path("usr/lib/extension-release.d");
        let file = fs::read_dir(directory).expect("it is there").next().expect("one").expect("it can be read");
        fs::read_to_string(file.path()).expect("a text")
    };
    assert_eq!(release("--os any"), "ID=_any\nARCHITECTURE=x86-64\n");
    assert_eq!(release("--os flatcar:4230.2"), "ID=flatcar\nVERSION_ID=4230.2\nARCHITECTURE=x86-64\n");
}

#[test]
fn an_image_holds_the_modules_of_further_packages() {
    let machine = Machine::with("bbswitch-dkms");
    machine.world.add_package(&Package::new("extra", "1.0"));
    machine.world.dkms(&format!("build extra/1.0 -k {}", cloud())).expect(0);
    let system = System::extended(&machine.image("--with extra/1.0"));
    for module in ["extra", "bbswitch"] {
        assert!(
            system.modprobe(&["--show-depends", module]).contains(&format!("updates/dkms/{module}.ko")),
            "{module}"
        );
    }
}

/// What else is installed on the machine that makes an image is not on the one
/// that uses it: neither in the index, nor in the place of the kernel's own.
#[test]
fn modules_that_are_installed_here_leave_no_trace_in_an_image() {
    let machine = Machine::with("dm-writeboost-dkms");
    let clean = System::extended(&machine.image(""));
    machine.world.add_package(&Package::new("foreign", "1.0"));
    machine.world.dkms(&format!("install foreign/1.0 -k {}", cloud())).expect(0);
    let out = machine.make("").expect(0);
    assert!(out.stdout.contains("did not come with kernel") && out.stdout.contains("updates/dkms/foreign.ko"), "{out}");
    // Of another package manager, in the place of the kernel's own.
    let modules = machine.world.modules(&cloud());
    fs::copy(fixture::module(&cloud(), "llc", None), modules.join("updates/llc.ko")).expect("writable");
    machine.world.shell(&format!("depmod {}", cloud())).run().expect(0);
    let index = fs::read_to_string(modules.join("modules.dep")).expect("there is an index");
    assert!(index.contains("updates/llc.ko:") && !index.contains("kernel/net/llc/llc.ko:"), "it is installed");
    let system = System::extended(&machine.image(""));
    for module in ["llc", "bridge", "btrfs", "dm-writeboost"] {
        let depends = |system: &System| system.modprobe(&["--show-depends", module]);
        assert_eq!(sorted(&depends(&clean)), sorted(&depends(&system)), "{module}");
    }
    for file in ["alias.bin", "symbols.bin", "softdep", "devname"] {
        let read = |system: &System| fs::read(system.modules().join(format!("modules.{file}"))).expect("it is there");
        assert!(read(&clean) == read(&system), "modules.{file} is another one");
    }
}

#[test]
fn modules_of_the_kernel_that_are_missing_here_are_told() {
    let machine = Machine::with("dm-writeboost-dkms");
    machine.world.add_package(&Package::new("llc", "1.0"));
    machine.world.dkms(&format!("install --force llc/1.0 -k {}", cloud())).expect(0);
    let out = machine.make("").expect(0);
    assert!(out.stdout.contains("modules kernel/net/llc/llc.ko are not installed here"), "{out}");
}

#[test]
fn what_cannot_be_made_is_refused_and_leaves_nothing() {
    let machine = Machine::with("dm-writeboost-dkms");
    let id = &machine.id;
    let before = machine.world.snapshot();
    let refused = |words: String, code: i32, text: &str| {
        let out = machine.world.modsmith(&words).expect(code).expect_error(text);
        out.expect_hint();
        before.assert_same(&machine.world.snapshot(), &words);
    };
    refused(format!("mksysext {id} -k 9.9"), 5, "not built for kernel 9.9");
    refused(format!("mksysext {id} -k {} --os nothing:", cloud()), 1, "`nothing:` is no system");
    refused(format!("mksysext {id} -k {} --with dkms", cloud()), 1, "`dkms` is no package");
    refused(format!("mksysext {id} -k {} --with other/1.0", cloud()), 5, "other/1.0 is not built");
    refused(format!("mksysext {id} -k {} --with ../..", cloud()), 1, "`../..` is no package");
    refused(format!("mksysext {id} -k {} --with {id}", cloud()), 1, "has a module of the name");
}

#[test]
fn a_kernel_without_its_modules_is_refused_with_what_to_install() {
    let machine = Machine::with("dm-writeboost-dkms");
    for file in ["modules.dep", "modules.alias"] {
        let location = machine.world.modules(&cloud()).join(file);
        fs::remove_file(&location).expect("it is there");
        let before = machine.world.snapshot();
        let out = machine.make("").expect(6).expect_error("The modules that kernel").expect_hint();
        out.expect_error("Install the package that has the kernel's modules");
        before.assert_same(&machine.world.snapshot(), file);
        fs::write(&location, "").expect("writable");
    }
    // Only headers are there, and somebody ran depmod.
    machine.make("").expect(6);
}

#[test]
fn a_module_that_is_none_and_a_full_disk_leave_no_image() {
    let machine = Machine::with("dm-writeboost-dkms");
    let script = format!(
        "cp -a /boot/tree/. /var/lib/dkms; find /var/lib/dkms | sort >/boot/before
         modsmith mksysext {} -k {}; echo \"code $?\"
         find /var/lib/dkms | sort | diff /boot/before -",
        machine.id,
        cloud()
    );
    tool::run(Command::new("cp").arg("-a").arg(machine.world.tree()).arg(machine.world.path("boot/tree")));
    let script = script.replace("modsmith", &modsmith_tests::world::modsmith().display().to_string());
    let size: u64 = machine.modules().iter().map(|file| fs::metadata(file).expect("a file").len()).sum();
    let out = machine.world.shell(&script).small("/var/lib/dkms", (size / 1024) as u32 + 220).run().expect_no_panic();
    assert_eq!((out.code, out.stdout.as_str()), (0, "code 7\n"), "{out}");
    out.expect_error("pace");

    fs::write(&machine.modules()[0], "no module").expect("writable");
    let before = machine.world.snapshot();
    machine.make("").expect(1).expect_error("it is no ELF file");
    before.assert_same(&machine.world.snapshot(), "a damaged module");
}

#[test]
fn the_plugin_runs_no_program() {
    let world = World::new(&[]);
    let plugin = world.modsmith("plugin inspect sysext --json").expect(0).json();
    assert_eq!(plugin["manifest"]["run"].as_array().map_or(0, Vec::len), 0, "{plugin}");
}
