//! Portage's make.conf: shell assignments, in one file or in a directory of them
//! (portage(5)).

use modsmith_plugin::prelude::*;
use modsmith_plugin::system::EntryKind;

/// The last value that a variable is given.
pub fn value(variable: &str) -> Result<Option<String>> {
    let at = Path::etc("portage/make.conf");
    let mut value = None;
    for file in files(&at)? {
        let text = file.read_text()?.unwrap_or_default();
        if let Some(found) = last_of(&text, variable) {
            value = Some((found, file));
        }
    }
    match value {
        Some((text, file)) if text.contains('$') => Err(invalid(format!(
            "/{file} sets {variable} to {text}, which takes a shell to be understood. Write the path out, or set \
             mok_signing_key and mok_certificate in /etc/dkms/framework.conf."
        ))),
        other => Ok(other.map(|(text, _)| text).filter(|text| !text.is_empty())),
    }
}

fn files(at: &Path) -> Result<Vec<Path>> {
    if at.kind()? != Some(EntryKind::Directory) {
        return Ok(vec![at.clone()]);
    }
    Ok(at.entries()?.into_iter().map(|entry| at.join(&entry.name)).collect())
}

fn last_of(text: &str, variable: &str) -> Option<String> {
    text.lines().filter_map(|line| assigned(line, variable)).next_back()
}

/// What a line assigns to the variable, without quotes and comment.
fn assigned(line: &str, variable: &str) -> Option<String> {
    let line = line.trim();
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    let value = line.strip_prefix(variable)?.strip_prefix('=')?;
    let text = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => value[1..].split(quote).next().unwrap_or_default(),
        _ => value.split_whitespace().next().unwrap_or_default(),
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::last_of;

    #[test]
    fn the_last_assignment_counts_whatever_its_quotes() {
        let text = "# MODULES_SIGN_KEY=/no\nMODULES_SIGN_KEY=\"/a\"  # old\nMODULES_SIGN_KEYS=/no\n\
                    export MODULES_SIGN_KEY='/root/my key'\nMODULES_SIGN_CERT=/c # the certificate\n";
        assert_eq!(last_of(text, "MODULES_SIGN_KEY").as_deref(), Some("/root/my key"));
        assert_eq!(last_of(text, "MODULES_SIGN_CERT").as_deref(), Some("/c"));
        assert_eq!(last_of(text, "OTHER"), None);
    }
}
