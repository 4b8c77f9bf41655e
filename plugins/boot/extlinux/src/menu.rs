//! The text of the menu: a keyword and its value on each line.

use boot_spec::below;
use modsmith_plugin::prelude::*;

/// The contents of the file.
#[derive(Debug, Default)]
pub struct Menu {
    pub entries: Vec<BootEntry>,
    /// The name of the entry that starts without a choice of the user.
    pub default: Option<String>,
    /// The name of the entry that starts when the time is over.
    pub on_timeout: Option<String>,
    /// Whether the menu waits for a limited time.
    pub has_timeout: bool,
    /// A line that reads another file, which may choose another entry.
    pub elsewhere: Option<String>,
}

/// Reads the menu. Relative paths are below the directory of the file, `name` below `/boot`.
pub fn parse(text: &str, name: &str) -> Menu {
    let mut menu = Menu::default();
    let mut is_default = None;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (keyword, value) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let value = value.trim();
        let location = |value: &str| at(value, name);
        match (keyword.to_ascii_lowercase().as_str(), menu.entries.last_mut()) {
            ("label", _) => {
                menu.entries.push(BootEntry { id: value.into(), title: value.into(), ..BootEntry::default() })
            }
            ("default", _) => menu.default = Some(value.into()),
            ("ontimeout", _) => menu.on_timeout = Some(value.into()),
            ("timeout", _) => menu.has_timeout = value.parse::<u32>().is_ok_and(|tenths| tenths > 0),
            ("include", _) => menu.elsewhere = Some(line.into()),
            ("menu", entry) => {
                let (word, rest) = value.split_once([' ', '\t']).unwrap_or((value, ""));
                match (word.to_ascii_lowercase().as_str(), entry) {
                    ("label", Some(entry)) => entry.title = rest.trim().replace('^', ""),
                    // Counts where the file has no other choice.
                    ("default", Some(entry)) => is_default = Some(entry.id.clone()),
                    ("include", _) => menu.elsewhere = Some(line.into()),
                    _ => {}
                }
            }
            ("linux" | "kernel", Some(entry)) => entry.image = location(value),
            ("initrd", Some(entry)) => entry.initrds = value.split(',').filter_map(location).collect(),
            ("append", Some(entry)) => {
                let (initrds, rest) = without_initrd(value);
                if entry.initrds.is_empty() {
                    entry.initrds = initrds.iter().filter_map(|file| location(file)).collect();
                }
                entry.command_line = (rest != "-").then_some(rest);
            }
            _ => {}
        }
    }
    menu.default = menu.default.or(is_default);
    menu
}

/// A path as the boot loader has it: `/` is the file system of the menu, which may be `/boot` itself.
fn at(value: &str, name: &str) -> Option<Path> {
    let directory = name.rsplit_once('/').map_or("", |(directory, _)| directory);
    if let Some(path) = value.strip_prefix('/') {
        return below(&Path::boot(""), path.strip_prefix("boot/").unwrap_or(path));
    }
    // U-Boot's and Debian's menus go up from their directory.
    match value.strip_prefix("../") {
        Some(path) => below(&Path::boot(""), path.strip_prefix("boot/").unwrap_or(path)),
        None if directory.is_empty() => below(&Path::boot(""), value),
        None => below(&Path::boot(directory), value),
    }
}

/// `initrd=A,B` of a command line, and the rest of it.
fn without_initrd(line: &str) -> (Vec<String>, String) {
    let (initrds, rest): (Vec<&str>, Vec<&str>) = line.split_whitespace().partition(|word| word.starts_with("initrd="));
    let files = initrds.iter().filter_map(|word| word.strip_prefix("initrd="));
    (files.flat_map(|files| files.split(',')).map(str::to_owned).collect(), rest.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_menus_file_system() {
        let shown = |value: &str, name: &str| at(value, name).map(|path| path.to_string());
        assert_eq!(shown("/vmlinuz", "extlinux/extlinux.conf").as_deref(), Some("boot/vmlinuz"));
        assert_eq!(shown("/boot/vmlinuz", "extlinux/extlinux.conf").as_deref(), Some("boot/vmlinuz"));
        assert_eq!(shown("../vmlinuz", "extlinux/extlinux.conf").as_deref(), Some("boot/vmlinuz"));
        assert_eq!(shown("vmlinuz", "extlinux/extlinux.conf").as_deref(), Some("boot/extlinux/vmlinuz"));
        assert_eq!(shown("../../etc/passwd", "extlinux/extlinux.conf"), None);
        assert_eq!(shown("", "extlinux/extlinux.conf"), None);
    }

    #[test]
    fn the_command_line_may_name_the_boot_images() {
        let menu = parse("label a\nkernel /k\nappend initrd=/one,/two root=/dev/sda1 ro\n", "extlinux.conf");
        let files: Vec<String> = menu.entries[0].initrds.iter().map(ToString::to_string).collect();
        assert_eq!(
            (files, menu.entries[0].command_line.as_deref()),
            (vec!["boot/one".to_owned(), "boot/two".to_owned()], Some("root=/dev/sda1 ro"))
        );
    }
}
