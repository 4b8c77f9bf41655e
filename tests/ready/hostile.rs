//! Files that are made to mislead or to exhaust the program: a clear answer, and no crash.

use std::fs;

use crate::machine::{Machine, Use};

/// Numbers that are the same in every run.
fn numbers() -> impl FnMut() -> u64 {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    }
}

#[test]
fn images_with_wrong_bytes_end_with_an_answer() {
    let machine = Machine::new(Use::Root).with_initramfs().with_grub("0");
    let good = fs::read(machine.image()).unwrap();
    let mut next = numbers();
    for _ in 0..12 {
        let mut bad = good.clone();
        for _ in 0..3 {
            let at = usize::try_from(next()).unwrap() % bad.len();
            bad[at] ^= 1 << (next() % 8);
        }
        fs::write(machine.image(), bad).unwrap();
        let out = machine.ready("--json").expect_no_panic();
        assert!(["safe", "unsafe", "unknown"].contains(&out.json()["answer"].as_str().unwrap()), "{}", out.stdout);
    }
}

#[test]
fn a_bomb_is_not_unpacked_without_end() {
    let machine = Machine::new(Use::Root).with_initramfs().with_grub("0");
    // A file of 4 GiB less 16 bytes, of which a few are there.
    let mut header = b"070701".to_vec();
    for field in [0, 0o100_644, 0, 0, 1, 0, 0xffff_fff0_u32, 0, 0, 0, 0, 4, 0] {
        header.extend(format!("{field:08x}").bytes());
    }
    header.extend(b"abc\0\0\0");
    fs::write(machine.image(), header).unwrap();
    assert_eq!(machine.reason(2).0, "unsafe boot-critical boot image");
}

#[test]
fn a_hostile_menu_is_read_to_its_end() {
    let machine = Machine::new(Use::Idle).with_initramfs();
    let deep = "submenu 'x' {\n".repeat(50_000);
    let long = format!("menuentry '{}' {{\nlinux /boot/../../etc/shadow\n}}\n", "a>".repeat(20_000));
    let escape = "menuentry '\u{1b}[2J' {\n linux $(reboot) `reboot`\n initrd ../../../x\n}\n";
    for text in [deep, long, escape.to_owned(), "\0\u{ffff}}}}}}\n".repeat(1000), String::new()] {
        machine.world.write("boot/grub/grub.cfg", text);
        for default in ["0", "1>1>1", "${x}", "999999999999999999999999"] {
            machine.world.write("boot/grub/grubenv", format!("saved_entry={default}\n"));
            let out = machine.ready("").expect_no_panic();
            assert!(!out.stdout.contains('\u{1b}'), "{}", out.stdout);
        }
    }
}
