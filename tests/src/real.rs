//! Real packages, built for the machine's kernel.

use std::fs;
use std::process::Command;

use crate::prelude::kernel;
use crate::{World, debian, tool};

/// The kernel that SUSE's installer could have: what is built for ours stands
/// for what would be built for it.
pub const DEFAULT: &str = "5.14.21-150500.55-default";

/// A `*-dkms` package of Debian's that builds for every usual kernel.
pub struct Real {
    pub package: &'static str,
    /// `NAME/VERSION`.
    pub id: &'static str,
    /// Its modules' names, sorted.
    pub modules: &'static [&'static str],
}

pub const BBSWITCH: Real = Real { package: "bbswitch-dkms", id: "bbswitch/0.8", modules: &["bbswitch"] };
pub const DDCCI: Real = Real { package: "ddcci-dkms", id: "ddcci/0.4.2", modules: &["ddcci", "ddcci-backlight"] };
pub const DIGIMEND: Real = Real {
    package: "digimend-dkms",
    id: "digimend/11",
    modules: &["hid-kye", "hid-polostar", "hid-uclogic", "hid-viewsonic"],
};

impl Real {
    /// A world in which it is registered.
    pub fn world(&self) -> World {
        let world = World::generic();
        world.copy_source(&debian::source(self.package));
        world
    }

    /// A world in which it is built for the machine's kernel, and as if for
    /// [`DEFAULT`].
    pub fn built(&self) -> World {
        let world = self.world();
        world.dkms(&format!("build {} -k {}", self.id, kernel())).expect(0);
        let version = world.tree().join(self.id);
        tool::run(Command::new("cp").arg("-a").arg(version.join(kernel())).arg(version.join(DEFAULT)));
        world
    }

    /// `NAME-VERSION`.
    pub fn title(&self) -> String {
        self.id.replace('/', "-")
    }

    /// The modules as they were built, in the tree.
    pub fn modules<'r>(&'r self, world: &World, release: &str) -> Vec<(&'r str, Vec<u8>)> {
        let directory = world.tree().join(self.id).join(release).join(kernel::arch()).join("module");
        let read = |name: &'r &str| (*name, fs::read(directory.join(format!("{name}.ko"))).expect("a built module"));
        self.modules.iter().map(read).collect()
    }
}
