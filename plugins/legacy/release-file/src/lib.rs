//! Systems from before os-release(5), which have a file with their name and
//! release in a sentence. The rules are those of dkms 2.x, which served them.

mod system;

use modsmith_plugin::prelude::*;
use system::System;

struct ReleaseFile;

impl Distro for ReleaseFile {
    fn score() -> u8 {
        if System::of_files().is_some() { 100 } else { 0 }
    }
}

impl InstallPolicy for ReleaseFile {
    fn destination(_: &Kernel, requested: String) -> Result<String> {
        let directory = System::of_files().and_then(|system| system.directory());
        Ok(directory.map_or(requested, str::to_owned))
    }

    fn prune_emptied() -> Prune {
        Prune::UnlessOwned(vec!["rpm".into(), "-qf".into()])
    }
}

impl KernelLayout for ReleaseFile {
    fn header_dirs(kernel: &Kernel) -> Vec<String> {
        System::of_files().map(|system| system.header_dirs(&kernel.release())).unwrap_or_default()
    }

    fn header_package(kernel: &Kernel) -> Option<String> {
        System::of_files().map(|system| system.header_package(&kernel.release()))
    }
}

export!(ReleaseFile: Distro, InstallPolicy, KernelLayout);
