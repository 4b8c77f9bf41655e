//! Probes are programs that run before anybody has agreed to a plan.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use modsmith_facts::{OsRelease, System};
use modsmith_plugins::{Administration, FoundIn, FrameworkSettings, Plugins, SearchPath};

use modsmith_tests::tool;

use super::guest::{Body, manifest_text};
use super::setting::{Setting, refresh};

/// A FIFO that a probe takes a byte out of when it is run: it may change nothing.
struct Trap {
    path: PathBuf,
    fifo: File,
}

impl Trap {
    fn new(path: PathBuf) -> Self {
        tool::run(Command::new(tool::path("mkfifo")).arg("-m").arg("666").arg(&path));
        let fifo = File::options().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
        Self { path, fifo }
    }

    /// The probe `p`, for a manifest.
    fn probe(&self) -> String {
        let arguments = format!("[\"-c\", \"1\", \"{}\"]", self.path.display());
        format!("[[probe]]\nname = \"p\"\nprogram = \"head\"\narguments = {arguments}\n")
    }

    /// Whether the probe was run meanwhile.
    fn springs(&self, work: impl FnOnce()) -> bool {
        (&self.fifo).write_all(b"x").unwrap();
        work();
        let left = (&self.fifo).read(&mut [0]);
        left.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }
}

/// A plugin with such a probe.
struct Probing {
    setting: Setting,
    trap: Trap,
}

impl Probing {
    fn new() -> Self {
        let setting = Setting::empty();
        let trap = Trap::new(setting.dir.path().join("fifo"));
        Self::with(setting, trap)
    }

    fn with(setting: Setting, trap: Trap) -> Self {
        let component = Body::new().probe("p").component();
        fs::write(setting.plugin(), modsmith_kit::build::embed(&component, &manifest_text(&trap.probe()))).unwrap();
        Self { setting, trap }
    }

    /// The plugins of a place, on the running system: on no other are programs run.
    fn plugins(&self, place: FoundIn) -> Plugins {
        let directories = vec![(self.setting.dir.path().join("plugins"), place)];
        let search =
            SearchPath { directories, config: self.setting.dir.path().join("config"), ..self.setting.search() };
        Plugins::open(Arc::new(System::new("/", OsRelease::default())), search, FrameworkSettings::default())
    }

    /// Whether the probe was run when the plugin was asked.
    fn runs(&self, plugins: &Plugins) -> bool {
        self.trap.springs(|| {
            let (answer, _) = refresh(plugins, &Arc::new(System::new("/", OsRelease::default())));
            assert!(answer.is_ok(), "{answer:?}");
        })
    }
}

#[test]
fn a_plugin_that_only_the_user_named_starts_nothing_until_something_is_changed() {
    let probing = Probing::new();
    assert!(!probing.runs(&probing.plugins(FoundIn::Own)), "a dry run, or a question, ran the probe");
    assert!(!probing.runs(&probing.plugins(FoundIn::Own).acting(false)));
    assert!(probing.runs(&probing.plugins(FoundIn::Own).acting(true)), "the probe would run");
}

#[test]
fn a_plugin_that_needs_a_grant_starts_nothing_without_one() {
    let probing = Probing::new();
    for place in [FoundIn::Local, FoundIn::Environment] {
        assert!(!probing.runs(&probing.plugins(place).acting(true)));
        let mut grant = None;
        assert!(!probing.trap.springs(|| {
            Administration(&probing.plugins(place)).inspect("hostile").unwrap();
            grant = Some(Administration(&probing.plugins(place)).grant("hostile").unwrap().1);
        }));
        assert!(probing.runs(&probing.plugins(place)), "granted, it is asked");
        fs::remove_file(grant.unwrap()).unwrap();
    }
}

#[test]
fn a_probe_about_a_denied_file_is_not_run() {
    // Below a root that policies know.
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let probing = Probing::with(Setting::empty(), Trap::new(dir.path().join("fifo")));
    let policy = probing.setting.dir.path().join("config/policy.d");
    fs::create_dir_all(&policy).unwrap();
    assert!(probing.runs(&probing.plugins(FoundIn::System)), "nothing denies the file");
    let directory = dir.path().strip_prefix("/").unwrap().display();
    fs::write(policy.join("site.toml"), format!("[deny]\nroots = [\"{directory}\"]\n")).unwrap();
    assert!(!probing.runs(&probing.plugins(FoundIn::System)), "the policy denies the file that the probe is about");
}

#[test]
fn a_plugin_of_the_systems_packages_is_asked() {
    let probing = Probing::new();
    assert!(probing.runs(&probing.plugins(FoundIn::System)));
}

#[test]
fn a_dry_run_of_a_plugin_on_the_users_own_path_starts_nothing() {
    use modsmith_tests::World;
    use modsmith_tests::fixture::Package;
    use modsmith_tests::kernel::{self, Flavour};
    use std::os::unix::fs::PermissionsExt;

    let world = World::generic();
    world.add_package(&Package::new("demo", "1.0").conf("REMAKE_INITRD=yes"));
    let kernel = kernel::newest(Flavour::Generic);
    world.dkms(&format!("build demo/1.0 -k {kernel}")).expect(0);
    fs::create_dir(world.path("open")).unwrap();
    fs::set_permissions(world.path("open"), fs::Permissions::from_mode(0o777)).unwrap();
    let trap = Trap::new(world.path("open/fifo"));
    let text = format!("[match]\npriority = 99\n{}", trap.probe());
    let component = Body::new().probe("p").note("hello from the plugin").component();
    world.write("own/hostile.wasm", modsmith_kit::build::embed(&component, &manifest_text(&text)));
    let asked = |line: &str| {
        let user = world.program("/usr/bin/setpriv").words("--reuid=65534 --regid=65534 --clear-groups");
        let user = user.arg(world.path("bin/dkms").display().to_string()).words(line);
        user.env("MODSMITH_PLUGIN_PATH", world.path("own").display().to_string()).run()
    };
    let ran = trap.springs(|| {
        let out = asked(&format!("install demo/1.0 -k {kernel} --dry-run")).expect(0);
        assert!(out.stdout.contains("hello from the plugin"), "the plugin was not asked: {out}");
        for line in ["status", "plugin list", "plugin inspect hostile", "completion bash", "--help"] {
            asked(line);
        }
    });
    assert!(!ran, "a program ran for a plugin that nobody granted");
}
