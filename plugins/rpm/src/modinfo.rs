//! What a kernel module says of itself: the section `.modinfo` of its file.

use modsmith_plugin::prelude::*;
use object::{Object, ObjectSection};

/// What is read of one module file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModInfo {
    /// The devices that it is for.
    pub aliases: Vec<String>,
    pub version: Option<String>,
    pub license: Option<String>,
}

/// Reads a module file, which is not compressed.
///
/// # Errors
/// `invalid` for what is no ELF file.
pub fn read(name: &str, file: &[u8]) -> Result<ModInfo> {
    let damaged = |e| invalid(format!("{name} is no kernel module: {e}"));
    let elf = object::File::parse(file).map_err(damaged)?;
    let section = elf.section_by_name(".modinfo").map(|section| section.data()).transpose().map_err(damaged)?;
    let mut info = ModInfo::default();
    for line in section.unwrap_or_default().split(|byte| *byte == 0) {
        let line = String::from_utf8_lossy(line);
        match line.split_once('=') {
            Some(("alias", alias)) => info.aliases.push(alias.to_owned()),
            Some(("version", version)) => info.version = Some(version.to_owned()),
            Some(("license", license)) => info.license = Some(license.to_owned()),
            _ => {}
        }
    }
    Ok(info)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_module_is_named() {
        let error = read("demo.ko", b"no ELF file").unwrap_err();
        assert!(error.to_string().contains("demo.ko is no kernel module"), "{error}");
    }
}
