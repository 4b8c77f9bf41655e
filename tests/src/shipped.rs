//! The part of a source file that is shipped: all but its unit tests.

/// The lines of a file without its unit tests. A test module that is written in the file is the
/// last thing in it, and ends the text. The declaration of one that has a file of its own is left out.
pub fn shipped(text: &str) -> String {
    let mut shipped = String::new();
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let next = lines.peek().map_or("", |next| next.trim_end());
        if line.trim_end() == "#[cfg(test)]" && is_module(next) {
            match next.ends_with('{') {
                true => break,
                false => drop(lines.next()),
            }
        } else {
            shipped.push_str(line);
        }
    }
    shipped
}

/// Whether a line begins or declares a module.
fn is_module(line: &str) -> bool {
    let public = line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub ")).unwrap_or(line);
    public.starts_with("mod ")
}

#[test]
fn a_test_module_is_left_out_and_code_behind_its_declaration_is_not() {
    assert_eq!(shipped("a\n#[cfg(test)]\nmod tests {\n    b\n}\n"), "a\n");
    assert_eq!(shipped("a\n#[cfg(test)]\nmod tests;\n\nmod b;\n"), "a\n\nmod b;\n");
    assert_eq!(shipped("a\n#[cfg(test)]\npub(crate) mod tests;\nb\n"), "a\nb\n");
    assert_eq!(shipped("a\n#[cfg(test)]\nfn b() {}\nc\n"), "a\n#[cfg(test)]\nfn b() {}\nc\n");
}
