//! framework.conf and framework.conf.d: the settings of the program itself.
//!
//! The names, and that an environment variable of the same name is a default,
//! are dkms's, since other programs set them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::source;
use super::{Origin, Reader, ReaderChoice, Reading, Slot, TIME_LIMIT, Variables, processors};
use crate::error::Error;
use bash_assign::{Input, State};
use modsmith_facts::inside;

/// All settings, in the order of the second evaluation. Others are ignored.
pub const SETTINGS: [&str; 19] = [
    "source_tree",
    "dkms_tree",
    "install_tree",
    "tmp_location",
    "verbose",
    "symlink_modules",
    "autoinstall_all_kernels",
    "sign_tool",
    "sign_file",
    "mok_signing_key",
    "mok_certificate",
    "modprobe_on_install",
    "parallel_jobs",
    "compress_gzip_opts",
    "compress_xz_opts",
    "compress_zstd_opts",
    "post_transaction",
    "build_environment",
    "try_sign_modules",
];

/// Settings that only files and options have. In dkms, too, a variable of the environment
/// moves no tree.
const FILES_ONLY: [&str; 4] = ["source_tree", "dkms_tree", "install_tree", "symlink_modules"];

/// Whether modules are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrySign {
    Always,
    Never,
    /// Unless the program runs in a chroot.
    NotInChroot,
}

/// The settings with where each came from.
#[derive(Debug, Clone, Default)]
pub struct Framework {
    /// Settings that have a value, by name.
    pub settings: BTreeMap<String, Slot>,
    /// How each file was read, in order.
    pub readings: Vec<Reading>,
    /// What the shell printed on standard error while reading.
    pub stderr: String,
}

impl Framework {
    /// Reads `framework.conf` and `framework.conf.d/*.conf` below `etc_dkms`,
    /// those that exist, the latter in the order of their names, and then a
    /// `further` file (`--dkmsframework`). The files can use `variables` (`$kernelver` in a path, say) and each other's settings.
    ///
    /// Errors: those of [`super::evaluate`].
    pub fn read(
        etc_dkms: &Path,
        further: Option<&Path>,
        variables: &Variables,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        let mut out = Self::default();
        for (name, value) in DEFAULTS {
            out.put(name, value.to_owned(), Origin::Default, None);
        }
        for (name, value) in environment {
            if SETTINGS.contains(&name.as_str()) && !FILES_ONLY.contains(&name.as_str()) {
                out.put(&name, value, Origin::Environment, None);
            } else if name == "TMPDIR" && !value.is_empty() && out.origin("tmp_location") == Some(&Origin::Default) {
                out.put("tmp_location", value, Origin::Default, None);
            }
        }
        let mut scalars = variables.table();
        scalars.retain(|name, _| !SETTINGS.contains(&name.as_str()));
        for file in files(etc_dkms).into_iter().chain(further.map(Path::to_path_buf)) {
            out.apply(file, &scalars)?;
        }
        Ok(out)
    }

    fn apply(&mut self, file: PathBuf, scalars: &BTreeMap<String, String>) -> Result<(), Error> {
        let before: State =
            self.settings.iter().map(|(name, slot)| (name.clone(), [(0, slot.value.clone())].into())).collect();
        let input = Input { file: &file, names: &SETTINGS, scalars, state: &before };
        let outcome = source::read(&input, ReaderChoice::Auto, TIME_LIMIT)?;
        for (name, mut slots) in outcome.state {
            let value = slots.remove(&0).unwrap_or_default();
            if self.get(&name) != Some(value.as_str()) {
                self.put(&name, value, Origin::File(file.clone()), Some(outcome.reading.reader));
            }
        }
        self.stderr.push_str(&outcome.stderr);
        self.readings.push(outcome.reading);
        Ok(())
    }

    fn put(&mut self, name: &str, value: String, origin: Origin, reader: Option<Reader>) {
        self.settings.insert(name.to_owned(), Slot { value, origin, reader });
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(|slot| slot.value.as_str())
    }

    /// A setting's text; empty counts as unset.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// Where a setting came from; `None` for one without a value.
    pub fn origin(&self, name: &str) -> Option<&Origin> {
        self.settings.get(name).map(|slot| &slot.origin)
    }

