use super::*;
use crate::conf::evaluate::TIME_LIMIT;
use crate::conf::{PackageConf, ReaderChoice, Request, Variables, evaluate_within};

const GOOD: &str = "PACKAGE_NAME=hello\nPACKAGE_VERSION=1\nDEST_MODULE_LOCATION=/extra\n";

fn conf(text: &str, strictness: Strictness) -> Result<PackageConf, Error> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("dkms.conf");
    std::fs::write(&file, text).unwrap();
    let variables = Variables::default();
    let request =
        Request { conf: &file, overrides: vec![], variables: &variables, directives: &[], reader: ReaderChoice::Auto };
    let mut evaluated = evaluate_within(&request, [], TIME_LIMIT).unwrap();
    evaluated.file = "/src/dkms.conf".into();
    PackageConf::from_evaluated(&evaluated, "6.1.0-56-amd64", strictness)
}

fn good(more: &str) -> PackageConf {
    conf(&format!("{GOOD}{more}"), Strictness::Strict).unwrap()
}

/// The problems of an invalid file, without their common start.
fn problems(text: &str, strictness: Strictness) -> Vec<String> {
    let error = conf(text, strictness).unwrap_err();
    assert_eq!(error.kind, Kind::ConfInvalid);
    assert_eq!(error.message, "/src/dkms.conf is not a valid dkms.conf.");
    error.details.iter().map(|d| d.strip_prefix("dkms.conf: Error! ").expect(d).to_owned()).collect()
}

#[test]
fn the_least_that_is_valid_describes_one_module_named_as_the_package() {
    let conf = good("");
    assert_eq!((conf.name.as_str(), conf.version.as_str()), ("hello", "1"));
    let module = ModuleRecord {
        built_name: "hello".into(),
        built_location: String::new(),
        dest_name: "hello".into(),
        dest_location: "/extra".into(),
        strip: true,
    };
    assert_eq!(conf.modules, [module]);
    assert_eq!((conf.make, conf.autoinstall), (None, false));
    assert_eq!(conf.notices, Vec::<String>::new());
}

#[test]
fn all_problems_are_listed_at_once() {
    let text = "BUILT_MODULE_NAME[0]=a.ko\nBUILT_MODULE_NAME[1]=b\nDEST_MODULE_LOCATION[1]=/lib\n\
                DEST_MODULE_NAME[1]=c.o\nDEST_MODULE_LOCATION[2]=/extra\nAUTOINSTALL=maybe\nNO_WEAK_MODULES=1\n";
    let expected = [
        "PACKAGE_NAME is not set in /src/dkms.conf; write PACKAGE_NAME=\"hello\".",
        "PACKAGE_VERSION is not set in /src/dkms.conf; write PACKAGE_VERSION=\"1.0\".",
        "BUILT_MODULE_NAME[0] is `a.ko`: write it without `.o` or `.ko`.",
        "DEST_MODULE_LOCATION[0] is not set; write DEST_MODULE_LOCATION[0]=\"/extra\".",
        "DEST_MODULE_NAME[1] is `c.o`: write it without `.o` or `.ko`.",
        "DEST_MODULE_LOCATION[1] is `/lib`: it must begin with /kernel, /updates or /extra.",
        "BUILT_MODULE_NAME[2] is not set: module 2 has no name.",
        "AUTOINSTALL is `maybe`: it must be yes or no.",
        "NO_WEAK_MODULES is `1`: it must be yes or no.",
    ];
    assert_eq!(problems(text, Strictness::Lenient), expected);
}

#[test]
fn holes_in_the_arrays_are_problems_of_the_missing_slots() {
    let text = format!("{GOOD}BUILT_MODULE_NAME[0]=a\nBUILT_MODULE_NAME[2]=c\nDEST_MODULE_LOCATION[2]=/extra\n");
    let expected = [
        "BUILT_MODULE_NAME[1] is not set: module 1 has no name.",
        "DEST_MODULE_LOCATION[1] is not set; write DEST_MODULE_LOCATION[1]=\"/extra\".",
    ];
    assert_eq!(problems(&text, Strictness::Strict), expected);
}

