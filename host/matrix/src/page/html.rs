//! Text of others in HTML.

use modsmith_facts::text::line;

/// One line of text as content or as the value of an attribute in double quotes. Characters that
/// cannot be seen, or that change the order of others, are shown as escapes.
pub(super) fn escaped(text: &str) -> String {
    let text = line(text);
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The address of a file of any name in the directory of the page. It never leads elsewhere.
pub(super) fn relative(name: &str) -> String {
    use std::fmt::Write;
    let mut out = "./".to_owned();
    for byte in name.rsplit('/').next().unwrap_or_default().bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let _ = if is_plain { write!(out, "{}", char::from(byte)) } else { write!(out, "%{byte:02X}") };
    }
    out
}
