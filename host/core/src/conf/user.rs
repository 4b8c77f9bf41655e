//! Users, in settings files of the administrator.

use serde::Deserialize;

/// A user: the name, which passwd(5) has, or the number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "toml::Value")]
pub(super) struct User {
    pub uid: u32,
}

impl TryFrom<toml::Value> for User {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        let none = |shown: &str| format!("`{shown}` is no user: the name or the number of one is needed");
        match value {
            toml::Value::Integer(number) => {
                u32::try_from(number).map(|uid| Self { uid }).map_err(|_| none(&number.to_string()))
            }
            toml::Value::String(name) => match name.parse() {
                Ok(uid) => Ok(Self { uid }),
                Err(_) => named(&name, &std::fs::read_to_string("/etc/passwd").unwrap_or_default())
                    .map(|uid| Self { uid })
                    .ok_or_else(|| {
                        format!("/etc/passwd has no user `{name}`; write the number of one that is known elsewhere")
                    }),
            },
            other => Err(none(&other.to_string())),
        }
    }
}

/// The number of a user. Source: passwd(5).
fn named(name: &str, users: &str) -> Option<u32> {
    let of_line = |line: &str| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok()).flatten()
    };
    users.lines().filter(|_| !name.is_empty()).find_map(of_line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_as_a_whole() {
        let users = "root:x:0:0:root:/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\n:x:7:7\n";
        assert_eq!(
            ["root", "anna", "ann", "x", ""].map(|name| named(name, users)),
            [Some(0), Some(1000), None, None, None]
        );
    }
}
