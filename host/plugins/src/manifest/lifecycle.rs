//! Keys of a manifest about versions and other plugins: the host that the plugin needs, the plugins
//! whose place it takes, and why it should not be used any longer.

use serde::Deserialize;

use crate::manifest::bad_manifest::{BadManifest, HOST, check_identity};

/// The key that is read before all others.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Needs {
    requires_host: Option<String>,
}

/// Whether this host is new enough. A manifest for a later host may have keys that this one
/// does not know; so this comes before them.
pub(crate) fn check_host(file: &'static str, text: &str) -> Result<(), BadManifest> {
    let Ok(Needs { requires_host: Some(needed) }) = toml::from_str(text) else { return Ok(()) };
    let version = |text: &str| semver::Version::parse(text);
    let needs = version(&needed).map_err(|e| BadManifest::Value {
        file,
        message: format!("`requires-host = \"{needed}\"` is not a semantic version: {e}"),
    })?;
    match version(HOST).is_ok_and(|host| host < needs) {
        true => Err(BadManifest::Host { file, needed }),
        false => Ok(()),
    }
}

/// Ids of other plugins, and a text of one line.
pub(crate) fn check_others(id: &str, replaces: &[String], deprecated: &str) -> Result<(), String> {
    if let Some(bad) = replaces.iter().find(|other| *other == id || check_identity(other, "1.0.0").is_err()) {
        return Err(format!("`replaces` names `{bad}`, which is not the id of another plugin"));
    }
    match deprecated.contains(['\n', '\r']) {
        true => Err("`deprecated` must be one line".into()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::manifest::Manifest;
    use crate::table::TableFile;

    fn parse(line: &str) -> Result<Manifest, String> {
        let text =
            format!("id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n{line}\n[roles]\nprovides = [\"initrd\"]\n");
        Manifest::parse(&text).map_err(|e| e.to_string())
    }

    #[test]
    fn a_plugin_for_a_later_host_is_refused_before_its_new_keys() {
        let why = parse("requires-host = \"999.0.0\"\nfuture = true").unwrap_err();
        assert!(
            why.contains("999.0.0") && why.contains(crate::manifest::bad_manifest::HOST) && !why.contains("future"),
            "{why}"
        );
        let table = "id = \"t\"\nversion = \"1.0.0\"\nbase = \"table\"\nrequires-host = \"999.0.0\"\nfuture = true\n";
        assert!(TableFile::parse(table).unwrap_err().to_string().contains("999.0.0"));
        parse(&format!("requires-host = \"{}\"", crate::manifest::bad_manifest::HOST)).unwrap();
        assert!(parse("requires-host = \"new\"").unwrap_err().contains("semantic version"));
    }

    #[test]
    fn what_is_replaced_is_another_plugin() {
        let manifest = parse("replaces = [\"old\"]\ndeprecated = \"Use y.\"").unwrap();
        assert_eq!((manifest.replaces, manifest.deprecated), (vec!["old".to_owned()], "Use y.".to_owned()));
        assert!(parse("replaces = [\"x\"]").unwrap_err().contains("`x`"));
        assert!(parse("replaces = [\"Old Plugin\"]").unwrap_err().contains("`Old Plugin`"));
        assert!(parse("deprecated = \"two\\nlines\"").unwrap_err().contains("one line"));
    }
}
