use super::*;
use modsmith_facts::{Root, Roots};

#[test]
fn a_link_stays_inside_only_where_that_can_be_told_without_following_others() {
    let inside = |link: &str, target: &str| stays_inside(Path::new(link), Path::new(target));
    for (link, target) in [("a", "b"), ("a/b", "../c"), ("a/b", "c/d"), ("a/b/c", "../../d"), ("a", "./b")] {
        assert!(inside(link, target), "{link} -> {target}");
    }
    for (link, target) in
        [("a", ".."), ("a", "/b"), ("a/b", "../../c"), ("a", "b/../../c"), ("a/b", "c/../d"), ("a", "")]
    {
        assert!(!inside(link, target), "{link} -> {target}");
    }
}

#[test]
fn the_same_files_give_the_same_archive_whenever_it_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let tree = |name: &str| {
        let top = dir.path().join(name);
        std::fs::create_dir_all(top.join("sub")).unwrap();
        let file = std::fs::File::create(top.join("sub/file")).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000)).unwrap();
        Files::new(Roots::default().with(Root::Source, top))
    };
    let (first, second) = (tree("a"), tree("b"));
    let at = Location::new(Root::Source, "").unwrap();
    std::fs::File::open(dir.path().join("b/sub")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(tar_of(&first, &at, None).unwrap(), tar_of(&second, &at, None).unwrap());

    let times = |limit| {
        let bytes = tar_of(&first, &at, limit).unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        archive.entries().unwrap().map(|e| e.unwrap().header().mtime().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(times(None), [1_000_000, 1_000_000]);
    assert_eq!(times(Some(5)), [5, 5]);
}

#[test]
fn more_data_than_an_archive_may_have_are_an_error() {
    let mut limited = Limited { inner: io::repeat(0), left: 1000 };
    let error = io::copy(&mut limited, &mut io::sink()).unwrap_err();
    assert!(error.to_string().contains("unpacks to more than"), "{error}");
}
