//! The command that builds a package.

use regex::Regex;

use super::PackageConf;

/// The command for a package without MAKE: the kernel's own build of the
/// modules in `build_dir`. Paths with blanks are quoted for the shell.
/// Source: the kernel's Documentation/kbuild/modules.rst.
pub fn default_make_command(kernel_source_dir: &str, build_dir: &str) -> String {
    format!("make -C {} M={}", quoted(kernel_source_dir), quoted(build_dir))
}

/// The shell command to run in the build directory: the package's MAKE, or
/// `default` (see [`default_make_command`]) where it has none.
///
/// A command that begins with the word `make` gets the number of jobs (0: without
/// limit; `None`: make learns it otherwise) and the kernel release behind it;
/// packages dodge that with `'make'` or a path. With
/// `llvm` the kernel was built by clang and the modules must be too.
pub fn make_command(conf: &PackageConf, default: &str, jobs: Option<u32>, kernel_release: &str, llvm: bool) -> String {
    let text = conf.make.as_deref().unwrap_or(default);
    if let Some(rest) = behind_make(text) {
        let llvm = if llvm { " LLVM=1" } else { "" };
        let jobs = match jobs {
            None => String::new(),
            Some(0) => " -j".to_owned(),
            Some(jobs) => format!(" -j{jobs}"),
        };
        return format!("make{jobs} KERNELRELEASE={kernel_release}{llvm}{rest}");
    }
    match llvm {
        false => text.to_owned(),
        // Behind a list or a group it would be a word of the last command, or an
        // error.
        true if text.contains([';', '&', '|', '(', ')', '{', '\n']) => format!("export LLVM=1; {text}"),
        true => format!("{text} LLVM=1"),
    }
}

/// What is behind a leading word `make`.
fn behind_make(text: &str) -> Option<&str> {
    let is_word = |rest: &&str| !rest.starts_with(|c: char| c.is_alphanumeric() || "_-./+".contains(c));
    text.strip_prefix("make").filter(is_word)
}

/// Programs of recipes that start no make.
const NO_MAKES: [&str; 27] = [
    ":", "[", "[[", "cat", "cd", "chmod", "cp", "echo", "exit", "export", "false", "find", "grep", "install", "ln",
    "mkdir", "mv", "nproc", "printf", "pwd", "rm", "sed", "strip", "tee", "touch", "true", "uname",
];

/// Words of shells before a command.
const BEFORE_COMMANDS: [&str; 10] = ["!", "do", "elif", "else", "env", "exec", "if", "then", "time", "while"];

/// Whether a package's MAKE has makes that only a jobserver tells to do several
/// things at the same time. The first word `make` is told by `-j` as well, and so
/// is one with a `-j` of its own.
pub fn only_jobserver_tells(make: Option<&str>) -> bool {
    let Some(text) = make else { return false };
    // These end no commands: redirections, and the words `{}` and `\;` of find.
    let text = text.replace(">&", " ").replace("&>", " ").replace("{}", " ").replace("\\;", " ");
    // A substitution is a word, and what is in it is another command.
    let substitution = Regex::new(r"\$\(([^()]*)\)").expect("a pattern");
    let inner: Vec<&str> = substitution.captures_iter(&text).filter_map(|found| Some(found.get(1)?.as_str())).collect();
    let text = format!("{}\n{}", substitution.replace_all(&text, "_"), inner.join("\n"));
    let mut commands = text.split([';', '&', '|', '(', ')', '{', '}', '\n', '`']);
    if behind_make(&text).is_some() {
        commands.next();
    }
    commands.any(|command| {
        let words = command.split_whitespace().map(|word| word.trim_matches(['\'', '"', '\\']));
        let is_before = |word: &&str| BEFORE_COMMANDS.contains(word) || is_assignment(word);
        let words: Vec<&str> = words.skip_while(is_before).collect();
        let Some(program) = words.first().filter(|word| !["", "fi", "done", "for"].contains(word)) else {
            return false;
        };
        let is_make = |word: &&&str| matches!(word.rsplit('/').next(), Some("make" | "gmake"));
        match words.iter().any(|word| is_make(&word)) {
            true => !words.iter().any(|word| word.starts_with("-j") || word.starts_with("--jobs")),
            false => !NO_MAKES.contains(program),
        }
    })
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:@%,~".contains(c);
    if !path.is_empty() && path.chars().all(plain) { path.into() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(make: Option<&str>, llvm: bool) -> String {
        let conf = PackageConf { make: make.map(Into::into), ..PackageConf::default() };
        make_command(&conf, &default_make_command("/k", "/b"), Some(4), "6.1", llvm)
    }

    #[test]
    fn a_leading_make_gets_jobs_and_release() {
        assert_eq!(command(Some("make -C x && make y"), false), "make -j4 KERNELRELEASE=6.1 -C x && make y");
        assert_eq!(command(Some("make"), false), "make -j4 KERNELRELEASE=6.1");
        assert_eq!(command(None, false), "make -j4 KERNELRELEASE=6.1 -C /k M=/b");
    }

    #[test]
    fn make_has_no_option_for_zero_jobs() {
        let conf = PackageConf { make: Some("make x".into()), ..PackageConf::default() };
        let command = |jobs| make_command(&conf, "", jobs, "6.1", false);
        assert_eq!(command(Some(0)), "make -j KERNELRELEASE=6.1 x");
        assert_eq!(command(None), "make KERNELRELEASE=6.1 x");
    }

    #[test]
    fn what_does_not_begin_with_the_word_make_stays() {
        for text in
            ["'make' all", "/usr/bin/make all", "(make a; make b)", "K=/x make driver", "makefoo", "make-kpkg", ""]
        {
            assert_eq!(command(Some(text), false), text);
        }
    }

    #[test]
    fn a_clang_kernel_gets_llvm_where_it_reaches_make() {
        assert_eq!(command(Some("make a; find ."), true), "make -j4 KERNELRELEASE=6.1 LLVM=1 a; find .");
        assert_eq!(command(Some("'make' a"), true), "'make' a LLVM=1");
        assert_eq!(command(Some("(make a)"), true), "export LLVM=1; (make a)");
    }

    #[test]
    fn makes_that_dkms_gives_one_job_are_known() {
        assert!(!only_jobserver_tells(None));
        for told in [
            "make",
            "make -C /k M=/b modules",
            "make all 2>&1 | tee log",
            "make KDIR=/k; cp a b",
            "make modules && find . -name '*.ko' -exec cp {} . ;",
            "'make' -j$(nproc) modules",
            "make -C /k && K=1 make -j4 install",
            "cp prebuilt/x.ko .",
            "true",
            "",
        ] {
            assert!(!only_jobserver_tells(Some(told)), "{told:?}");
        }
        for untold in [
            "(make modules; make firmware)",
            "make a && make b",
            "make a; ./build.sh",
            "'make' modules",
            "/usr/bin/make modules",
            "KDIR=/k make driver",
            "env -i make",
            "./build.sh /k",
            "sh build.sh",
            "cd src && make",
            "if true; then make; fi",
        ] {
            assert!(only_jobserver_tells(Some(untold)), "{untold:?}");
        }
    }

    #[test]
    fn the_default_command_quotes_odd_paths() {
        assert_eq!(default_make_command("/a b", "/it's"), r"make -C '/a b' M='/it'\''s'");
    }
}