    /// Switches are on with any value, even `no`: dkms's rule.
    fn is_on(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    /// Where sources are registered.
    pub fn source_tree(&self) -> &Path {
        Path::new(self.text("source_tree").unwrap_or(SOURCE_TREE))
    }

    /// The module tree.
    pub fn dkms_tree(&self) -> &Path {
        Path::new(self.text("dkms_tree").unwrap_or(DKMS_TREE))
    }

    /// Where kernels keep their modules.
    pub fn install_tree(&self) -> &Path {
        Path::new(self.text("install_tree").unwrap_or(INSTALL_TREE))
    }

    /// For work directories.
    pub fn tmp_location(&self) -> &Path {
        Path::new(self.text("tmp_location").unwrap_or(TMP_LOCATION))
    }

    pub fn verbose(&self) -> bool {
        self.is_on("verbose")
    }

    /// Whether installed modules are links into the tree instead of copies.
    pub fn symlink_modules(&self) -> bool {
        self.is_on("symlink_modules")
    }

    /// Whether a package's installation builds for all kernels with headers.
    pub fn autoinstall_all_kernels(&self) -> bool {
        self.is_on("autoinstall_all_kernels")
    }

    /// Whether modules are loaded after an install for the running kernel.
    pub fn modprobe_on_install(&self) -> bool {
        self.is_on("modprobe_on_install")
    }

    /// A program called with the kernel release and the module file (2.8.x).
    pub fn sign_tool(&self) -> Option<&str> {
        self.text("sign_tool")
    }

    /// The kernel's sign-file program; `None`: a plugin knows where it is.
    pub fn sign_file(&self) -> Option<&str> {
        self.text("sign_file")
    }

    /// A path or a `pkcs11:` URI; `None`: a plugin chooses.
    pub fn mok_signing_key(&self) -> Option<&str> {
        self.text("mok_signing_key")
    }

    /// The certificate's path; `None`: a plugin chooses.
    pub fn mok_certificate(&self) -> Option<&str> {
        self.text("mok_certificate")
    }

    /// Jobs of make: as set, or the number of processors where that is no
    /// positive number.
    pub fn parallel_jobs(&self) -> u32 {
        let set = self.text("parallel_jobs").and_then(|text| text.trim().parse().ok()).filter(|jobs| *jobs > 0);
        set.unwrap_or_else(processors)
    }

    /// Arguments for gzip.
    pub fn compress_gzip_opts(&self) -> Vec<&str> {
        self.words("compress_gzip_opts")
    }

    /// Arguments for xz; by default such that the kernel can decompress it.
    pub fn compress_xz_opts(&self) -> Vec<&str> {
        self.words("compress_xz_opts")
    }

    /// Arguments for zstd.
    pub fn compress_zstd_opts(&self) -> Vec<&str> {
        self.words("compress_zstd_opts")
    }

    /// A shell command after each successful transaction.
    pub fn post_transaction(&self) -> Option<&str> {
        self.text("post_transaction")
    }

    /// A file whose exported variables hold during a build.
    pub fn build_environment(&self) -> Option<&Path> {
        self.text("build_environment").map(Path::new)
    }

    /// Whether to sign; a word that is not known counts as unset.
    pub fn try_sign_modules(&self) -> TrySign {
        match self.text("try_sign_modules") {
            Some("false") => TrySign::Never,
            Some("not_in_chroot") => TrySign::NotInChroot,
            _ => TrySign::Always,
        }
    }

    /// The value of `try_sign_modules`, if it is a word that is not known.
    pub fn unknown_try_sign_modules(&self) -> Option<&str> {
        self.text("try_sign_modules").filter(|word| !["true", "false", "not_in_chroot"].contains(word))
    }

    /// Whether a file that was read names the kernel, so that the settings differ
    /// from one kernel to the next.
    pub fn names_kernel(&self) -> bool {
        let names = |path: &Path| inside::read_configuration_text(path).is_ok_and(|text| text.contains("kernelver"));
        self.readings.iter().any(|reading| names(&reading.file))
    }

    fn words(&self, name: &str) -> Vec<&str> {
        self.get(name).unwrap_or_default().split_whitespace().collect()
    }
}

const SOURCE_TREE: &str = "/usr/src";
pub(crate) const DKMS_TREE: &str = "/var/lib/dkms";
const INSTALL_TREE: &str = "/lib/modules";
const TMP_LOCATION: &str = "/tmp";

/// The number of jobs is not among them: it takes a look at control groups,
/// which only a build needs.
const DEFAULTS: [(&str, &str); 6] = [
    ("source_tree", SOURCE_TREE),
    ("dkms_tree", DKMS_TREE),
    ("install_tree", INSTALL_TREE),
    ("tmp_location", TMP_LOCATION),
    ("compress_xz_opts", "--check=crc32 --lzma2=dict=1MiB"),
    ("compress_zstd_opts", "-q --rm -T0"),
];

/// The files that exist, in the order in which they count.
fn files(etc_dkms: &Path) -> Vec<PathBuf> {
    let directory = etc_dkms.join("framework.conf.d");
    let entries = std::fs::read_dir(inside::real(&directory)).into_iter().flatten().flatten();
    let is_conf = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        name.ends_with(b".conf") && !name.starts_with(b".")
    };
    let mut more: Vec<_> = entries.map(|entry| directory.join(entry.file_name())).filter(is_conf).collect();
    more.sort();
    std::iter::once(etc_dkms.join("framework.conf")).chain(more).filter(|path| inside::exists(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framework(files: &[(&str, &str)], environment: &[(&str, &str)]) -> Framework {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("framework.conf.d")).unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let variables = Variables { kernelver: "6.1".into(), ..Variables::default() };
        let environment = environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Framework::read(dir.path(), None, &variables, environment).unwrap()
    }

    #[test]
    fn without_files_everything_has_its_default() {
        let f = framework(&[], &[]);
        assert_eq!(f.source_tree(), Path::new("/usr/src"));
        assert_eq!(f.dkms_tree(), Path::new("/var/lib/dkms"));
        assert_eq!(f.install_tree(), Path::new("/lib/modules"));
        assert_eq!(f.tmp_location(), Path::new("/tmp"));
        assert!(!f.verbose() && !f.symlink_modules() && !f.modprobe_on_install() && !f.autoinstall_all_kernels());
        assert_eq!(f.parallel_jobs(), processors());
        assert_eq!(f.compress_gzip_opts(), Vec::<&str>::new());
        assert_eq!(f.compress_xz_opts(), ["--check=crc32", "--lzma2=dict=1MiB"]);
        assert_eq!(f.compress_zstd_opts(), ["-q", "--rm", "-T0"]);
        assert_eq!((f.post_transaction(), f.sign_file(), f.sign_tool()), (None, None, None));
        assert_eq!((f.mok_signing_key(), f.mok_certificate(), f.build_environment()), (None, None, None));
        assert_eq!(f.try_sign_modules(), TrySign::Always);
        assert_eq!(f.origin("source_tree"), Some(&Origin::Default));
    }

    #[test]
    fn later_files_win_and_use_the_settings_before_them() {
        let f = framework(
            &[
                ("framework.conf", "dkms_tree=/t\nverbose=1\nunknown=x\n"),
                ("framework.conf.d/b.conf", "source_tree=$dkms_tree/src\n"),
                ("framework.conf.d/a.conf", "dkms_tree=/a\n"),
                ("framework.conf.d/.hidden.conf", "dkms_tree=/no\n"),
                ("framework.conf.d/c.txt", "dkms_tree=/no\n"),
            ],
            &[],
        );
        assert_eq!((f.dkms_tree(), f.source_tree()), (Path::new("/a"), Path::new("/a/src")));
        assert!(f.verbose());
        assert!(!f.settings.contains_key("unknown"));
        assert!(matches!(f.origin("source_tree"), Some(Origin::File(p)) if p.ends_with("framework.conf.d/b.conf")));
        assert_eq!(f.readings.len(), 3);
    }

    #[test]
    fn the_environment_is_a_default() {
        let files = [("framework.conf", "parallel_jobs=3\n")];
        let environment = [("parallel_jobs", "7"), ("modprobe_on_install", "true"), ("TMPDIR", "/scratch"), ("x", "y")];
        let f = framework(&files, &environment);
        assert_eq!(f.parallel_jobs(), 3);
        assert!(f.modprobe_on_install());
        assert_eq!(f.origin("modprobe_on_install"), Some(&Origin::Environment));
        assert_eq!(f.tmp_location(), Path::new("/scratch"));
    }

    #[test]
    fn a_variable_of_the_environment_moves_no_tree() {
        let f = framework(&[], &FILES_ONLY.map(|name| (name, "/boot/t")));
        assert_eq!((f.source_tree(), f.dkms_tree()), (Path::new("/usr/src"), Path::new("/var/lib/dkms")));
        assert_eq!((f.install_tree(), f.symlink_modules()), (Path::new("/lib/modules"), false));
        // A file still does, and it sees nothing of the variable.
        let f = framework(&[("framework.conf", "source_tree=$dkms_tree/src\n")], &[("dkms_tree", "/boot/t")]);
        assert_eq!(f.source_tree(), Path::new("/var/lib/dkms/src"));
    }

    #[test]
    fn paths_may_name_the_kernel_even_in_single_quotes() {
        let f = framework(&[("framework.conf", "sign_file='/usr/src/$kernelver/sign-file'\n")], &[]);
        assert_eq!(f.sign_file(), Some("/usr/src/6.1/sign-file"));
    }

    #[test]
    fn a_number_of_jobs_that_is_none_is_the_number_of_processors() {
        for bad in ["0", "many", "-2", ""] {
            let f = framework(&[("framework.conf", &format!("parallel_jobs={bad}\n"))], &[]);
            assert_eq!(f.parallel_jobs(), processors(), "{bad}");
        }
    }

    #[test]
    fn a_word_that_does_not_say_whether_to_sign_is_known_to_be_one() {
        for (word, unknown) in [("perhaps", Some("perhaps")), ("True", Some("True")), ("true", None), ("", None)] {
            let f = framework(&[("framework.conf", &format!("try_sign_modules={word}\n"))], &[]);
            assert_eq!((f.try_sign_modules(), f.unknown_try_sign_modules()), (TrySign::Always, unknown));
        }
    }

    #[test]
    fn a_file_that_needs_bash_is_read_by_it() {
        let f = framework(&[("framework.conf", "if true; then try_sign_modules=false; fi\n")], &[]);
        assert_eq!(f.try_sign_modules(), TrySign::Never);
        assert_eq!(f.readings[0].reason.as_deref(), Some("line 1: control flow (`if`)"));
    }
}
