//! Systems from before os-release(5), which have a file with their name and
//! release in a sentence. The rules are those of dkms 2.x, which served them.

mod system;

use modsmith_plugin::prelude::*;
use system::System;

struct ReleaseFile;

impl Distro for ReleaseFile {
    fn score() -> Result<u8> {
        Ok(if System::of_files().is_some() { 100 } else { 0 })
    }
}

impl InstallPolicy for ReleaseFile {
    fn destination(request: &InstallRequest) -> Result<String> {
        let directory = System::of_files().and_then(|system| system.directory());
        Ok(directory.map_or_else(|| request.directory(), str::to_owned))
    }

    fn prune(_: &RemovalRequest) -> Result<Prune> {
        Ok(Prune::UnlessOwned(vec!["rpm".into(), "-qf".into()]))
    }
}

impl KernelLayout for ReleaseFile {
    fn header_directories(request: &HeadersRequest) -> Result<Vec<String>> {
        Ok(system()?.header_directories(&request.kernel().release()))
    }

    fn header_package(request: &HeadersRequest) -> Result<String> {
        Ok(system()?.header_package(&request.kernel().release()))
    }
}

fn system() -> Result<System> {
    System::of_files().ok_or_else(|| unsupported("no release file names a system that is known"))
}

export!(ReleaseFile: Distro, InstallPolicy, KernelLayout);
