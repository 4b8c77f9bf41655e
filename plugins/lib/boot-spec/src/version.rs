//! The order of versions. Source: UAPI.10.

use std::cmp::Ordering;

/// Compares two versions.
pub fn compare_versions(one: &str, another: &str) -> Ordering {
    let (mut one, mut another) = (one.as_bytes(), another.as_bytes());
    loop {
        (one, another) = (valid(one), valid(another));
        // A tilde comes before everything, the end included; then the end.
        for mark in [b'~', 0, b'-', b'^', b'.'] {
            let has = |text: &[u8]| text.first().copied().unwrap_or(0) == mark;
            match (has(one), has(another)) {
                (true, true) if mark == 0 => return Ordering::Equal,
                (true, true) => {
                    (one, another) = (&one[1..], &another[1..]);
                    break;
                }
                (true, false) => return Ordering::Less,
                (false, true) => return Ordering::Greater,
                (false, false) => {}
            }
        }
        let is_number = |text: &[u8]| text.first().is_some_and(u8::is_ascii_digit);
        if is_number(one) || is_number(another) {
            let (left, right) = (leading(one, u8::is_ascii_digit), leading(another, u8::is_ascii_digit));
            let plain = |digits: &[u8]| digits.iter().skip_while(|digit| **digit == b'0').copied().collect::<Vec<u8>>();
            let (a, b) = (plain(left), plain(right));
            match a.len().cmp(&b.len()).then_with(|| a.cmp(&b)) {
                Ordering::Equal => (one, another) = (&one[left.len()..], &another[right.len()..]),
                order => return order,
            }
        } else {
            let (left, right) = (leading(one, u8::is_ascii_alphabetic), leading(another, u8::is_ascii_alphabetic));
            match left.cmp(right) {
                Ordering::Equal => (one, another) = (&one[left.len()..], &another[right.len()..]),
                order => return order,
            }
        }
    }
}

/// Without leading characters that mean nothing in versions.
fn valid(text: &[u8]) -> &[u8] {
    let is_valid = |byte: &u8| byte.is_ascii_alphanumeric() || b"~-^.".contains(byte);
    let start = text.iter().position(is_valid).unwrap_or(text.len());
    &text[start..]
}

fn leading(text: &[u8], is_part: impl Fn(&u8) -> bool) -> &[u8] {
    let end = text.iter().position(|byte| !is_part(byte)).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_the_order_of_the_specification() {
        // The examples of UAPI.10, and kernels.
        let order = [
            "~1",
            "",
            "ab",
            "abb",
            "abc",
            "0001",
            "002",
            "12",
            "122",
            "122.9",
            "123~rc1",
            "123",
            "123-a",
            "123-a.1",
            "123-3",
            "123^patched",
            "123.1",
        ];
        for (index, one) in order.iter().enumerate() {
            for (other, another) in order.iter().enumerate() {
                assert_eq!(compare_versions(one, another), index.cmp(&other), "{one} {another}");
            }
        }
        assert_eq!(compare_versions("6.1.0-56-amd64", "6.1.0-9-amd64"), Ordering::Greater);
        assert_eq!(compare_versions("1_2", "12"), Ordering::Less);
    }
}
