//! The command that builds a package.

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
    let is_make = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || "_-./+".contains(c));
    if let Some(rest) = text.strip_prefix("make").filter(|rest| is_make(rest)) {
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
    fn the_default_command_quotes_odd_paths() {
        assert_eq!(default_make_command("/a b", "/it's"), r"make -C '/a b' M='/it'\''s'");
    }
}
