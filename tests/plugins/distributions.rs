//! All plugins together: each system gets its own, whatever else is installed.
//!
//! The rows are what today's dkms does on these systems, by what their
//! os-release really says.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use modsmith_facts::kernel::{Kernel, KernelInput};
use modsmith_facts::{OsRelease, System};
use modsmith_plugins::{FrameworkSettings, InstallPolicy, Plugins, Prune, SearchPath};
use modsmith_tests::fixture::Package;
use modsmith_tests::{World, kernel, paths, tool};

/// What a package asks for.
const REQUESTED: &str = "kernel/drivers/net";

/// When emptied directories go.
const ALWAYS: bool = true;
/// Unless a package owns them.
const ASKED: bool = false;

/// ID, ID_LIKE, the directory (none: where the package asks for), clean-up.
type Row = (&'static str, &'static str, Option<&'static str>, bool);

const ROWS: &[Row] = &[
    ("debian", "", Some("updates/dkms"), ALWAYS),
    ("raspbian", "debian", Some("updates/dkms"), ALWAYS),
    ("devuan", "debian", Some("updates/dkms"), ALWAYS),
    ("kali", "debian", Some("updates/dkms"), ALWAYS),
    ("linuxmint", "debian", Some("updates/dkms"), ALWAYS),
    ("ubuntu", "debian", Some("updates/dkms"), ALWAYS),
    ("linuxmint", "ubuntu debian", Some("updates/dkms"), ALWAYS),
    ("pop", "ubuntu debian", Some("updates/dkms"), ALWAYS),
    ("elementary", "ubuntu", Some("updates/dkms"), ALWAYS),
    ("fedora", "", Some("extra"), ASKED),
    ("rhel", "fedora", Some("extra"), ASKED),
    ("rhel", "centos fedora", Some("extra"), ASKED),
    ("ol", "fedora", Some("extra"), ASKED),
    ("centos", "rhel fedora", Some("extra"), ASKED),
    ("almalinux", "rhel centos fedora", Some("extra"), ASKED),
    ("rocky", "rhel centos fedora", Some("extra"), ASKED),
    ("xenenterprise", "centos rhel fedora", Some("extra"), ASKED),
    ("ovm", "", None, ASKED),
    ("amzn", "centos rhel fedora", Some("extra"), ASKED),
    ("amzn", "fedora", Some("extra"), ASKED),
    ("opensuse-leap", "suse opensuse", Some("updates"), ASKED),
    ("opensuse-tumbleweed", "opensuse suse", Some("updates"), ASKED),
    ("sles", "suse", Some("updates"), ASKED),
    ("arch", "", Some("updates/dkms"), ALWAYS),
    ("manjaro", "arch", Some("updates/dkms"), ALWAYS),
    ("endeavouros", "arch", Some("updates/dkms"), ALWAYS),
    ("cachyos", "arch", Some("updates/dkms"), ALWAYS),
    ("steamos", "arch", Some("updates/dkms"), ALWAYS),
    ("gentoo", "", None, ALWAYS),
    ("alpine", "", None, ASKED),
    ("postmarketos", "alpine", None, ASKED),
    ("void", "", None, ASKED),
    ("slackware", "", None, ASKED),
    ("openmandriva", "mandriva", None, ASKED),
    ("mageia", "mandriva fedora", None, ASKED),
    ("altlinux", "", None, ASKED),
    ("clear-linux-os", "clear-linux-os", Some("updates/dkms"), ALWAYS),
    ("pld", "", None, ASKED),
    ("kaos", "", None, ALWAYS),
    // What no plugin knows.
    ("unheard-of", "unknown", None, ASKED),
    ("", "", None, ASKED),
    ("../../debian", "$(fedora) `rhel` ; suse.", None, ASKED),
];

/// A system below a temporary directory, with all plugins.
struct Machine {
    dir: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { dir: tempfile::tempdir().expect("a temporary directory") };
        // Without this program nothing is owned.
        machine.program("rpm");
        machine
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let location = self.dir.path().join(path);
        fs::create_dir_all(location.parent().expect("below the root")).expect("writable");
        fs::write(&location, text).expect("writable");
        location
    }

    fn program(&self, name: &str) {
        use std::os::unix::fs::PermissionsExt;
        let location = self.write(&format!("usr/bin/{name}"), "#!/bin/false\n");
        fs::set_permissions(location, fs::Permissions::from_mode(0o755)).expect("just written");
    }

    fn plugins(&self) -> Plugins {
        let system = System::new(self.dir.path(), OsRelease::of_root(self.dir.path()));
        let search = SearchPath::only(paths::programs().join("plugins"), paths::cache("plugins"));
        let plugins = Plugins::open(Arc::new(system), search, FrameworkSettings::default());
        assert!(plugins.problems().is_empty(), "{:?}", plugins.problems());
        plugins
    }

    fn kernel(&self) -> Arc<Kernel> {
        let release = "6.1.0-1-generic".to_owned();
        let module_dir = self.dir.path().join("lib/modules").join(&release);
        Arc::new(Kernel::new(KernelInput { release, module_dir, ..KernelInput::default() }))
    }

    fn directory(&self) -> Option<String> {
        InstallPolicy(&self.plugins()).destination(&self.kernel(), None, REQUESTED).expect("an answer")
    }
}

