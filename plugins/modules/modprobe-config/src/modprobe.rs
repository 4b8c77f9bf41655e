//! Edits of modprobe.d(5), modprobe.conf and modules.conf.

use crate::edit::{Direction, Edit};
use crate::text::{spliced, words};
use crate::wishes::{Module, Wishes, same};

/// `alias <type><number> <module>`
struct Alias<'l> {
    /// None for an alias that is the type alone.
    number: Option<u32>,
    /// The module, and where it is in the line.
    module: &'l [u8],
    at: usize,
}

/// Brings the package's lines in or takes them out.
pub fn edit(wishes: &Wishes, direction: &Direction, edit: &mut Edit) {
    match direction {
        Direction::Add if edit.text.is_unfinished() => {
            edit.remark("its last line is unfinished: it is left as it is. Complete the line, then install again");
        }
        Direction::Add => add(wishes, edit),
        Direction::Remove { present } => remove(wishes, present, edit),
    }
}

fn add(wishes: &Wishes, edit: &mut Edit) {
    for module in &wishes.modules {
        let Some(kind) = &module.alias_type else { continue };
        replace_each(edit, kind, |name| {
            let obsolete = module.obsoletes.iter().any(|obsolete| same(name, obsolete));
            obsolete.then_some(Some(module.name.as_str()))
        });
        let aliases = || edit.text.lines().filter_map(|line| alias(line, kind));
        if !module.only_obsoletes && !aliases().any(|alias| same(alias.module, &module.name)) {
            let last = aliases().map(|alias| alias.number.unwrap_or(0)).max();
            let number = last.map_or(0, |last| last.saturating_add(1));
            edit.push(format!("alias {kind}{number} {}", module.name).into_bytes());
        }
    }
    for line in &wishes.lines {
        if edit.text.find(line).is_none() {
            edit.push(line.clone().into_bytes());
        }
    }
}

fn remove(wishes: &Wishes, present: &[String], edit: &mut Edit) {
    for module in &wishes.modules {
        let Some(kind) = &module.alias_type else { continue };
        let successor = successor(module, present);
        replace_each(edit, kind, |name| same(name, &module.name).then_some(successor));
    }
    for line in &wishes.lines {
        while let Some(index) = edit.text.find(line) {
            edit.remove(index);
        }
    }
}

/// The first module whose place it took that the kernel has.
pub fn successor<'m>(module: &'m Module, present: &[String]) -> Option<&'m str> {
    let is_there = |name: &&String| present.iter().any(|other| same(other.as_bytes(), name));
    module.obsoletes.iter().find(is_there).map(String::as_str)
}

/// Gives aliases of a type to other modules: for a name, `Some(Some(other))`
/// replaces it, `Some(None)` takes the line out, `None` leaves it.
fn replace_each<'m>(edit: &mut Edit, kind: &str, other: impl Fn(&[u8]) -> Option<Option<&'m str>>) {
    let mut index = 0;
    while let Some(line) = edit.text.line(index) {
        let change = alias(line, kind).and_then(|alias| Some((alias.at, alias.module.len(), other(alias.module)?)));
        match change {
            Some((at, length, Some(name))) => {
                let body = spliced(line, at, length, name.as_bytes());
                edit.replace(index, body);
            }
            Some((_, _, None)) => {
                edit.remove(index);
                continue;
            }
            None => {}
        }
        index += 1;
    }
}

