//! The paths of the tree.

use std::fmt;
use std::path::PathBuf;

use crate::error::{Error, Kind, Result};
use modsmith_facts::{Location, Root};
use modsmith_plan::PRIVATE_DIR;

/// Directory of builds that go on at the same time, in the private directory.
pub const BUILDS: &str = "builds";

/// A module package and its version, as the tree's directories name them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageId {
    pub module: String,
    pub version: String,
}

impl fmt::Display for PackageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.module, self.version)
    }
}

/// A kernel and architecture that modules are built for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    pub kernel: String,
    pub arch: String,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.kernel, self.arch)
    }
}

/// A package together with the directory that its source is in.
#[derive(Debug, Clone)]
pub struct Package {
    pub id: PackageId,
    pub source: PathBuf,
}

/// What a name of a package or version may have beside ASCII letters and digits.
const PUNCTUATION: &str = "._+~:@-";

/// Refuses what cannot be a pattern for names of kernels or architectures, which only
/// narrows a listing. `what` is one of the two.
pub fn check_kernel_pattern(what: &str, pattern: &str) -> Result<()> {
    let bad = pattern.is_empty() || pattern.starts_with(['.', '-']) || pattern.contains('/');
    if bad || pattern.trim() != pattern || modsmith_facts::text::field(pattern) != pattern {
        let message = format!("`{pattern}` cannot be a pattern for the name of {} {what}.", article(what));
        return Err(Error::new(Kind::Usage, message)
            .hint("A pattern must not be empty, begin with `.` or `-`, or contain a slash or a control character."));
    }
    Ok(())
}

/// Refuses what cannot be the name of a kernel or an architecture, which others have
/// named: it becomes a directory of the tree and a word of command lines, as a package's does.
pub fn check_kernel_name(what: &str, name: &str) -> Result<()> {
    check_name(what, name)
}

fn article(what: &str) -> &'static str {
    if what.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// Why a name is none, as a clause. A name becomes a directory of the tree, a word of
/// command lines, and a part of lines that scripts read.
pub fn name_fault(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("it is empty".to_owned());
    }
    // The tree takes hidden directories for none of its packages.
    if let Some(first) = name.chars().next().filter(|c| matches!(c, '.' | '-')) {
        return Some(format!("it begins with `{first}`"));
    }
    let bad = name.chars().find(|c| !c.is_ascii_alphanumeric() && !PUNCTUATION.contains(*c))?;
    Some(format!("it has the character `{bad}`, where letters, digits and `{PUNCTUATION}` are allowed"))
}

/// Refuses what cannot be a name; `what` is what it is to name.
pub fn check_name(what: &str, name: &str) -> Result<()> {
    match name_fault(name) {
        None => Ok(()),
        Some(why) => {
            Err(Error::new(Kind::Usage, format!("`{name}` cannot be the name of {} {what}: {why}.", article(what)))
                .hint(format!("Names have letters, digits and `{PUNCTUATION}`, and begin with neither `.` nor `-`.")))
        }
    }
}

/// Files of the tree, where the directories of modules are: no module is called so.
const FILES: [&str; 4] = ["mok.key", "mok.pub", "dkms_dbversion", "post_transaction.log"];

fn below_tree(path: String) -> Location {
    Location::new(Root::Tree, path).expect("checked names make a relative path")
}

impl PackageId {
    /// Both names checked.
    pub fn new(module: impl Into<String>, version: impl Into<String>) -> Result<Self> {
        let id = Self { module: module.into(), version: version.into() };
        check_name("module", &id.module)?;
        check_name("version", &id.version)?;
        if FILES.contains(&id.module.as_str()) {
            let message = format!("`{}` cannot be the name of a module: the tree has a file of this name.", id.module);
            return Err(Error::new(Kind::Usage, message)
                .hint("Give the package another name: PACKAGE_NAME in its dkms.conf, and the name of its directory."));
        }
        Ok(id)
    }

    /// Why packages of this name are not worked on, as a clause: a tree can have
    /// directories with any names.
    pub fn fault(&self) -> Option<String> {
        name_fault(&self.module).or_else(|| name_fault(&self.version))
    }

    /// `T/m`
    pub fn module_dir(&self) -> Location {
        below_tree(self.module.clone())
    }

    /// `T/m/v`
    pub fn version_dir(&self) -> Location {
        below_tree(format!("{}/{}", self.module, self.version))
    }