#[test]
fn an_absurd_index_is_one_problem() {
    let text = format!("{GOOD}BUILT_MODULE_NAME[4000000000]=a\n");
    assert_eq!(
        problems(&text, Strictness::Strict),
        ["It describes 4000000001 modules; the highest index allowed is 4095."]
    );
}

#[test]
fn duplicates_are_errors_only_for_what_is_to_be_built() {
    let text = format!("{GOOD}DEST_MODULE_LOCATION[1]=/extra\nBUILT_MODULE_NAME=(a a)\n");
    let expected = [
        "BUILT_MODULE_NAME[0] and BUILT_MODULE_NAME[1] are both `a`.",
        "DEST_MODULE_NAME[0] and DEST_MODULE_NAME[1] are both `a`.",
    ];
    assert_eq!(problems(&text, Strictness::Strict), expected);
    assert!(conf(&text, Strictness::Lenient).is_ok());
    // The same name in another directory is another module, if it is installed under another name.
    let text = format!("{text}BUILT_MODULE_LOCATION[1]=x/\nDEST_MODULE_NAME[1]=b\n");
    assert!(conf(&text, Strictness::Strict).is_ok());
}

#[test]
fn names_that_would_leave_their_directory_are_refused() {
    let text = "PACKAGE_NAME=../x\nPACKAGE_VERSION='1 2'\nDEST_MODULE_LOCATION=/extra\nBUILT_MODULE_NAME=a/b\n";
    let expected = [
        "PACKAGE_NAME is `../x`, which cannot be the name of a directory: it begins with `.`.",
        "PACKAGE_VERSION is `1 2`, which cannot be the name of a directory: it has the character ` `, where letters, \
         digits and `._+~:@-` are allowed.",
        "BUILT_MODULE_NAME[0] is `a/b`: write the name alone; the directory belongs in BUILT_MODULE_LOCATION[0].",
    ];
    assert_eq!(problems(text, Strictness::Strict), expected);
}

#[test]
fn a_module_with_a_name_of_its_own_may_be_built_in_a_directory() {
    for (built, location, directory) in
        [("sub/alpha", "", "sub"), ("./alpha", "", ""), ("./sub//deep/alpha", "x/", "x/sub/deep"), ("alpha", "x/", "x")]
    {
        let conf =
            good(&format!("BUILT_MODULE_NAME={built}\nBUILT_MODULE_LOCATION={location}\nDEST_MODULE_NAME=alpha\n"));
        let [module] = conf.modules.as_slice() else { panic!("{:?}", conf.modules) };
        assert_eq!((module.built_name.as_str(), module.built_location.as_str()), ("alpha", directory), "{built}");
        assert_eq!(module.dest_name, "alpha", "{built}");
    }
    let out = problems(&format!("{GOOD}BUILT_MODULE_NAME=../alpha\nDEST_MODULE_NAME=alpha\n"), Strictness::Strict);
    assert!(out[0].starts_with("BUILT_MODULE_NAME[0] is `../alpha`: "), "{out:?}");
    let out = problems(&format!("{GOOD}BUILT_MODULE_NAME=alpha\nDEST_MODULE_NAME=sub/alpha\n"), Strictness::Strict);
    let expected = "DEST_MODULE_NAME[0] is `sub/alpha`: write the name alone; the directory belongs in \
                    DEST_MODULE_LOCATION[0].";
    assert_eq!(out, [expected]);
}

#[test]
fn strip_comes_from_slot_0_where_a_module_has_none() {
    let conf = good("BUILT_MODULE_NAME=(a b c)\nDEST_MODULE_LOCATION=(/extra /extra /extra)\nSTRIP=No\nSTRIP[1]=yes\n");
    assert_eq!(conf.modules.iter().map(|m| m.strip).collect::<Vec<_>>(), [false, true, false]);
}

