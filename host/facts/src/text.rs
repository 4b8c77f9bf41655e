//! Text of third parties, made harmless for a terminal: a terminal shows the text and obeys nothing in it.
//!
//! Characters that a terminal acts on, that change the order of others, or that
//! cannot be seen become visible escapes: `\u{202e}`, `\n`.

use std::borrow::Cow;

use unicode_general_category::{GeneralCategory, get_general_category};

/// A field of a line: no character in it ends the line or leaves its column.
pub fn field(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// A field of prose, or of a list of words, beside text of the program's own: as [`field`], and of
/// several blanks one stays. Otherwise blanks up to the terminal's right edge would begin what looks
/// like a further line there.
pub fn prose(text: &str) -> Cow<'_, str> {
    let harmless = field(text);
    if !harmless.contains("  ") {
        return harmless;
    }
    let mut last = None;
    let kept = harmless.chars().filter(|c| last.replace(*c) != Some(' ') || *c != ' ');
    Cow::Owned(kept.collect())
}

/// One line. Tabs stay.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c == '\t')
}

/// Several lines. Newlines and tabs stay.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| matches!(c, '\n' | '\t'))
}

/// Several lines that need not be UTF-8: bytes that are none become `\x..`.
pub fn lines_of_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out += &lines(chunk.valid());
        chunk.invalid().iter().for_each(|byte| out += &format!("\\x{byte:02x}"));
    }
    out
}

/// JSON whose strings have no such character: the same data, in JSON's own
/// escapes. (Between its strings JSON has none but newlines.)
pub fn json(text: &str) -> Cow<'_, str> {
    let shown = |c: char| is_shown(c) || matches!(c, '\n' | '\t' | '\r');
    if text.chars().all(shown) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if shown(c) {
            out.push(c);
        } else {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out += &format!("\\u{unit:04x}"));
        }
    }
    Cow::Owned(out)
}

fn escaped(text: &str, keeps: impl Fn(char) -> bool) -> Cow<'_, str> {
    let shown = |c: char| is_shown(c) || keeps(c);
    let Some(first) = text.find(|c| !shown(c)) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len() + 8);
    out += &text[..first];
    for c in text[first..].chars() {
        if shown(c) { out.push(c) } else { out.extend(c.escape_default()) }
    }
    Cow::Owned(out)
}

/// Whether a terminal shows the character as itself.
fn is_shown(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    use GeneralCategory::*;
    match get_general_category(c) {
        Control | Format | Surrogate | PrivateUse | Unassigned => false,
        LineSeparator | ParagraphSeparator | SpaceSeparator => false,
        _ => !is_blank(c),
    }
}

/// Letters, marks and symbols that leave no trace: those that are ignorable by
/// default (Unicode's `Default_Ignorable_Code_Point`), and the empty pattern of
/// Braille.
fn is_blank(c: char) -> bool {
    matches!(c,
        '\u{034f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_of_any_script_is_left_as_it_is() {
        for text in ["bbswitch/0.8, 6.1.0: installed", "Größe ‘x’ → 漢字 हिन्दी é e\u{301}", "\\u{1b} is text", ""]
        {
            assert!(matches!(field(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn what_a_terminal_acts_on_is_shown_instead() {
        for (given, shown) in [
            ("\x1b[2J", "\\u{1b}[2J"),
            ("a\rb\x08\x7f\0", "a\\rb\\u{8}\\u{7f}\\u{0}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("x\u{202e}y\u{2066}\u{200f}", "x\\u{202e}y\\u{2066}\\u{200f}"),
            ("a\u{200b}b\u{feff}\u{ad}\u{2060}", "a\\u{200b}b\\u{feff}\\u{ad}\\u{2060}"),
            ("\u{2028}\u{2029}\u{85}", "\\u{2028}\\u{2029}\\u{85}"),
            ("\u{e0041}\u{3164}\u{fe0f}\u{a0}\u{e000}", "\\u{e0041}\\u{3164}\\u{fe0f}\\u{a0}\\u{e000}"),
        ] {
            assert_eq!((field(given), line(given), lines(given)), (shown.into(), shown.into(), shown.into()));
        }
    }

    #[test]
    fn newlines_and_tabs_stay_where_they_are_meant() {
        let text = "a\n\tb";
        assert_eq!((field(text), line(text), lines(text)), ("a\\n\\tb".into(), "a\\n\tb".into(), text.into()));
    }

    #[test]
    fn blanks_in_prose_do_not_fill_a_line_of_the_terminal() {
        let padded = format!("Makes images{:80}  reads         nothing\u{a0}\u{3000}", "");
        assert_eq!(prose(&padded), "Makes images reads nothing\\u{a0}\\u{3000}");
        for text in ["", " ", "one two", " x "] {
            assert!(matches!(prose(text), Cow::Borrowed(same) if same == text), "{text}");
        }
        assert_eq!((prose("  "), field("a  b")), (" ".into(), "a  b".into()));
    }

    #[test]
    fn json_keeps_its_data() {
        let data = serde_json::json!({"a\u{202e}": ["\u{7f}\u{e0041}\n\u{9b}", "ü"]});
        let text = serde_json::to_string_pretty(&data).unwrap();
        let harmless = json(&text);
        assert!(harmless.contains("\\u202e") && harmless.contains("\\udb40\\udc41"), "{harmless}");
        assert!(harmless.chars().all(|c| is_shown(c) || c == '\n'));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&harmless).unwrap(), data);
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_numbers() {
        assert_eq!(lines_of_bytes(b"ok \xff\n\x1b[m\xc3"), "ok \\xff\n\\u{1b}[m\\xc3");
    }
}
