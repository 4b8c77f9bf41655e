use super::*;

fn base() -> Merge {
    let texts = [
        (
            "dep",
            "kernel/net/llc.ko.xz:\nkernel/net/stp.ko.xz: kernel/net/llc.ko.xz\nkernel/net/a-b.ko.xz: updates/other.ko kernel/net/stp.ko.xz kernel/net/llc.ko.xz\nupdates/other.ko:\n",
        ),
        ("alias", "# Aliases\nalias net-pf-26 llc\nalias pci:v1[0-2]-* a_b\nalias other other\n"),
        ("symbols", "# Symbols\nalias symbol:llc_open llc\nalias symbol:stp_on stp\nalias symbol:other other\n"),
        ("softdep", "# Soft\nsoftdep stp pre: x-y\n"),
        ("devname", "# Nodes\nllc net/llc c10:5\n"),
    ];
    Merge::new(texts.map(|(kind, text)| (kind, text.to_owned())).into())
}

fn added(path: &str, needs: &[&str], exports: &[&str]) -> Added {
    let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Added { path: path.into(), module: Module { needs: list(needs), exports: list(exports), ..Module::default() } }
}

fn texts(merge: Merge, added: &[Added]) -> BTreeMap<String, String> {
    let files = merge.finish(added, &BTreeMap::new());
    files.into_iter().filter_map(|(name, bytes)| Some((name, String::from_utf8(bytes).ok()?))).collect()
}

#[test]
fn what_a_module_needs_follows_from_its_symbols_and_comes_in_the_order_of_loading() {
    let ours = [
        added("updates/dkms/zz.ko", &["printk", "common"], &[]),
        added("updates/dkms/common.ko", &["llc_open", "stp_on"], &["common"]),
    ];
    let texts = texts(base(), &ours);
    let tail: Vec<&str> = texts["dep"].lines().skip(3).collect();
    assert_eq!(
        tail,
        [
            "updates/dkms/zz.ko: updates/dkms/common.ko kernel/net/stp.ko.xz kernel/net/llc.ko.xz",
            "updates/dkms/common.ko: kernel/net/stp.ko.xz kernel/net/llc.ko.xz",
        ]
    );
    assert!(texts["symbols"].ends_with("alias symbol:stp_on stp\nalias symbol:common common\n"), "{texts:?}");
}

#[test]
fn modules_that_are_not_the_kernels_are_left_out_and_told() {
    let merge = base();
    assert_eq!(merge.foreign, ["updates/other.ko"]);
    let texts = texts(merge, &[]);
    assert!(texts.values().all(|text| !text.contains("other")), "{texts:?}");
    assert!(texts["dep"].contains("kernel/net/a-b.ko.xz: kernel/net/stp.ko.xz kernel/net/llc.ko.xz\n"), "{texts:?}");
}

#[test]
fn a_module_takes_the_place_of_the_kernels_own_of_its_name() {
    let mut ours = added("updates/dkms/llc.ko", &["stp_off"], &["llc_open"]);
    ours.module.aliases = vec!["net-pf-26".into(), "devname:llc0".into(), "char-major-10-7".into()];
    let texts = texts(base(), &[ours, added("updates/dkms/new.ko", &[], &["stp_off"])]);
    assert!(!texts["dep"].contains("kernel/net/llc.ko"), "{texts:?}");
    let needs = "kernel/net/stp.ko.xz: updates/dkms/llc.ko updates/dkms/new.ko\n";
    assert!(texts["dep"].starts_with(needs), "{texts:?}");
    assert_eq!(texts["devname"], "# Nodes\nllc llc0 c10:7\n");
    assert_eq!(texts["alias"].matches("net-pf-26").count(), 1);
}

#[test]
fn a_module_that_the_kernel_lists_keeps_its_place() {
    let rank = BTreeMap::from([("kernel/net/llc.ko", 0), ("kernel/net/stp.ko.xz", 1)]);
    let files = base().finish(&[added("kernel/net/llc.ko", &[], &[]), added("updates/a.ko", &[], &[])], &rank);
    let dep = files.iter().find(|(name, _)| name == "dep").map(|(_, bytes)| String::from_utf8(bytes.clone()).unwrap());
    let paths: Vec<String> = dep.unwrap().lines().map(|line| line.split(':').next().unwrap().to_owned()).collect();
    assert_eq!(paths, ["kernel/net/llc.ko", "kernel/net/stp.ko.xz", "kernel/net/a-b.ko.xz", "updates/a.ko"]);
}

#[test]
fn modules_that_need_each_other_are_an_index_nevertheless() {
    let ours = [added("updates/a.ko", &["b"], &["a"]), added("updates/b.ko", &["a"], &["b"])];
    let texts = texts(base(), &ours);
    assert!(texts["dep"].ends_with("updates/a.ko: updates/b.ko\nupdates/b.ko: updates/a.ko\n"), "{texts:?}");
}

#[test]
fn patterns_are_as_modprobe_asks_for_them() {
    assert_eq!(normalised("net-pf-26").as_deref(), Some("net_pf_26"));
    assert_eq!(normalised("pci:v1[0-2]-*").as_deref(), Some("pci:v1[0-2]_*"));
    for broken in ["a]", "[a", "é"] {
        assert_eq!(normalised(broken), None, "{broken}");
    }
}

#[test]
fn names_of_files_are_names_of_modules() {
    assert_eq!(name("updates/dkms/dm-writeboost.ko.xz"), "dm_writeboost");
    assert_eq!(name("x"), "x");
}
