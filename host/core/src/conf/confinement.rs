//! Which confinement bash needs before it may read a file of another user.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Kind};
use modsmith_sandbox::{Level, Wall};

/// Where the administrator of this machine, whose bash it is, says so.
pub const FILE: &str = "/etc/modsmith/confinement.toml";

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    reader: Demand,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Demand {
    /// All walls, or bash is not started.
    #[default]
    Require,
    /// As many as this system has.
    Best,
}

/// What the setting demands.
///
/// # Errors
/// A file that cannot be read as one, or that others could have written.
pub(super) fn required_walls() -> Result<&'static [Wall], Error> {
    demanded_by(Path::new(FILE))
}

fn demanded_by(file: &Path) -> Result<&'static [Wall], Error> {
    let unusable = |why: String| {
        Error::new(Kind::System, format!("{} cannot be used: {why}.", file.display())).hint(
            "It must belong to root and contain `reader = \"require\"` or `reader = \"best\"`; without the file, full confinement is required.",
        )
    };
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(&Wall::ALL),
        Err(e) => return Err(unusable(e.to_string())),
    };
    let metadata = file.metadata().map_err(|e| unusable(e.to_string()))?;
    if metadata.uid() != 0 || metadata.mode() & 0o022 != 0 {
        return Err(unusable("users other than root can change it".into()));
    }
    let settings: Settings = toml::from_str(&text).map_err(|e| unusable(e.message().trim_end().to_owned()))?;
    Ok(match settings.reader {
        Demand::Require => &Wall::ALL,
        Demand::Best => &[],
    })
}

/// Why bash was not started.
pub(super) fn refusal(file: &Path, level: Level, required: &[Wall]) -> Error {
    let missing = level.missing().filter(|(wall, _)| required.contains(wall)).map(|(wall, why)| match why {
        Some(why) => format!("{wall}: {why}"),
        None => format!("{wall}: this system does not support it"),
    });
    Error::new(
        Kind::System,
        format!("bash is needed to read {}, and it cannot be confined on this system.", file.display()),
    )
    .details(missing)
    .hint(
        "Use only plain assignments in the file, or run modsmith where Landlock, seccomp and namespaces are available.",
    )
    .hint(format!("To accept the confinement that this system supports, write `reader = \"best\"` into {FILE}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn demanded(text: &str, mode: u32) -> Result<usize, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("confinement.toml");
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        demanded_by(&file).map(<[Wall]>::len).map_err(|e| e.message)
    }

    #[test]
    fn all_walls_are_required_unless_root_says_otherwise() {
        assert_eq!(demanded_by(Path::new("/nonexistent/confinement.toml")).unwrap(), Wall::ALL);
        assert_eq!(demanded("", 0o644), Ok(Wall::ALL.len()));
        assert_eq!(demanded("reader = \"require\"\n", 0o644), Ok(Wall::ALL.len()));
        assert_eq!(demanded("reader = \"best\"\n", 0o644), Ok(0));
        assert!(demanded("reader = \"best\"\n", 0o666).unwrap_err().ends_with("users other than root can change it."));
        assert!(demanded("reader = \"bset\"\n", 0o644).unwrap_err().contains("unknown variant"));
        assert!(demanded("raeder = \"best\"\n", 0o644).unwrap_err().contains("unknown field"));
    }
}
