//! `INITRD_MODULES` of `/etc/sysconfig/kernel`: the modules of the boot image.

use crate::edit::{Direction, Edit};
use crate::modprobe::successor;
use crate::text::{spliced, words};
use crate::wishes::{Wishes, same};

const NAME: &[u8] = b"INITRD_MODULES=";

/// Where the value is in a line.
struct Value {
    at: usize,
    length: usize,
    quoted: bool,
}

/// Brings the package's modules in or takes them out.
pub fn edit(wishes: &Wishes, direction: &Direction, edit: &mut Edit) {
    let assigns = |line: &[u8]| line.trim_ascii_start().starts_with(NAME);
    // The last assignment is the one that counts.
    let Some(index) = edit.text.lines().enumerate().filter(|(_, line)| assigns(line)).map(|(i, _)| i).last() else {
        return;
    };
    let line = edit.text.line(index).unwrap_or_default().to_vec();
    let Some(value) = value(&line) else {
        return edit.remark("INITRD_MODULES goes on in another line: it is left as it is. Edit it yourself");
    };
    let before = &line[value.at..value.at + value.length];
    let after = match direction {
        Direction::Add => added(wishes, before),
        Direction::Remove { present } => removed(wishes, present, before),
    };
    if after == before {
        return;
    }
    if !value.quoted && words(&after).len() > 1 {
        return edit.remark(
            "INITRD_MODULES has no quotes: it is left as it is. Put its value into quotes, then install again",
        );
    }
    let body = spliced(&line, value.at, value.length, &after);
    edit.replace(index, body);
}

/// `None` for a value that ends in another line.
fn value(line: &[u8]) -> Option<Value> {
    let at = line.len() - line.trim_ascii_start().len() + NAME.len();
    match line.get(at) {
        Some(quote @ (b'"' | b'\'')) => {
            let length = line[at + 1..].iter().position(|byte| byte == quote)?;
            Some(Value { at: at + 1, length, quoted: true })
        }
        _ => {
            let length = line[at..].iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
            (!line.ends_with(b"\\")).then_some(Value { at, length, quoted: false })
        }
    }
}

fn added(wishes: &Wishes, before: &[u8]) -> Vec<u8> {
    let mut value = before.to_vec();
    for module in &wishes.modules {
        for obsolete in &module.obsoletes {
            if let Some((at, length)) = find(&value, obsolete) {
                value = match find(&value, &module.name) {
                    Some(_) => without(&value, at, length),
                    None => spliced(&value, at, length, module.name.as_bytes()),
                };
            }
        }
        let may_be_new = wishes.in_boot_image && !module.only_obsoletes;
        if may_be_new && find(&value, &module.name).is_none() {
            if !value.is_empty() {
                value.push(b' ');
            }
            value.extend_from_slice(module.name.as_bytes());
        }
    }
    value
}

fn removed(wishes: &Wishes, present: &[String], before: &[u8]) -> Vec<u8> {
    let mut value = before.to_vec();
    for module in &wishes.modules {
        if !wishes.in_boot_image && module.obsoletes.is_empty() {
            continue;
        }
        while let Some((at, length)) = find(&value, &module.name) {
            value = match successor(module, present).filter(|name| find(&value, name).is_none()) {
                Some(name) => spliced(&value, at, length, name.as_bytes()),
                None => without(&value, at, length),
            };
        }
    }
    value
}

fn find(value: &[u8], module: &str) -> Option<(usize, usize)> {
    words(value).into_iter().find(|(_, word)| same(word, module)).map(|(at, word)| (at, word.len()))
}

/// Without a word and one blank before it, or behind it where it is the first.
fn without(value: &[u8], at: usize, length: usize) -> Vec<u8> {
    if at > 0 {
        return spliced(value, at - 1, length + 1, b"");
    }
    spliced(value, at, (length + 1).min(value.len() - at), b"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wishes::Module;

    fn wishes(obsoletes: &[&str], in_boot_image: bool) -> Wishes {
        let module = Module {
            name: "new".into(),
            obsoletes: obsoletes.iter().map(|name| (*name).to_owned()).collect(),
            ..Module::default()
        };
        Wishes { package: "p".into(), modules: vec![module], lines: Vec::new(), in_boot_image }
    }

    fn after(wishes: &Wishes, direction: &Direction, bytes: &[u8]) -> Vec<u8> {
        let mut edited = Edit::new(bytes);
        edit(wishes, direction, &mut edited);
        edited.text.to_bytes()
    }

    fn gone() -> Direction {
        Direction::Remove { present: Vec::new() }
    }

    #[test]
    fn removing_undoes_adding_to_the_byte() {
        let files: [(&str, &str); 7] = [
            ("INITRD_MODULES=\"a b\"\n", "INITRD_MODULES=\"a b new\"\n"),
            ("INITRD_MODULES=\"\"", "INITRD_MODULES=\"new\""),
            ("INITRD_MODULES=\"  a  \" # c\r\n", "INITRD_MODULES=\"  a   new\" # c\r\n"),
            ("x=1\n  INITRD_MODULES='a\tb'\ny=2", "x=1\n  INITRD_MODULES='a\tb new'\ny=2"),
            ("INITRD_MODULES=\n", "INITRD_MODULES=new\n"),
            ("INITRD_MODULES=\"a\"\nINITRD_MODULES=\"b\"\n", "INITRD_MODULES=\"a\"\nINITRD_MODULES=\"b new\"\n"),
            ("#INITRD_MODULES=\"a\"\n", "#INITRD_MODULES=\"a\"\n"),
        ];
        for (before, wanted) in files {
            let added = after(&wishes(&[], true), &Direction::Add, before.as_bytes());
            assert_eq!(String::from_utf8_lossy(&added), wanted);
            assert_eq!(after(&wishes(&[], true), &Direction::Add, &added), added, "a second time");
            assert_eq!(after(&wishes(&[], true), &gone(), &added), before.as_bytes());
        }
    }

    #[test]
    fn an_obsolete_module_gives_its_place_and_gets_it_back() {
        let wishes = wishes(&["old"], false);
        let added = after(&wishes, &Direction::Add, b"INITRD_MODULES=\"a old  b\"\n");
        assert_eq!(added, b"INITRD_MODULES=\"a new  b\"\n");
        let back = Direction::Remove { present: vec!["old".into()] };
        assert_eq!(after(&wishes, &back, &added), b"INITRD_MODULES=\"a old  b\"\n");
        assert_eq!(after(&wishes, &gone(), &added), b"INITRD_MODULES=\"a  b\"\n");
    }

    #[test]
    fn a_value_that_cannot_be_edited_safely_is_left_with_a_remark() {
        for before in ["INITRD_MODULES=\"a \\\n b\"\n", "INITRD_MODULES=a\n", "INITRD_MODULES=a\\\n"] {
            let mut edited = Edit::new(before.as_bytes());
            edit(&wishes(&[], true), &Direction::Add, &mut edited);
            assert_eq!(edited.text.to_bytes(), before.as_bytes());
            assert!(edited.notes[0].contains("is left as it is"), "{before:?}");
        }
    }
}
