//! A table of one's own: it does what it asks for, once it is granted, and
//! nothing else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use modsmith_facts::kernel::{Kernel, KernelInput};
use modsmith_facts::{OsRelease, System};
use modsmith_plan::{Action, Builder};
use modsmith_plugins::{
    Administration, Answer, Change, FoundIn, FrameworkSettings, Image, Initrd, Occasion, Plugins, SearchPath,
};
use modsmith_tests::paths;

const RELEASE: &str = "6.1.0-test";

/// A tool that no first-party plugin knows.
const TABLE: &str = r#"
id = "mkimage"
version = "1.0.0"
base = "table"

[match]
programs = ["mkimage"]
[roles]
provides = ["initrd"]
[write]
roots = ["boot/image-*"]
[[run]]
program = "mkimage"
arguments = ["-f", "boot/image-*", "*"]

[policy.initrd]
images = ["image-{release}"]
command = ["mkimage", "-f", "{image}", "{release}"]
"#;

/// Modules were removed from a kernel.
fn removed(kernel: &Arc<Kernel>) -> Change<'_> {
    Change { kernel, occasion: Occasion::Removed, packages: &[] }
}

/// A system with the tool and an image, the base plugin from the system's
/// packages, and tables in the administrator's directory.
struct Machine {
    dir: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { dir: tempfile::tempdir().expect("a temporary directory") };
        let base = paths::programs().join("plugins/table.wasm");
        fs::create_dir(machine.path("packages")).expect("writable");
        fs::copy(&base, machine.path("packages/table.wasm")).unwrap_or_else(|e| panic!("{}: {e}", base.display()));
        machine.write("root/boot/image-6.1.0-test", "");
        let tool = machine.write("root/usr/bin/mkimage", "#!/bin/false\n");
        fs::set_permissions(tool, fs::Permissions::from_mode(0o755)).expect("just written");
        machine
    }

    fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(path)
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let location = self.path(path);
        fs::create_dir_all(location.parent().expect("below")).expect("writable");
        fs::write(&location, text).expect("writable");
        location
    }

    fn table(&self, text: &str) {
        self.write("local/mkimage.toml", text);
    }

    fn plugins(&self) -> Plugins {
        let directories = vec![(self.path("packages"), FoundIn::System), (self.path("local"), FoundIn::Local)];
        let search = SearchPath {
            directories,
            config: self.path("config"),
            caches: vec![paths::cache("plugins")],
            ..SearchPath::none()
        };
        let system = System::new(self.path("root"), OsRelease::default());
        Plugins::open(Arc::new(system), search, FrameworkSettings::default())
    }

    fn grant(&self) {
        Administration(&self.plugins()).grant("mkimage").unwrap_or_else(|e| panic!("{e}"));
    }

    fn kernel(&self) -> Arc<Kernel> {
        let module_dir = self.path("root/lib/modules").join(RELEASE);
        Arc::new(Kernel::new(KernelInput { release: RELEASE.into(), module_dir, ..KernelInput::default() }))
    }

    fn roots(&self) -> modsmith_facts::Roots {
        System::new(self.path("root"), OsRelease::default()).roots
    }

    /// The steps, or why there are none.
    fn refresh(&self) -> Result<Vec<Action>, String> {
        let mut plan = Builder::new("image", self.roots());
        match Initrd(&self.plugins()).refresh(removed(&self.kernel()), &mut plan) {
            Ok(Answer::Given { plugin, .. }) if plugin == "mkimage" => {
                Ok(plan.finish().steps.into_iter().map(|step| step.action).collect())
            }
            other => Err(format!("{other:?}")),
        }
    }

    fn image(&self, asked: bool) -> Image {
        let mut plan = Builder::new("image", self.roots());
        Initrd(&self.plugins()).boot_image(removed(&self.kernel()), asked, &mut plan).expect("an answer")
    }
}

#[test]
fn a_table_serves_a_tool_once_it_is_granted() {
    let machine = Machine::new();
    machine.table(TABLE);
    assert!(machine.refresh().is_err());
    let shown = Administration(&machine.plugins()).inspect("mkimage").expect("it can be looked at before").to_string();
    for part in ["not been granted", "mkimage -f boot/image-* *", "boot/image-*", "base          table", "initrd"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }

    machine.grant();
    let steps = machine.refresh().unwrap_or_else(|e| panic!("{e}"));
    assert!(matches!(&steps[..], [Action::Run(command)] if command.arguments.len() == 3), "{steps:?}");

    // Another text is another table, also one that asks for more.
    machine.table(&TABLE.replace("boot/image-*\"]\n", "boot\"]\n"));
    assert!(machine.refresh().is_err());
    let problem = machine.plugins().problems()[0].to_string();
    assert!(problem.contains("changed since it was granted"), "{problem}");

    machine.grant();
    assert!(machine.refresh().is_ok());
    Administration(&machine.plugins()).revoke("mkimage").unwrap_or_else(|e| panic!("{e}"));
    assert!(machine.refresh().is_err());
}

