use super::*;
use crate::cell::{Matrix, Wanted};
use crate::result::{CellResult, FirstError};

fn index(module: &str, change: impl Fn(&mut CellResult)) -> Index {
    let coordinates =
        Coordinates { module: module.into(), version: "1".into(), kernel: "6.1".into(), arch: "x86_64".into() };
    let mut result = CellResult::new(coordinates.clone(), CellOutcome::Failed, 10, "now".into(), 1.0);
    change(&mut result);
    let bytes = serde_json::to_vec(&result).unwrap();
    let wanted =
        Wanted { coordinates, source: None, headers: None, packages: Vec::new(), identity: None, in_store: false };
    Index::collect(&Matrix::new([wanted]), "now".into(), |_| Ok(Some(bytes.clone())), None)
}

#[test]
fn text_of_others_is_no_markup() {
    let evil = "</pre><script>alert(1)</script>\"'&\u{202e}\u{1b}[31m";
    let page = page(&index(evil, |result| {
        result.message = Some(evil.into());
        result.first_error = Some(FirstError::new(evil, 1));
        result.excerpt = vec![evil.into()];
        result.log = Some(format!("../../x/{evil}.log"));
    }));
    assert_eq!(page.matches("<script>").count(), 1, "the page's own: {page}");
    assert!(!page.contains('\u{202e}') && !page.contains('\u{1b}'), "{page}");
    assert!(!page.contains("../"), "no link leads out of the directory: {page}");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\\u{202e}"), "{page}");
}

#[test]
fn every_cell_has_a_sign_and_words_and_a_problem_its_place() {
    let page = page(&index("a", |result| result.log = Some("a.log".into())));
    assert!(page.contains("<td class=\"failed\"><a href=\"#cell-0\"><span aria-hidden=\"true\">✗</span><span class=\"words\">failed</span></a></td>"), "{page}");
    assert!(page.contains("<article id=\"cell-0\""), "{page}");
    assert!(page.contains("<a href=\"./a.log\">"), "{page}");
    for part in ["<th scope=\"col\">", "<th scope=\"row\">", "<caption", "<html lang=\"en\">", "default-src 'none'"] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let page = page(&index("a", |_| {}));
    for part in ["http://", "https://", "//", "src=", "@import", "url("] {
        let comments = if part == "//" { page.matches("// ").count() } else { 0 };
        assert_eq!(page.matches(part).count(), comments, "{part}");
    }
}
