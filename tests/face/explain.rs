//! `modsmith explain` says what the page of messages says.

use modsmith_tests::{World, paths};

#[test]
fn every_id_of_the_page_is_explained_in_the_words_of_the_page() {
    let world = World::new(&[]);
    let page = std::fs::read_to_string(paths::checkout().join("docs/reference/messages.md")).unwrap();
    let list = world.modsmith("explain").expect(0).stdout;
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    let mut explained = 0;
    for row in page.lines().filter_map(|line| line.strip_prefix("| `")) {
        let columns: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
        let id = columns[0].trim_end_matches('`');
        assert!(list.contains(id), "{id} is not listed");
        // One in seven: each is an invocation.
        if explained % 7 == 0 {
            let text = words(&world.modsmith(&format!("explain {id}")).expect(0).stdout);
            assert!(text.contains(id) && text.contains(&format!("exit code {}", columns[1])), "{text}");
            for column in [columns[2], columns[3]].iter().filter(|column| !column.contains("](")) {
                assert!(text.contains(&words(column)), "{id} lacks {column:?}: {text}");
            }
        }
        explained += 1;
    }
    assert!(explained > 60, "{explained}");
}

#[test]
fn an_exit_code_leads_to_its_errors_and_an_unknown_id_to_the_nearest() {
    let world = World::new(&[]);
    let text = world.modsmith("explain 21").expect(0).stdout;
    assert!(text.starts_with("headers-missing:"), "{text}");
    assert!(world.modsmith("explain 3").expect(0).stdout.contains("not-in-tree:"));
    let more = world.modsmith("explain build-failed").expect(0).stdout;
    assert!(more.contains("docs/guides/when-a-build-fails.md"), "{more}");
    world.modsmith("explain header-missing").expect(1).expect_error("Did you mean `headers-missing`?");
    world.modsmith("explain 199").expect(1).expect_error("`modsmith help exit codes`").expect_hint();
}
