//! The place at which the recipes of a source ask which kernel is running.

use std::path::Path;

/// A line with `uname -r`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// Below the package's source.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// The variable that it sets, and what that would be for the kernel that is
    /// built for, in the words of dkms.conf.
    pub variable: Option<(String, String)>,
}

impl Mention {
    /// Whether dkms.conf itself asks.
    pub fn is_in_conf(&self) -> bool {
        self.file == "dkms.conf"
    }
}

/// Files that are larger are no recipes. In bytes.
const LARGEST: u64 = 1 << 20;

/// The first line of a source's recipes that asks: of dkms.conf, then of its
/// makefiles.
pub fn mention(source: &Path) -> Option<Mention> {
    let entries = walkdir::WalkDir::new(source).max_depth(3).sort_by_file_name().into_iter().flatten();
    let recipes =
        entries.filter(|entry| entry.file_type().is_file() && is_makefile(&entry.file_name().to_string_lossy()));
    let recipes = recipes.map(|entry| entry.into_path());
    std::iter::once(source.join("dkms.conf")).chain(recipes).find_map(|file| {
        let is_small = std::fs::symlink_metadata(&file).is_ok_and(|data| data.is_file() && data.len() <= LARGEST);
        let text = is_small.then(|| std::fs::read(&file).ok()).flatten()?;
        let text = String::from_utf8_lossy(&text);
        let asks = |line: &str| line.contains("uname -r") && !line.trim_start().starts_with('#');
        let (number, line) = text.lines().enumerate().find(|(_, line)| asks(line))?;
        let file = file.strip_prefix(source).unwrap_or(&file).display().to_string();
        Some(Mention { file, line: number + 1, variable: variable(line) })
    })
}

fn is_makefile(name: &str) -> bool {
    matches!(name, "Makefile" | "makefile" | "GNUmakefile" | "Kbuild") || name.ends_with(".mk")
}

/// `KDIR ?= /lib/modules/$(shell uname -r)/build` sets KDIR.
fn variable(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim().trim_end_matches(['?', ':', '+', '!']).trim().trim_start_matches("export ").trim();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let value = ["$(shell uname -r)", "${shell uname -r}", "$(uname -r)", "`uname -r`"]
        .into_iter()
        .find_map(|asking| value.contains(asking).then(|| value.replace(asking, "${kernelver}")))?;
    // A value with other variables of the makefile has no meaning outside of the makefile.
    let value = value.trim();
    let is_plain = !value.replace("${kernelver}", "").contains(['$', ' ', '\'', '"', '`']);
    (is_name && is_plain).then(|| (name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_that_has_to_be_handed_on_is_found() {
        let set = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        assert_eq!(variable("KVER := $(shell uname -r)"), set("KVER", "${kernelver}"));
        assert_eq!(
            variable("\tKDIR ?= /lib/modules/$(shell uname -r)/build"),
            set("KDIR", "/lib/modules/${kernelver}/build")
        );
        assert_eq!(variable("export K=`uname -r`"), set("K", "${kernelver}"));
        assert_eq!(variable("KDIR = $(ROOT)/lib/modules/$(shell uname -r)"), None);
        assert_eq!(variable("\tmake -C /lib/modules/$(shell uname -r)/build M=$(PWD) modules"), None);
    }

    #[test]
    fn dkms_conf_is_looked_at_first_and_comments_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::create_dir_all(dir.path().join(name).parent().unwrap()).unwrap();
            std::fs::write(dir.path().join(name), text).unwrap();
        };
        assert_eq!(mention(dir.path()), None);
        write("src/Makefile", "all:\n\tmake -C /lib/modules/`uname -r`/build\n");
        write("notes.txt", "uname -r\n");
        let found = mention(dir.path()).unwrap();
        assert_eq!((found.file.as_str(), found.line, found.variable.clone()), ("src/Makefile", 2, None));
        write("dkms.conf", "# uname -r\nMAKE=\"make KVER=$(uname -r)\"\n");
        assert!(mention(dir.path()).is_some_and(|found| found.is_in_conf() && found.line == 2));
    }
}