    /// `T/m/v/source`
    pub fn source_link(&self) -> Location {
        below_tree(format!("{}/{}/source", self.module, self.version))
    }

    /// `T/m/v/build`
    pub fn build_dir(&self) -> Location {
        below_tree(format!("{}/{}/build", self.module, self.version))
    }

    /// `T/.modsmith/builds/m/v/k/a`: takes the place of `T/m/v/build` for one of
    /// several builds that go on at the same time.
    pub fn isolated_build_dir(&self, target: &Target) -> Location {
        let Target { kernel, arch } = target;
        below_tree(format!("{PRIVATE_DIR}/{BUILDS}/{}/{}/{kernel}/{arch}", self.module, self.version))
    }

    /// `S/m-v`, by name.
    pub fn source_dir(&self) -> Location {
        Location::new(Root::SourceTree, format!("{}-{}", self.module, self.version)).expect("checked names")
    }

    /// `T/m/v/k`
    pub fn kernel_dir(&self, target: &Target) -> Location {
        below_tree(format!("{}/{}/{}", self.module, self.version, target.kernel))
    }

    /// `T/m/v/k/a`
    pub fn target_dir(&self, target: &Target) -> Location {
        below_tree(format!("{}/{}/{}/{}", self.module, self.version, target.kernel, target.arch))
    }

    /// `T/m/v/k/a/module`: its existence is the state "built".
    pub fn products_dir(&self, target: &Target) -> Location {
        below_tree(format!("{}/{}/{}/{}/module", self.module, self.version, target.kernel, target.arch))
    }

    /// `T/m/v/k/a/log/make.log`: of the build that made what is there.
    pub fn kept_log(&self, target: &Target) -> Location {
        below_tree(format!("{}/{}/{}/{}/log/make.log", self.module, self.version, target.kernel, target.arch))
    }

    /// `T/m/kernel-k-a`: where it leads is the state "installed".
    pub fn active_link(&self, target: &Target) -> Location {
        below_tree(format!("{}/kernel-{}-{}", self.module, target.kernel, target.arch))
    }

    /// `T/m/original_module`
    pub fn originals_root(&self) -> Location {
        below_tree(format!("{}/original_module", self.module))
    }

    /// `T/m/original_module/k/a`
    pub fn originals_dir(&self, target: &Target) -> Location {
        below_tree(format!("{}/original_module/{}/{}", self.module, target.kernel, target.arch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_module_has_the_name_of_a_file_of_the_tree() {
        for name in FILES {
            let error = PackageId::new(name, "1").unwrap_err();
            assert!(error.message.contains("the tree has a file of this name"), "{error}");
            assert!(PackageId::new(format!("{name}x"), "1").is_ok() && PackageId::new("m", name).is_ok());
        }
    }

    #[test]
    fn names_have_letters_digits_and_seven_marks() {
        for good in ["bbswitch", "0.8", "1:2.0~rc1+git-3@x", "_a", "6.1.0-9-amd64", "a..b"] {
            assert_eq!(name_fault(good), None, "{good}");
        }
        for bad in ["6.1*", "6.1\u{202e}", "a b", "6.1'x", "x;id", "6.1.0#"] {
            assert!(check_kernel_name("kernel", bad).is_err(), "{bad}");
        }
        let error = check_kernel_name("architecture", "x;id").unwrap_err();
        assert!(error.message.contains("an architecture: it has the character `;`"), "{error}");
        assert!(check_kernel_pattern("kernel", "6.1*").is_ok() && check_kernel_pattern("kernel", "[56].*").is_ok());
        assert!(check_kernel_pattern("kernel", "6.1\u{202e}").is_err() && check_kernel_pattern("kernel", "").is_err());
        for (bad, why) in [
            ("", "empty"),
            (".", "begins with `.`"),
            ("..", "begins with `.`"),
            (".hidden", "begins with `.`"),
            ("-k", "begins with `-`"),
            ("a b", "character ` `"),
            ("a/b", "character `/`"),
            ("$(touch x)", "character `$`"),
            ("a\nb", "character `\n`"),
            ("é", "character `é`"),
            ("a\u{202e}b", "character `\u{202e}`"),
        ] {
            let error = PackageId::new("m", bad).unwrap_err();
            assert_eq!(error.kind, Kind::Usage);
            assert!(error.message.contains(why) && error.message.contains("a version"), "{}", error.message);
        }
    }
}
