//! Settings files of this machine's administrator, in `/etc/modsmith`.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::{Error, Kind};

/// What a settings file says. Without it, everything is as by default.
pub(crate) trait SettingsFile: DeserializeOwned + Default {
    const FILE: &str;

    /// What to do with a file that cannot be used, as a sentence.
    const HINT: &str;

    /// A value that has no meaning, as a clause.
    fn fault(&self) -> Option<String> {
        None
    }

    /// Reads the settings of this machine.
    ///
    /// # Errors
    /// A file that cannot be read as one, that users other than root can change, or that has a fault.
    fn read() -> Result<Self, Error> {
        Self::of(Path::new(Self::FILE))
    }

    /// Reads the settings of a file, with the errors of [`SettingsFile::read`].
    fn of(file: &Path) -> Result<Self, Error> {
        let settings = text(file).and_then(|text| match text {
            None => Ok(Self::default()),
            Some(text) => {
                let settings: Self = toml::from_str(&text).map_err(|e| e.message().trim_end().to_owned())?;
                settings.fault().map_or(Ok(settings), Err)
            }
        });
        let unusable =
            |why| Error::new(Kind::System, format!("{} cannot be used: {why}.", file.display())).hint(Self::HINT);
        settings.map_err(unusable)
    }
}

/// The file's text; `None` without the file. Errors: why it is not believed, as a clause.
pub(super) fn text(file: &Path) -> Result<Option<String>, String> {
    let mut opened = match File::open(file) {
        Ok(opened) => opened,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e.to_string()),
    };
    let metadata = opened.metadata().map_err(|e| e.to_string())?;
    if metadata.uid() != 0 || metadata.mode() & 0o022 != 0 {
        return Err("users other than root can change it".to_owned());
    }
    let mut text = String::new();
    opened.read_to_string(&mut text).map_err(|e| e.to_string())?;
    Ok(Some(text))
}
