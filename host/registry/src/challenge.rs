//! The credentials that a registry asks for when it answers with 401.
//!
//! Source: RFC 9110, 11.6.1, and "Token Authentication Specification" of the
//! distribution project.

use std::collections::BTreeMap;

/// A challenge that can be met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// User and password.
    Basic,
    /// A token of the server at `realm`.
    Bearer { realm: String, service: String, scope: Option<String> },
}

impl Challenge {
    /// The challenge of a header `WWW-Authenticate`; a token where both are offered. `None`: the
    /// header has no known challenge.
    pub fn parse(header: &str) -> Option<Self> {
        let mut basic = false;
        for (scheme, parameters) in challenges(header) {
            match scheme.to_ascii_lowercase().as_str() {
                "bearer" => {
                    let get = |name: &str| parameters.get(name).cloned();
                    let realm = get("realm")?;
                    return Some(Self::Bearer {
                        realm,
                        service: get("service").unwrap_or_default(),
                        scope: get("scope"),
                    });
                }
                "basic" => basic = true,
                _ => {}
            }
        }
        basic.then_some(Self::Basic)
    }
}

/// Schemes with their parameters, whose names are in lower case.
fn challenges(header: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let mut found: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() {
            return found;
        }
        let trimmed = after.trim_start();
        match trimmed.strip_prefix('=') {
            Some(value) => {
                let (value, after) = take_value(value.trim_start());
                if let Some((_, parameters)) = found.last_mut() {
                    parameters.insert(word.to_ascii_lowercase(), value);
                }
                rest = after;
            }
            None => {
                found.push((word.to_owned(), BTreeMap::new()));
                rest = after;
            }
        }
    }
}

/// A token or a quoted text, and what follows.
fn take_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[index + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_preferred_to_a_password() {
        let bearer = |realm: &str, service: &str, scope: Option<&str>| {
            let scope = scope.map(str::to_owned);
            Some(Challenge::Bearer { realm: realm.into(), service: service.into(), scope })
        };
        let usual = r#"Bearer realm="https://a.example/token",service="reg",scope="repository:a/b:pull,push""#;
        assert_eq!(Challenge::parse(usual), bearer("https://a.example/token", "reg", Some("repository:a/b:pull,push")));
        let both = r#"Basic realm="x, y=z", bearer Realm=https://a.example , Service = "q\"r""#;
        assert_eq!(Challenge::parse(both), bearer("https://a.example", "q\"r", None));
        assert_eq!(Challenge::parse("Basic realm=\"x\""), Some(Challenge::Basic));
    }

    #[test]
    fn what_is_unknown_or_cut_off_is_no_challenge() {
        for header in ["", "Negotiate", "Bearer", "Bearer service=\"x\"", ",,,", "=", "Digest realm=\"x"] {
            assert_eq!(Challenge::parse(header), None, "{header}");
        }
    }
}
