use object::{Object, ObjectSection};

/// The facts of a kernel module about itself: all fields, in their order.
///
/// Source: the kernel's `include/linux/moduleparam.h` (`__MODULE_INFO`): the ELF
/// section `.modinfo` holds `name=value` texts, each with a zero byte at its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModInfo(Vec<(String, String)>);

impl ModInfo {
    /// Reads a module that is not compressed.
    ///
    /// # Errors
    /// The reason why the file cannot be read, as a clause.
    pub fn of(elf: &[u8]) -> Result<Self, String> {
        let file = object::File::parse(elf).map_err(|e| e.to_string())?;
        let section = file.section_by_name(".modinfo").ok_or("it has no section .modinfo")?;
        Ok(Self::parse(section.data().map_err(|e| e.to_string())?))
    }

    /// The fields of a section `.modinfo`.
    pub fn parse(section: &[u8]) -> Self {
        let texts = section.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        let fields = texts.filter_map(|text| text.split_once('=').map(|(name, value)| (name.into(), value.into())));
        Self(fields.collect())
    }

    /// Values of a field, in their order.
    pub fn all<'i>(&'i self, name: &'i str) -> impl Iterator<Item = &'i str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a field.
    pub fn first<'i>(&'i self, name: &'i str) -> Option<&'i str> {
        self.all(name).next()
    }

    /// Modules that have to be loaded before it.
    pub fn depends(&self) -> impl Iterator<Item = &str> {
        self.first("depends").unwrap_or_default().split(',').filter(|module| !module.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_and_may_be_there_several_times() {
        let info = ModInfo::parse(b"alias=pci:a\0alias=pci:b=c\0depends=usbcore,i2c_core\0\0license=GPL\0broken\0");
        assert_eq!(info.all("alias").collect::<Vec<_>>(), ["pci:a", "pci:b=c"]);
        assert_eq!(info.depends().collect::<Vec<_>>(), ["usbcore", "i2c_core"]);
        assert_eq!((info.first("license"), info.first("version")), (Some("GPL"), None));
        assert_eq!(ModInfo::parse(b"depends=\0").depends().count(), 0);
    }

    #[test]
    fn what_is_no_module_is_refused() {
        for bytes in [b"".as_slice(), b"text", b"\x7fELF\x02\x01\x01"] {
            assert!(ModInfo::of(bytes).is_err());
        }
    }
}
