//! Files as lines, with nothing lost: taken apart and put together again, they
//! are the same bytes.

/// One line and how it ends: `\n`, `\r\n`, or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    body: Vec<u8>,
    end: &'static [u8],
}

/// A file's lines. A file that ends without a line end goes on doing so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    lines: Vec<Line>,
}

impl Text {
    pub fn parse(bytes: &[u8]) -> Self {
        let line = |line: &[u8]| {
            let ends: [&'static [u8]; 2] = [b"\r\n", b"\n"];
            let end = ends.into_iter().find(|end| line.ends_with(end)).unwrap_or_default();
            Line { body: line[..line.len() - end.len()].to_vec(), end }
        };
        Self { lines: bytes.split_inclusive(|byte| *byte == b'\n').map(line).collect() }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        self.lines.iter().flat_map(|line| [line.body.as_slice(), line.end]).flatten().copied().collect()
    }

    /// The lines without their ends.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.lines.iter().map(|line| line.body.as_slice())
    }

    pub fn line(&self, index: usize) -> Option<&[u8]> {
        self.lines.get(index).map(|line| line.body.as_slice())
    }

    /// The first line that is `wanted`, but for blanks around it.
    pub fn find(&self, wanted: &str) -> Option<usize> {
        self.lines().position(|line| line.trim_ascii() == wanted.as_bytes())
    }

    /// Whether the last line goes on in one that is not there.
    pub fn is_unfinished(&self) -> bool {
        self.lines.last().is_some_and(|line| line.body.ends_with(b"\\"))
    }

    pub fn replace(&mut self, index: usize, body: Vec<u8>) {
        self.lines[index].body = body;
    }

    /// A further line at the end, ended as the one before it.
    pub fn push(&mut self, body: Vec<u8>) {
        let end = self.lines.iter().rev().map(|line| line.end).find(|end| !end.is_empty()).unwrap_or(b"\n");
        let last_end = match self.lines.last_mut() {
            Some(last) => std::mem::replace(&mut last.end, end),
            None => end,
        };
        let end = if last_end.is_empty() { last_end } else { end };
        self.lines.push(Line { body, end });
    }

    /// Undoes a push.
    pub fn remove(&mut self, index: usize) {
        let removed = self.lines.remove(index);
        if let Some(last) = self.lines.last_mut().filter(|_| removed.end.is_empty()) {
            last.end = removed.end;
        }
    }
}

/// The words of a line with where they begin, separated by white space.
pub fn words(line: &[u8]) -> Vec<(usize, &[u8])> {
    let mut words = Vec::new();
    let mut at = 0;
    for word in line.split(u8::is_ascii_whitespace) {
        if !word.is_empty() {
            words.push((at, word));
        }
        at += word.len() + 1;
    }
    words
}

/// The line with `length` bytes from `at` on replaced.
pub fn spliced(line: &[u8], at: usize, length: usize, by: &[u8]) -> Vec<u8> {
    [&line[..at], by, &line[at + length..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: [&[u8]; 9] = [b"", b"\n", b"a", b"a\n", b"a\r\nb", b"a\n\n\nb", b"\r\n", b"\ta \xff\n# c\r\n", b"\n\n"];

    #[test]
    fn a_file_is_put_together_as_it_was() {
        for bytes in ODD {
            assert_eq!(Text::parse(bytes).to_bytes(), bytes);
        }
    }

    #[test]
    fn taking_lines_out_again_leaves_the_file_as_it_was() {
        for bytes in ODD {
            for order in [[0, 0], [1, 0]] {
                let mut text = Text::parse(bytes);
                let first = text.lines().count();
                text.push(b"x".to_vec());
                text.push(b"y".to_vec());
                let whole = text.to_bytes();
                assert_eq!(whole.ends_with(b"\n"), bytes.is_empty() || bytes.ends_with(b"\n"));
                order.iter().for_each(|i| text.remove(first + i));
                assert_eq!(text.to_bytes(), bytes, "{:?}", String::from_utf8_lossy(&whole));
            }
        }
    }

    #[test]
    fn added_lines_end_as_those_before() {
        let mut text = Text::parse(b"a\r\nb");
        text.push(b"c".to_vec());
        assert_eq!(text.to_bytes(), b"a\r\nb\r\nc");
    }
}
