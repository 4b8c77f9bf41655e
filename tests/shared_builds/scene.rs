//! Two machines with the same source, headers and compiler, and a store between them.

use std::fs;
use std::path::PathBuf;

use modsmith_tests::Output;
use modsmith_tests::World;
use modsmith_tests::fixture::Package;
use modsmith_tests::prelude::*;
use modsmith_tests::registry::signing_keys;
use modsmith_tests::signature::unsigned;
use modsmith_tests::stub_registry::{StubRegistry, Switches};
use serde_json::Value;

/// The source of the package `shared/1.0`, whose symbol has this value.
fn source(value: u8) -> String {
    format!("#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\nMODULE_VERSION(\"1.0\");\nint shared = {value};\n")
}

/// A machine with a package, whose administrator believes nobody yet.
fn machine(package: &Package) -> World {
    let world = World::generic();
    world.add_package(package);
    modsmith(&world, "add shared/1.0").expect(0);
    world
}

/// What makes and uses builds, and a place between.
pub struct Scene {
    pub dir: tempfile::TempDir,
    /// Has the build in its store.
    pub maker: World,
    pub user: World,
}

impl Scene {
    pub fn new() -> Self {
        Self::of(&Package::new("shared", "1.0").file("shared.c", source(1)))
    }

    /// With a package `shared/1.0` of its own.
    pub fn of(package: &Package) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for name in ["team", "other"] {
            signing_keys(dir.path(), name);
        }
        let (maker, user) = (machine(package), machine(package));
        act(&maker, "build");
        Self { dir, maker, user }
    }

    /// The directory that both machines see.
    pub fn place(&self) -> PathBuf {
        self.dir.path().join("place")
    }

    pub fn private(&self, name: &str) -> String {
        self.dir.path().join(format!("{name}.key")).display().to_string()
    }

    pub fn public(&self, name: &str) -> String {
        self.dir.path().join(format!("{name}.pub")).display().to_string()
    }

    /// `modsmith push` by the maker, signed by the team.
    pub fn push(&self, to: &str, more: &str) -> Output {
        let line = format!("push shared/1.0 -k {} --to {to} --key {} {more}", kernel(), self.private("team"));
        modsmith(&self.maker, &line)
    }

    /// The user's machine believes a key by its name.
    pub fn believes(&self, name: &str) {
        let pem = fs::read(self.public(name)).expect("a key");
        self.user.settings(&format!("modsmith/keys/{name}.pub"), pem);
    }

    /// The administrator of the user's machine names a store, and the team's key.
    pub fn names(&self, plugin: &str, address: &str) {
        self.believes("team");
        let text = format!("address = \"{address}\"\nkeys = [\"team\"]\n");
        self.user.settings(&format!("modsmith/settings/{plugin}.toml"), text);
    }

    /// With a registry that both machines name. Nothing is pushed yet.
    pub fn with_stub(switches: Switches) -> (Self, StubRegistry) {
        let (scene, stub) = (Self::new(), StubRegistry::new(switches));
        scene.knows(&stub);
        (scene, stub)
    }

    /// Both machines name this registry.
    pub fn knows(&self, stub: &StubRegistry) {
        let address = format!("{}/modules", stub.host());
        self.names("store-oci", &address);
        self.maker.settings("modsmith/settings/store-oci.toml", format!("address = \"{address}\"\n"));
    }

    /// `modsmith push` to the store of the settings.
    pub fn pushes(&self) -> Output {
        modsmith(&self.maker, &format!("push shared/1.0 -k {} --key {}", kernel(), self.private("team")))
    }

    /// `modsmith pull` from the store of the settings.
    pub fn pulls(&self) -> Output {
        modsmith(&self.user, &format!("pull shared/1.0 -k {}", kernel()))
    }

    /// Pushed to the directory, which the user's machine knows.
    pub fn shared() -> Self {
        let scene = Self::new();
        let place = scene.place().display().to_string();
        scene.push(&place, "").expect(0);
        scene.names("store-directory", &place);
        scene
    }

    /// The user's machine has neither the build nor a store.
    pub fn forgets(&self) {
        modsmith(&self.user, &format!("unbuild shared/1.0 -k {}", kernel())).expect(0);
        self.loses_store();
    }

    /// The user's machine has no store.
    pub fn loses_store(&self) {
        match fs::remove_dir_all(self.user.path("var/cache/modsmith/store")) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            removed => removed.expect("the store can be removed"),
        }
    }

    /// The module that the maker has built, unsigned.
    pub fn made(&self) -> Vec<u8> {
        unsigned(&product(&self.maker))
    }

    /// The module that the user's machine has, unsigned.
    pub fn unsigned(&self) -> Vec<u8> {
        unsigned(&product(&self.user))
    }

    /// Builds on the user's machine, and says whether it came from elsewhere. What is built is right in
    /// either case.
    #[track_caller]
    pub fn fetches(&self) -> bool {
        self.built().1
    }

    /// The same with what the program said.
    #[track_caller]
    pub fn built(&self) -> (Output, bool) {
        let out = modsmith(&self.user, &format!("build shared/1.0 -k {}", kernel())).expect(0);
        assert_eq!(unsigned(&product(&self.user)), self.made(), "{out}");
        (out, origin(&self.user).is_some())
    }
}

/// Machines have the same path of programs: it is one of the inputs.
pub const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs the program on a machine.
pub fn modsmith(world: &World, line: &str) -> Output {
    world.program(modsmith_tests::world::modsmith()).words(line).env("PATH", PATH).run()
}

/// `build` or another action of the package, for the kernel.
pub fn act(world: &World, action: &str) {
    modsmith(world, &format!("{action} shared/1.0 -k {}", kernel())).expect(0);
}

/// Where `status --json` says that the build was fetched from.
pub fn origin(world: &World) -> Option<Value> {
    let json = modsmith(world, "status shared/1.0 --json").expect(0).json();
    modsmith_tests::schema::validate("status-schema.json", &json).unwrap();
    let store = json["packages"][0]["store"].clone();
    assert!(store["identity"].is_string(), "the build is not kept: {json:#}");
    store.get("origin").cloned()
}

pub fn target_dir(world: &World) -> PathBuf {
    world.tree().join("shared/1.0").join(kernel()).join(kernel::arch())
}

/// The module as it is in the tree.
pub fn product(world: &World) -> Vec<u8> {
    fs::read(target_dir(world).join("module/shared.ko")).expect("a built module")
}

/// The entries of this machine's own store.
pub fn kept(world: &World) -> usize {
    fs::read_dir(world.path("var/cache/modsmith/store/entries")).map_or(0, Iterator::count)
}
