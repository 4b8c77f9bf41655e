//! Two of Debian's kernels: 6.1, which compares versions of symbols and has modules that
//! are not compressed, and a newer one, which does neither.

use std::path::{Path, PathBuf};

use modsmith_facts::compression::decompress;
use modsmith_tests::debian_kernel::DebianKernel;
use modsmith_verify::{Fact, Image, Installed, Places, gather, read_image};

/// A kernel with all facts that its image and its files state.
pub struct Known {
    pub debian: DebianKernel,
    pub image: Image,
}

impl Known {
    pub fn of(release: &str) -> Known {
        let debian = DebianKernel::of(release);
        let places = Places {
            release: debian.release.clone(),
            module_dir: debian.module_dir(),
            images: vec![debian.image()],
            configs: vec![debian.config()],
            headers: None,
        };
        let image = gather(&places, read_image);
        Known { debian, image }
    }

    pub fn neighbours(&self) -> Installed {
        Installed::new(&self.debian.module_dir(), [])
    }

    /// The kernel's facts with other values of its configuration.
    pub fn configured(&self, values: &[(&str, &str)]) -> Image {
        let mut config = self.image.config.get().expect("a configuration").clone();
        config.extend(values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Image { config: Fact::known(config, "a changed configuration"), ..self.image.clone() }
    }

    /// The files of all of the kernel's own modules.
    pub fn modules(&self) -> Vec<PathBuf> {
        let entries = walkdir::WalkDir::new(self.debian.module_dir().join("kernel")).sort_by_file_name();
        let files = entries.into_iter().map(|entry| entry.expect("readable").into_path());
        files.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains(".ko"))).collect()
    }

    /// One of them, unpacked.
    pub fn module(&self, stem: &str) -> Vec<u8> {
        let is_it = |path: &&PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.split(".ko").next() == Some(stem)
        };
        let modules = self.modules();
        unpacked(modules.iter().find(is_it).unwrap_or_else(|| panic!("{} has no {stem}", self.debian.release)))
    }
}

pub fn unpacked(file: &Path) -> Vec<u8> {
    decompress(std::fs::read(file).expect("a readable module")).expect("a whole module")
}
