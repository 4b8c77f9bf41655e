use super::*;

#[test]
fn ids_are_words_of_their_own() {
    let mut names: Vec<&str> = Id::ALL.iter().map(|id| id.name()).collect();
    assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')), "{names:?}");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Id::ALL.len());
}

#[test]
fn a_plugin_that_is_missed_names_its_file_and_the_way_on_without_it() {
    let error = |granted, readable| Error::Unusable {
        plugin: "x".into(),
        file: "/d/x.wasm".into(),
        granted,
        readable,
        role: "initrd",
        reason: "it has changed".into(),
    };
    let granted = error(true, true);
    assert_eq!(
        granted.to_string(),
        "The plugin `x` (/d/x.wasm) is to be asked here (initrd) and cannot be used: it has changed."
    );
    assert!(granted.hints()[1].contains("modsmith plugin revoke x"));
    let packaged = error(false, false);
    assert!(packaged.to_string().contains(" may be responsible here (initrd) "), "{packaged}");
    assert!(packaged.hints()[1].contains("[deny] plugins = [\"x\"]"));
    assert_eq!(Fault::of(&packaged), Some(Fault::Unusable));
}

#[test]
fn an_io_failure_says_what_helps() {
    let error = |kind: std::io::ErrorKind| Error::io("read", Path::new("/f"), kind.into());
    let denied = error(std::io::ErrorKind::PermissionDenied);
    assert_eq!((denied.kind(), denied.id()), (Kind::Permission, Id::Permission));
    assert_eq!(denied.hints(), ["Run it as root."]);
    assert_eq!(error(std::io::ErrorKind::NotFound).kind(), Kind::System);
    assert!(error(std::io::ErrorKind::NotFound).hints().is_empty());
}