#[test]
fn a_table_can_do_no_more_than_it_asked_for() {
    let machine = Machine::new();
    let beyond = [
        // Another program, other arguments, another image.
        (TABLE.replace("command = [\"mkimage\"", "command = [\"sh\""), "sh is not installed"),
        (TABLE.replace("\"-f\", \"{image}\"", "\"-x\", \"{image}\""), "`[[run]]` entries"),
        (TABLE.replace("[\"image-{release}\"]", "[\"../etc/shadow\"]"), "shadow"),
        (TABLE.replace("[\"image-{release}\"]", "[\"vmlinuz-{release}\"]"), "[read] roots"),
    ];
    for (text, refusal) in beyond {
        machine.table(&text);
        machine.grant();
        let error = machine.refresh().expect_err("more than it asked for");
        assert!(error.contains(refusal), "{refusal} in {error}");
    }
}

#[test]
fn the_policy_of_the_machine_is_above_a_table() {
    let machine = Machine::new();
    machine.table(TABLE);
    machine.grant();
    machine.write("config/policy.d/site.toml", "[deny]\nprograms = [\"mkimage\"]\n");
    let error = machine.refresh().expect_err("the policy denies the program");
    assert!(error.contains("may not run it"), "{error}");
    let shown = Administration(&machine.plugins()).inspect("mkimage").expect("it is usable otherwise").to_string();
    assert!(shown.contains("denied") && shown.contains("site.toml"), "{shown}");
}

#[test]
fn settings_say_when_an_image_is_made() {
    let machine = Machine::new();
    machine.table(TABLE);
    machine.grant();
    let regenerated = || Image::Regenerated { plugin: "mkimage".into() };
    assert_eq!(machine.image(true), regenerated());
    assert!(matches!(machine.image(false), Image::Kept { .. }));

    machine.write("root/etc/modsmith/settings/mkimage.toml", "regenerate = \"always\"\n");
    assert_eq!(machine.image(false), regenerated());
    machine.write("root/etc/modsmith/settings/mkimage.toml", "regenerate = \"never\"\n");
    assert!(matches!(machine.image(true), Image::Kept { why, .. } if why.contains("never")));

    // The table's own word counts where the administrator says nothing.
    fs::remove_file(machine.path("root/etc/modsmith/settings/mkimage.toml")).expect("just written");
    machine.table(&format!("{TABLE}regenerate = \"always\"\n"));
    machine.grant();
    assert_eq!(machine.image(false), regenerated());

    // A kernel without an image is nobody's.
    fs::remove_file(machine.path("root/boot/image-6.1.0-test")).expect("it was there");
    assert!(matches!(machine.image(true), Image::Unsupported(_)));
}

#[test]
fn a_table_can_be_looked_at_before_it_is_installed() {
    let machine = Machine::new();
    let file = machine.write("dist/mkimage.toml", TABLE);
    let shown = Administration(&machine.plugins()).inspect(&file.display().to_string()).expect("a table").to_string();
    assert!(shown.contains("mkimage 1.0.0") && shown.contains("boot/image-*"), "{shown}");
    let file = machine.write("dist/orphan.toml", &TABLE.replace("base = \"table\"", "base = \"tabel\""));
    let error = Administration(&machine.plugins()).inspect(&file.display().to_string()).unwrap_err().to_string();
    assert!(error.contains("orphan.toml") && error.contains("`tabel` is not installed"), "{error}");
}

#[test]
fn a_key_that_is_misspelt_is_told_with_the_nearest_one_and_the_table_is_not_used() {
    let machine = Machine::new();
    machine.table(&TABLE.replace("images =", "image ="));
    let problems: Vec<String> = machine.plugins().problems().iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 1, "{problems:?}");
    let told = "`policy.initrd.image` is no key of its base plugin `table`; the nearest one is `initrd.images`";
    assert!(problems[0].contains("mkimage.toml") && problems[0].contains(told), "{problems:?}");
}
