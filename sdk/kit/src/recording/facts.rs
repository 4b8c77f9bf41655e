//! facts.toml of a recorded case.

use std::path::Path;

use modsmith_plugins::manifest::Manifest;
use toml::{Table, Value};

use super::redaction::{Redaction, is_secret, read};
use super::scene::Scene;
use crate::error::{Error, Result};
use crate::testing::call::Call;
use crate::testing::facts::Facts;
use crate::testing::target::Target;

/// The name of the settings in the list of replacements.
const SETTINGS: &str = "the settings";

/// The administrator's settings of the plugin, without secrets.
///
/// # Errors
/// `Usage` for a file that is not in order.
pub fn settings(root: &Path, id: &str, manifest: &Manifest, redaction: &mut Redaction) -> Result<Table> {
    let file = Path::new("etc/modsmith/settings").join(format!("{id}.toml"));
    let Some(text) = read(root, &file)? else { return Ok(Table::new()) };
    let table: Table = toml::from_str(&text).map_err(|e| Error::not_in_order(&root.join(&file), e.message()))?;
    for (key, value) in &table {
        // Values of the environment are PINs and passwords.
        let declared = manifest.settings.get(key).is_some_and(|setting| setting.environment.is_some());
        if let (true, Some(secret)) = (declared || is_secret(key), value.as_str()) {
            redaction.learn_secret(secret);
        }
    }
    Ok(table)
}

/// The text of facts.toml.
pub fn table(asked: &Facts, target: &Target, scene: &Scene, settings: Table, redaction: &mut Redaction) -> String {
    let (system, kernel) = (&target.system, &target.kernel);
    let mut table = Table::new();
    table.insert("call".into(), asked.call.name().into());
    let argument = match asked.call {
        Call::Destination => asked.requested.clone().map(|value| ("requested", value)),
        Call::KernelArch => asked.machine.clone().map(|value| ("machine", value)),
        Call::KernelPrepare => asked.config.clone().map(|value| ("config", value)),
        Call::Refresh => Some(("occasion", "installed".to_owned())),
        Call::OnEvent => Some(("event", "kernel-postinst".to_owned())),
        _ => None,
    };
    table.extend(argument.map(|(key, value)| (key.to_owned(), value.into())));
    let list = |lines: Vec<String>| Value::Array(lines.into_iter().map(Value::String).collect());
    let (programs, files) = (scene.programs(redaction), scene.files(redaction));
    for (key, lines) in [("programs", programs), ("files", files)] {
        if !lines.is_empty() {
            table.insert(key.into(), list(lines));
        }
    }

    let mut about = Table::new();
    about.insert("release".into(), kernel.release().into());
    about.insert("machine".into(), kernel.machine().into());
    if let Some(headers) = kernel.headers() {
        let headers = system.inside(headers).display().to_string();
        about.insert("headers".into(), redaction.text(&headers, "the kernel").into());
    }
    if kernel.running() {
        about.insert("running".into(), true.into());
    }
    let config = texts(scene.config.iter(), "the kernel's configuration", redaction);
    put(&mut about, "config", config);
    table.insert("kernel".into(), about.into());

    let ids = ["ID", "ID_LIKE"].map(str::to_owned);
    let keys = ids.iter().chain(&scene.os);
    if !scene.has_os_release() {
        let fields: Vec<_> = keys.filter_map(|key| Some((key, system.os.get(key)?.to_owned()))).collect();
        put(&mut table, "os", texts(fields.iter().map(|(key, value)| (*key, value)), "os-release", redaction));
    }
    put(&mut table, "probes", texts(scene.probes.iter(), "the probes", redaction));
    put(&mut table, "settings", redacted(settings, redaction));
    format!("# Recorded by `modsmith plugin record`.\n{table}")
}

fn put(table: &mut Table, key: &str, inner: Table) {
    if !inner.is_empty() {
        table.insert(key.into(), inner.into());
    }
}

fn texts<'a>(fields: impl Iterator<Item = (&'a String, &'a String)>, place: &str, redaction: &mut Redaction) -> Table {
    fields.map(|(key, value)| (key.clone(), redaction.text(value, place).into())).collect()
}

/// The settings with every text as the record may have it.
fn redacted(table: Table, redaction: &mut Redaction) -> Table {
    table.into_iter().map(|(key, value)| (key, redacted_value(value, redaction))).collect()
}

fn redacted_value(value: Value, redaction: &mut Redaction) -> Value {
    match value {
        Value::String(text) => Value::String(redaction.text(&text, SETTINGS)),
        Value::Array(items) => Value::Array(items.into_iter().map(|item| redacted_value(item, redaction)).collect()),
        Value::Table(table) => Value::Table(redacted(table, redaction)),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_those_of_the_system_and_no_link_leads_out_of_it() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let manifest = "id = \"p\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"initrd\"]\n";
        let manifest = Manifest::parse(manifest).unwrap();
        let directory = root.path().join("etc/modsmith/settings");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(outside.path().join("host.toml"), "secret = \"of the host\"\n").unwrap();
        std::os::unix::fs::symlink(outside.path().join("host.toml"), directory.join("p.toml")).unwrap();
        let read = || settings(root.path(), "p", &manifest, &mut Redaction::default());
        assert_eq!(read().unwrap(), Table::new());
        std::fs::write(root.path().join("own.toml"), "a = 1\n").unwrap();
        std::fs::remove_file(directory.join("p.toml")).unwrap();
        std::os::unix::fs::symlink("/own.toml", directory.join("p.toml")).unwrap();
        assert_eq!(read().unwrap().len(), 1);
        std::fs::write(root.path().join("own.toml"), "a =\n").unwrap();
        assert!(read().unwrap_err().to_string().contains("p.toml"));
    }
}
