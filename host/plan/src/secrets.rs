//! PINs and passphrases in words of a command: the program that signs gets them,
//! and nothing that is shown or kept.

/// The text that is shown in the place of a secret.
const HIDDEN: &str = "...";

/// Parts of names, of variables, options and attributes of a URI, whose values
/// are secret.
const SECRET: [&str; 5] = ["pin", "passphrase", "password", "passwd", "secret"];

/// Whether an environment variable holds a secret, by its name: `KBUILD_SIGN_PIN`.
pub fn is_secret_variable(name: &str) -> bool {
    is_secret(name)
}

/// Words of a command as people and logs are shown them.
pub fn conceal_all<'w>(words: impl IntoIterator<Item = &'w str>) -> Vec<String> {
    let mut shown: Vec<String> = Vec::new();
    let mut is_value = false;
    for word in words {
        shown.push(if is_value { HIDDEN.to_owned() } else { conceal(word) });
        // `--pin 1234`
        is_value = !is_value && word.strip_prefix("--").is_some_and(|name| !name.contains('=') && is_secret(name))
            || matches!(word, "-passin" | "-passout" | "-pass");
    }
    shown
}

/// A word without the secrets that it may hold: attributes of a PKCS#11 URI (RFC
/// 7512: `pin-value`, and `pin-source`, which may hold the PIN itself), written
/// in any case and however escaped, and the values of `--pin=`, `NAME_PIN=` and
/// `pass:` of OpenSSL.
pub fn conceal(word: &str) -> String {
    if let Some(start) = find_uri(word) {
        let (before, uri) = word.split_at(start);
        return format!("{}{}", conceal_assignment(before), conceal_uri(uri));
    }
    if word.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("pass:")) {
        return format!("{}{HIDDEN}", &word[..5]);
    }
    conceal_assignment(word)
}

/// The text of a command that a shell reads, or that is printed: each word in it.
pub(crate) fn conceal_text(text: &str) -> String {
    let is_edge = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '(' | ')' | '<' | '>');
    let mut out = String::new();
    let (mut words, mut edges): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(is_edge).unwrap_or(rest.len());
        let next = rest[end..].find(|c| !is_edge(c)).map_or(rest.len(), |length| end + length);
        words.push(&rest[..end]);
        edges.push(&rest[end..next]);
        rest = &rest[next..];
    }
    for (word, edge) in conceal_all(words).iter().zip(edges) {
        out.push_str(word);
        out.push_str(edge);
    }
    out
}

fn find_uri(word: &str) -> Option<usize> {
    word.to_ascii_lowercase().find("pkcs11:")
}

/// Attributes are parted by `;`, `?` and `&`. In their names, any character may
/// be written as `%XX`.
fn conceal_uri(uri: &str) -> String {
    let mut out = String::new();
    for part in uri.split_inclusive([';', '?', '&']) {
        let (attribute, separator) = match part.strip_suffix([';', '?', '&']) {
            Some(attribute) => (attribute, &part[attribute.len()..]),
            None => (part, ""),
        };
        match equals(attribute) {
            Some((end, begin)) if is_secret(&unescape(&attribute[..end])) => {
                out.push_str(&attribute[..begin]);
                out.push_str(HIDDEN);
            }
            _ => out.push_str(attribute),
        }
        out.push_str(separator);
    }
    out
}

/// The position at which a name ends and its value begins: a `=`, escaped or not.
fn equals(attribute: &str) -> Option<(usize, usize)> {
    let plain = attribute.find('=').map(|at| (at, at + 1));
    let escaped = attribute.to_ascii_lowercase().find("%3d").map(|at| (at, at + 3));
    [plain, escaped].into_iter().flatten().min()
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let code = (*first == b'%')
            .then(|| std::str::from_utf8(after.get(..2)?).ok().and_then(|code| u8::from_str_radix(code, 16).ok()))
            .flatten();
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `NAME=VALUE` and `--name=VALUE`.
fn conceal_assignment(word: &str) -> String {
    match word.split_once('=') {
        Some((name, _)) if is_name(name) && is_secret(name) => format!("{name}={HIDDEN}"),
        _ => word.to_owned(),
    }
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// Whether one of the words that a name is made of says so: `KBUILD_SIGN_PIN`,
/// `pin-value`, but not `SPIN` or `pinctrl`.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| SECRET.contains(&part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pin_in_a_uri_is_not_shown() {
        for (word, shown) in [
            ("pkcs11:token=x?pin-value=1234", "pkcs11:token=x?pin-value=..."),
            ("pkcs11:token=x?pin-value=12&a=b", "pkcs11:token=x?pin-value=...&a=b"),
            ("PKCS11:token=x?PIN-VALUE=1234", "PKCS11:token=x?PIN-VALUE=..."),
            ("pkcs11:token=x?pin%2dvalue=1234", "pkcs11:token=x?pin%2dvalue=..."),
            ("pkcs11:token=x?%70in-value%3D1234", "pkcs11:token=x?%70in-value%3D..."),
            ("pkcs11:token=x;pin-value=%31%32;a=b", "pkcs11:token=x;pin-value=...;a=b"),
            ("pkcs11:token=x?pin-source=|echo 1234", "pkcs11:token=x?pin-source=..."),
            ("key=pkcs11:token=x?pin-value=1234", "key=pkcs11:token=x?pin-value=..."),
            ("--pin=1234", "--pin=..."),
            ("KBUILD_SIGN_PIN=1234", "KBUILD_SIGN_PIN=..."),
            ("pass:1234", "pass:..."),
            ("pkcs11:token=pin", "pkcs11:token=pin"),
            ("-Dspin-value=1", "-Dspin-value=1"),
            ("CONFIG_PINCTRL=y", "CONFIG_PINCTRL=y"),
        ] {
            assert_eq!(conceal(word), shown);
        }
    }

    #[test]
    fn the_pin_behind_an_option_is_not_shown() {
        assert_eq!(conceal_all(["tool", "--pin", "1234", "--slot", "1"]), ["tool", "--pin", "...", "--slot", "1"]);
        assert_eq!(conceal_all(["openssl", "-passin", "env:X", "-in", "y"]), ["openssl", "-passin", "...", "-in", "y"]);
    }

    #[test]
    fn a_line_keeps_all_but_the_pin() {
        let text = "could not load \"pkcs11:token=x?pin-value=1234\" (--pin 5678): no such key\n";
        let shown = "could not load \"pkcs11:token=x?pin-value=...\" (--pin ...): no such key\n";
        assert_eq!(conceal_text(text), shown);
        assert!(is_secret_variable("KBUILD_SIGN_PIN") && !is_secret_variable("PINS") && !is_secret_variable("SPIN"));
    }
}