#[test]
fn the_last_matching_make_wins_and_slot_0_is_for_the_rest() {
    assert_eq!(good("MAKE=a\nMAKE[1]=b\nMAKE_MATCH[1]='^5'\n").make.as_deref(), Some("a"));
    assert_eq!(good("MAKE=a\nMAKE[1]=b\nMAKE_MATCH[1]=amd\n").make.as_deref(), Some("b"));
    assert_eq!(good("MAKE=(a b c)\nMAKE_MATCH=(6 '^6' '^5')\n").make.as_deref(), Some("b"));
    assert_eq!(good("MAKE=a\nMAKE_MATCH='^5'\n").make, None);
}

#[test]
fn patches_apply_where_their_match_is_empty_or_matches() {
    let conf = good("PATCH[2]=c\nPATCH=a\nPATCH[1]=b\nPATCH_MATCH[1]='^5'\nPATCH_MATCH[2]=amd64\n");
    assert_eq!(conf.patches.iter().map(|p| p.file.as_str()).collect::<Vec<_>>(), ["a", "c"]);
}

#[test]
fn a_match_that_is_no_pattern_matches_nothing_and_is_told() {
    let conf = good("PATCH=a\nPATCH_MATCH='('\n");
    assert!(conf.patches.is_empty());
    assert!(conf.notices[0].starts_with("PATCH_MATCH[0] matches no kernel: `(` is not"), "{:?}", conf.notices);
}

#[test]
fn lists_are_split_at_blanks_over_all_slots() {
    let conf = good("BUILD_DEPENDS=(a 'b c')\nBUILD_EXCLUSIVE_CONFIG='CONFIG_A !CONFIG_B'\nOBSOLETE_BY=6.9\n");
    assert_eq!(conf.build_depends, ["a", "b", "c"]);
    assert_eq!(conf.exclusive[&0].config, ["CONFIG_A", "!CONFIG_B"]);
    assert_eq!(conf.exclusive[&0].kernel_max.as_deref(), Some("6.9"));
}

#[test]
fn an_exit_in_the_file_is_named_as_the_reason() {
    let error = conf(&format!("{GOOD}exit 0\n"), Strictness::Strict).unwrap_err();
    assert_eq!(error.kind, Kind::ConfInvalid);
    assert!(error.hints[0].starts_with("Remove what ends the shell from "), "{:?}", error.hints);
}

#[test]
fn notices_are_for_strict_readings_only() {
    let text = format!("{GOOD}CLEAN='make clean'\nREMAKE_INITRD=yes\nSTRIP=false\nMAKE_smp=x\nNEEDED_FOR_BOOT=yes\n");
    let strict = conf(&text, Strictness::Strict).unwrap();
    let starts = [
        "NEEDED_FOR_BOOT, MAKE_smp in /src/dkms.conf: a directive of the dkms 1.x format",
        "Deprecated feature: CLEAN (/src/dkms.conf)",
        "STRIP[0] is `false`, which is interpreted as yes.",
    ];
    assert_eq!(strict.notices.len(), starts.len(), "{:?}", strict.notices);
    for (notice, start) in strict.notices.iter().zip(starts) {
        assert!(notice.starts_with(start), "{notice}");
    }
    assert!(strict.remake_initrd);
    assert!(conf(&text, Strictness::Lenient).unwrap().notices.is_empty());
}

#[test]
fn a_file_of_the_1x_format_is_told_what_to_use_instead() {
    let error = conf("MODULE_NAME=x\nLOCATION=/kernel/x\n", Strictness::Lenient).unwrap_err();
    assert!(error.hints[0].contains("dkms 1.x format"), "{:?}", error.hints);
    assert!(error.hints[0].contains("BUILT_MODULE_NAME"), "{:?}", error.hints);
}
