//! `modsmith plugin hook-files`: what a distribution's package of this program
//! ships beside it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use super::output;
use modsmith_core::error::{Error, Kind, Result};
use modsmith_facts::text::field;
use modsmith_plugins::HookFile;

/// The values of the placeholders in hook files.
pub struct Directories<'a> {
    /// `@SBINDIR@`
    pub sbindir: &'a str,
    /// `@LIBDIR@`
    pub libdir: &'a str,
}

impl Directories<'_> {
    /// Hook files are text, but need not be UTF-8.
    fn fill(&self, contents: &[u8]) -> Vec<u8> {
        let filled = replace(contents, b"@SBINDIR@", self.sbindir.as_bytes());
        replace(&filled, b"@LIBDIR@", self.libdir.as_bytes())
    }
}

fn replace(text: &[u8], placeholder: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest, placeholder) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(value);
        rest = &rest[at + placeholder.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// Writes a plugin's file below a directory, if there is one, and tells of it.
pub fn put(plugin: &str, file: &HookFile, directories: &Directories<'_>, into: Option<&Path>) -> Result<()> {
    let named = directories.fill(file.path.as_os_str().as_encoded_bytes());
    let path = PathBuf::from(String::from_utf8_lossy(&named).into_owned());
    if let Some(base) = into {
        let inside = path
            .strip_prefix("/")
            .ok()
            .filter(|inside| inside.components().all(|component| matches!(component, Component::Normal(_))));
        let inside = inside.ok_or_else(|| {
            Error::new(
                Kind::Plugin,
                format!("The plugin `{plugin}` gives a hook file a path that is not absolute: {}.", path.display()),
            )
            .hint("Report it to the plugin's author.")
        })?;
        let to = base.join(inside);
        write(&to, &directories.fill(&file.contents), file.mode).map_err(|e| Error::io("write", &to, e))?;
    }
    output::lines(&field(&format!("{plugin:<22} {:o}  {}", file.mode, path.display())));
    Ok(())
}

fn write(to: &Path, contents: &[u8], mode: u32) -> std::io::Result<()> {
    fs::create_dir_all(to.parent().unwrap_or(Path::new("/")))?;
    fs::write(to, contents)?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_wherever_they_are() {
        let directories = Directories { sbindir: "/sbin", libdir: "/lib" };
        assert_eq!(directories.fill(b"@SBINDIR@/x @LIBDIR@@SBINDIR@ \xff"), b"/sbin/x /lib/sbin \xff");
    }
}
