//! Aliases, options and boot-image modules that packages ask for with the
//! `MODULES_CONF` directives of dkms.conf(5).
//!
//! The files are common to all packages and to the administrator: what is not
//! the package's stays as it is, to the byte.

mod edit;
mod files;
mod initrd_modules;
mod kernel_modules;
mod modprobe;
mod text;
mod wishes;

use edit::Direction;
use modsmith_plugin::prelude::*;
use wishes::Wishes;

struct Config;

impl ModprobeConfig for Config {
    fn add(request: &ConfigRequest, plan: &mut Plan) -> Result<()> {
        files::change(&Wishes::of(&request.package())?, &Direction::Add, plan)
    }

    fn remove(request: &ConfigRequest, plan: &mut Plan) -> Result<()> {
        let wishes = Wishes::of(&request.package())?;
        let present = match wishes.has_obsoletes() {
            true => kernel_modules::names()?,
            false => Vec::new(),
        };
        files::change(&wishes, &Direction::Remove { present }, plan)
    }
}

export!(Config: ModprobeConfig);
