//! Two texts, line by line.

/// Lines of both texts in order: unchanged ones behind two spaces, those of the
/// first alone behind `- `, those of the second alone behind `+ `.
pub fn diff(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (a, b) = (&old[head..], &new[head..]);
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[..a.len() - tail], &b[..b.len() - tail]);

    let line = |mark: &str, text: &&str| format!("{mark} {text}");
    let mut out: Vec<String> = old[..head].iter().map(|text| line(" ", text)).collect();
    let common = common(a, b);
    let (mut i, mut j) = (0, 0);
    for (k, l) in common.into_iter().chain([(a.len(), b.len())]) {
        out.extend(a[i..k].iter().map(|text| line("-", text)));
        out.extend(b[j..l].iter().map(|text| line("+", text)));
        out.extend(a.get(k).map(|text| line(" ", text)));
        (i, j) = (k + 1, l + 1);
    }
    out.extend(old[old.len() - tail..].iter().map(|text| line(" ", text)));
    out
}

/// The most table cells that are worth their memory; longer texts are shown as
/// altogether different.
const LARGEST: usize = 4 << 20;

/// Pairs of equal lines, as many as can be had in order.
fn common(a: &[&str], b: &[&str]) -> Vec<(usize, usize)> {
    let width = b.len() + 1;
    if (a.len() + 1).saturating_mul(width) > LARGEST {
        return Vec::new();
    }
    // lengths[i * width + j]: of the longest common sequence of a[i..] and b[j..].
    let mut lengths = vec![0_u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            lengths[i * width + j] = match a[i] == b[j] {
                true => lengths[(i + 1) * width + j + 1] + 1,
                false => lengths[(i + 1) * width + j].max(lengths[i * width + j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if lengths[(i + 1) * width + j] >= lengths[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_marked() {
        assert_eq!(diff("a\nb\nc\nd", "a\nx\nc\ny\nd"), ["  a", "- b", "+ x", "  c", "+ y", "  d"]);
        assert_eq!(diff("a\nb", "a\nb"), ["  a", "  b"]);
        assert_eq!(diff("", "a"), ["+ a"]);
        assert_eq!(diff("a\na", "a"), ["  a", "- a"]);
    }
}
