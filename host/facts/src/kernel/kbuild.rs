//! Files that the kernel's own build system writes.

use std::path::{Path, PathBuf};

/// The source trees that the makefile at the top of a build directory goes on in, where the build
/// directory is not the source itself: absolute paths, as written.
///
/// Source: the kernel's `Makefile`, target `outputmakefile`: `include /path/Makefile`, and before
/// Linux 4.20 `MAKEARGS := -C /path`.
pub fn source_trees(makefile: &str) -> Vec<PathBuf> {
    let mut trees = Vec::new();
    for line in makefile.lines() {
        let mut words = line.split_whitespace();
        let tree = match words.next() {
            Some("include") => words.next().and_then(|file| Path::new(file).parent().map(Path::to_path_buf)),
            Some("MAKEARGS") => words.skip_while(|word| *word != "-C").nth(1).map(PathBuf::from),
            _ => None,
        };
        trees.extend(tree.filter(|tree| tree.is_absolute() && tree.parent().is_some()));
    }
    trees.sort();
    trees.dedup();
    trees
}

/// The makefile with its source trees below another root directory. `None`: it names none.
pub fn with_trees_below(makefile: &str, root: &Path) -> Option<String> {
    let moved = |word: &str| {
        let (before, path) = word.split_at(word.find('/')?);
        Some(format!("{before}{}{path}", root.display())).filter(|_| matches!(before, "" | "O="))
    };
    let mut names_any = false;
    let lines = makefile.split_inclusive('\n').map(|line| {
        let first = line.split_whitespace().next();
        let is_plain = !source_trees(line).is_empty();
        let Some(word) = line
            .split_whitespace()
            .skip(1)
            .find(|word| moved(word).is_some())
            .filter(|word| is_plain || (first == Some("MAKEARGS") && word.starts_with("O=")))
        else {
            return line.to_owned();
        };
        names_any = true;
        line.replacen(word, &moved(word).unwrap_or_default(), 1)
    });
    let text = lines.collect();
    names_any.then_some(text)
}

/// The file below a kernel's headers that has the release which modules are built for. Source: the kernel's
/// include/linux/vermagic.h; `include/config/kernel.release` may have another one.
pub const RELEASE_FILE: &str = "include/generated/utsrelease.h";

/// The release in the text of that file.
pub fn release_in(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("#define UTS_RELEASE \"")?.strip_suffix('"'))
}

/// The files that an object was made from, by the command file `.NAME.cmd` that is written beside
/// it: absolute paths only, as written.
///
/// Source: the kernel's `scripts/basic/fixdep.c` (`source_…`, `deps_…`).
pub fn absolute_dependencies(command_file: &str) -> impl Iterator<Item = &Path> {
    // The first line is the command, whose paths are not dependencies.
    let lists = command_file.lines().skip_while(|line| !line.starts_with("source_") && !line.starts_with("deps_"));
    let words = lists.take_while(|line| !line.starts_with("$(")).flat_map(str::split_whitespace);
    let outside = words.map(|word| word.trim_end_matches(':')).filter(|word| word.starts_with('/'));
    outside.filter(|word| !word.contains('$')).map(Path::new)
}

/// Whether a file has the name of a command file.
pub fn is_command_file(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with('.') && name.ends_with(".cmd"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_directory_names_its_source() {
        assert_eq!(source_trees("include /usr/src/linux-common/Makefile\n"), [PathBuf::from("/usr/src/linux-common")]);
        let old = "VERSION = 4\nMAKEARGS := -C /usr/src/linux-4\nMAKEARGS += O=/usr/src/out\n";
        assert_eq!(source_trees(old), [PathBuf::from("/usr/src/linux-4")]);
        for none in
            ["include scripts/Makefile.lib\n", "include $(srctree)/x\n", "include /Makefile\n", "all:\n", "include"]
        {
            assert_eq!(source_trees(none), Vec::<PathBuf>::new(), "{none}");
        }
    }

    #[test]
    fn a_makefile_is_made_to_name_its_source_elsewhere() {
        let moved = |text: &str| with_trees_below(text, Path::new("/c"));
        assert_eq!(moved("# x\ninclude /usr/src/y/Makefile\n").unwrap(), "# x\ninclude /c/usr/src/y/Makefile\n");
        let old = "MAKEARGS := -C /usr/src/linux-4\nMAKEARGS += O=/usr/src/out\n";
        assert_eq!(moved(old).unwrap(), "MAKEARGS := -C /c/usr/src/linux-4\nMAKEARGS += O=/c/usr/src/out\n");
        assert_eq!(moved("include scripts/x\nall: /usr/y\n"), None);
    }

    #[test]
    fn the_release_is_what_modules_are_built_for() {
        assert_eq!(release_in("#define UTS_RELEASE \"6.1.0-1-rt\"\n"), Some("6.1.0-1-rt"));
        assert_eq!(release_in("#define UTS_VERSION \"x\"\n"), None);
    }

    #[test]
    fn dependencies_outside_are_those_with_an_absolute_path() {
        let text = "savedcmd_/b/a.o := gcc -I /opt/x -o /b/a.o /b/a.c\n\nsource_/b/a.o := /b/a.c\n\ndeps_/b/a.o := \\\n    \
                    $(wildcard include/config/X) \\\n  include/linux/a.h \\\n  /usr/src/other/b.h \\\n\n/b/a.o: $(deps_/b/a.o)\n\n$(deps_/b/a.o):\n";
        let found: Vec<_> = absolute_dependencies(text).collect();
        assert_eq!(found, ["/b/a.c", "/usr/src/other/b.h", "/b/a.o"].map(Path::new));
        assert_eq!(absolute_dependencies("cmd_x := ld -r -o /b/x.o /opt/y.o\n").count(), 0);
        assert!(is_command_file(Path::new("d/.a.o.cmd")) && !is_command_file(Path::new("a.cmd")));
    }
}