#[test]
fn every_system_gets_the_directory_and_the_clean_up_that_dkms_has_for_it() {
    for (id, like, directory, always) in ROWS {
        let machine = Machine::new();
        machine.write("etc/os-release", &format!("ID=\"{id}\"\nID_LIKE=\"{like}\"\n"));
        assert_eq!(machine.directory().as_deref(), Some(directory.unwrap_or(REQUESTED)), "{id} ({like})");
        let prune = InstallPolicy(&machine.plugins()).prune().expect("an answer");
        assert_eq!(prune == Prune::Always, *always, "{id} ({like}): {prune:?}");
    }
}

#[test]
fn a_system_without_os_release_is_known_by_its_release_file_or_served_plainly() {
    let files = [
        ("etc/redhat-release", "CentOS release 6.10 (Final)\n", Some("extra")),
        ("etc/redhat-release", "Red Hat Enterprise Linux AS release 4 (Nahant)\n", None),
        ("etc/SuSE-release", "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\n", Some("updates")),
        ("etc/UnitedLinux-release", "UnitedLinux 1.0 (i586)\n", None),
        ("etc/redhat-release", "\0\0", None),
        ("etc/hostname", "nothing", None),
    ];
    for (path, text, directory) in files {
        let machine = Machine::new();
        machine.write(path, text);
        assert_eq!(machine.directory().as_deref(), Some(directory.unwrap_or(REQUESTED)), "{path}: {text}");
    }
}

#[test]
fn os_release_in_usr_lib_counts_where_etc_has_none() {
    let machine = Machine::new();
    machine.write("usr/lib/os-release", "ID=arch\n");
    assert_eq!(machine.directory().as_deref(), Some("updates/dkms"));
}

/// Distribution plugins: those that are asked where modules go.
fn sources() -> Vec<(String, PathBuf, bool)> {
    let mut found = Vec::new();
    for directory in paths::plugin_folders() {
        let name = directory.file_name().expect("below plugins").to_string_lossy().into_owned();
        let manifest = ["policy.toml", "plugin.toml"].map(|file| directory.join(file));
        let Some(file) = manifest.iter().find(|file| file.is_file()) else { continue };
        let text = fs::read_to_string(file).expect("text");
        let table = file.ends_with("policy.toml");
        if text.contains("\"install-policy\"") && name != "table" {
            found.push((name, directory, table));
        }
    }
    found.sort();
    found
}

fn lines(directory: &Path) -> usize {
    let own = |entry: &walkdir::DirEntry| entry.file_name() != "cases" && entry.file_name() != "Cargo.toml";
    let files = walkdir::WalkDir::new(directory).into_iter().filter_entry(own).filter_map(Result::ok);
    let files = files.filter(|entry| entry.file_type().is_file());
    files.map(|entry| fs::read_to_string(entry.path()).expect("text").lines().count()).sum()
}

#[test]
fn plugins_of_distributions_are_small() {
    let mut sizes: Vec<(usize, String, bool)> =
        sources().into_iter().map(|(name, directory, table)| (lines(&directory), name, table)).collect();
    sizes.sort();
    for (lines, name, table) in &sizes {
        println!("{lines:>5} lines  {name}{}", if *table { " (table)" } else { "" });
        assert!(!table || *lines < 15, "the table {name} has {lines} lines");
    }
    assert!(sizes.len() >= 17, "{sizes:?}");
    let median = sizes[sizes.len() / 2].0;
    assert!(median < 60, "median {median}");
}

/// Where dkms puts a module on a system with this os-release.
fn peers_directory(world: &World, kernel: &str, id: &str, like: &str) -> String {
    let text =
        format!("ID=\"{id}\"\n{}", if like.is_empty() { String::new() } else { format!("ID_LIKE=\"{like}\"\n") });
    fs::write(world.path("boot/os-release"), text).expect("writable");
    let dkms = tool::path("dkms");
    let script = format!(
        "mount --bind /boot/os-release /usr/lib/os-release\n\
         {dkms} install where/1.0 -k {kernel} && find /lib/modules/{kernel} -name 'where.ko*' && \
         {dkms} uninstall where/1.0 -k {kernel}",
        dkms = dkms.display()
    );
    let out = world.shell(&script).run().expect(0);
    let found = out.stdout.lines().find_map(|line| line.strip_prefix(&format!("/lib/modules/{kernel}/")));
    let found = found.unwrap_or_else(|| panic!("no module: {out}"));
    found.rsplit_once('/').map_or("", |(directory, _)| directory).to_owned()
}

/// Where this machine's dkms does otherwise: CentOS's word is known, and Oracle
/// VM's is not, since dkms 3.4.2; Clear Linux patches its own dkms.
const PEER_DIFFERS: [(&str, &str); 5] = [
    ("rhel", "centos fedora"),
    ("xenenterprise", "centos rhel fedora"),
    ("amzn", "centos rhel fedora"),
    ("ovm", ""),
    ("clear-linux-os", "clear-linux-os"),
];

#[test]
fn dkms_itself_puts_modules_into_the_same_directories() {
    let kernel = kernel::newest(kernel::Flavour::Generic);
    let world = World::generic();
    world.add_package(&Package::new("where", "1.0"));
    world.peer(&format!("build where/1.0 -k {kernel}")).expect(0);
    for (id, like, directory, _) in ROWS {
        let peer = peers_directory(&world, &kernel, id, like);
        let same = peer == directory.unwrap_or("kernel/drivers/misc");
        assert_eq!(same, !PEER_DIFFERS.contains(&(*id, *like)), "{id} ({like}): dkms has {peer}");
    }
}