fn alias<'l>(line: &'l [u8], kind: &str) -> Option<Alias<'l>> {
    let words = words(line);
    let [(_, b"alias"), (_, name), (at, module), ..] = words.as_slice() else { return None };
    let digits = name.strip_prefix(kind.as_bytes())?;
    let number = match digits {
        [] => None,
        digits if digits.iter().all(u8::is_ascii_digit) => Some(std::str::from_utf8(digits).ok()?.parse().ok()?),
        _ => return None,
    };
    Some(Alias { number, module, at: *at })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(kind: &str, obsoletes: &[&str], only_obsoletes: bool, lines: &[&str]) -> Wishes {
        let module = Module {
            name: "new".into(),
            alias_type: Some(kind.into()),
            obsoletes: obsoletes.iter().map(|name| (*name).to_owned()).collect(),
            only_obsoletes,
        };
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        Wishes { package: "p".into(), modules: vec![module], lines, in_boot_image: false }
    }

    fn after(wishes: &Wishes, direction: &Direction, bytes: &[u8]) -> String {
        let mut edited = Edit::new(bytes);
        edit(wishes, direction, &mut edited);
        String::from_utf8_lossy(&edited.text.to_bytes()).into_owned()
    }

    fn gone() -> Direction {
        Direction::Remove { present: Vec::new() }
    }

    #[test]
    fn a_new_alias_has_the_next_number() {
        let wishes = wishes("eth", &[], false, &[]);
        let cases = [
            ("", "alias eth0 new\n"),
            ("alias eth0 a\n", "alias eth0 a\nalias eth1 new\n"),
            ("alias eth7 a\nalias eth2 b\n", "alias eth7 a\nalias eth2 b\nalias eth8 new\n"),
            ("alias eth a\n", "alias eth a\nalias eth1 new\n"),
            ("alias ethx9 a\n#alias eth5 a\n", "alias ethx9 a\n#alias eth5 a\nalias eth0 new\n"),
            ("alias eth3 new\n", "alias eth3 new\n"),
            ("alias  eth3\tnew # mine\n", "alias  eth3\tnew # mine\n"),
        ];
        for (before, wanted) in cases {
            assert_eq!(after(&wishes, &Direction::Add, before.as_bytes()), wanted);
        }
    }

    #[test]
    fn an_obsolete_module_is_replaced_and_comes_back_if_the_kernel_has_it() {
        let wishes = wishes("scsi_hostadapter", &["old-a", "old_b"], true, &[]);
        let before = "alias\tscsi_hostadapter1  old_a  # first\nalias eth0 old_a\n";
        let added = after(&wishes, &Direction::Add, before.as_bytes());
        assert_eq!(added, "alias\tscsi_hostadapter1  new  # first\nalias eth0 old_a\n");
        let back = Direction::Remove { present: vec!["old_b".into()] };
        assert_eq!(
            after(&wishes, &back, added.as_bytes()),
            "alias\tscsi_hostadapter1  old_b  # first\nalias eth0 old_a\n"
        );
        assert_eq!(after(&wishes, &gone(), added.as_bytes()), "alias eth0 old_a\n");
    }

    #[test]
    fn one_that_only_replaces_adds_no_alias() {
        assert_eq!(after(&wishes("eth", &["old"], true, &[]), &Direction::Add, b"# x\n"), "# x\n");
    }

    #[test]
    fn removing_undoes_adding_to_the_byte() {
        let wishes = wishes("eth", &[], false, &["options new a=1", "install new /bin/true"]);
        let files: [&[u8]; 12] = [
            b"",
            b"\n",
            b"a",
            b"a\n",
            b"a\r\n",
            b"a\r\nb",
            b"alias eth0 x",
            b"  options other b=2\n\n\n",
            b"# options new a=1\n",
            b"options new  a=1\n",
            b"\xff\xfe\n\ttab\n",
            b"alias eth3 x\r\nalias eth9 y",
        ];
        for bytes in files {
            let added = after(&wishes, &Direction::Add, bytes);
            let mut once = Edit::new(bytes);
            edit(&wishes, &Direction::Add, &mut once);
            let bytes_added = once.text.to_bytes();
            assert_ne!(bytes_added, bytes);
            let mut twice = Edit::new(&bytes_added);
            edit(&wishes, &Direction::Add, &mut twice);
            assert_eq!((twice.text.to_bytes(), twice.notes), (bytes_added.clone(), Vec::new()), "{added}");
            let mut back = Edit::new(&bytes_added);
            edit(&wishes, &gone(), &mut back);
            assert_eq!(back.text.to_bytes(), bytes, "{added}");
        }
    }

    #[test]
    fn a_line_that_goes_on_in_nothing_is_not_completed() {
        let mut edited = Edit::new(b"options x \\\n");
        edit(&wishes("eth", &[], false, &[]), &Direction::Add, &mut edited);
        assert_eq!(edited.text.to_bytes(), b"options x \\\n");
        assert!(edited.notes[0].contains("unfinished"));
    }
}
