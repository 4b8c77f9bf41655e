//! BUILD_EXCLUSIVE_*: whether a kernel is one that a package, and each of its
//! modules, is for.

use std::cmp::Ordering;

use super::{Exclusive, PackageConf, version};
use modsmith_facts::kernel::Kernel;

impl PackageConf {
    /// Sets the modules apart that are not for a kernel: they are neither expected of
    /// its build nor installed for it.
    ///
    /// Nothing changes where the whole package is not for the kernel: what was built
    /// for it once, perhaps before that was known, can still be looked after.
    pub fn exclude(&mut self, kernel: &Kernel) {
        if !self.excludes_modules() || self.excludes(kernel).is_some() {
            return;
        }
        for (slot, module) in (0..).zip(std::mem::take(&mut self.modules)) {
            match self.exclusive.get(&slot).and_then(|exclusive| exclusive.excludes(kernel)) {
                Some(reason) => self.excluded.push((module, reason)),
                None => self.modules.push(module),
            }
        }
    }

    /// Why the package cannot be built for a kernel; `None` if it can.
    ///
    /// Slot 0 decides: it is the whole package's, because a plain assignment is slot
    /// 0, and the first module's. Where it allows the kernel that module can be built.
    pub fn excludes(&self, kernel: &Kernel) -> Option<String> {
        self.exclusive.get(&0)?.excludes(kernel)
    }

    /// Whether its modules may be others from one kernel to the next.
    pub fn excludes_modules(&self) -> bool {
        self.exclusive.keys().any(|slot| *slot > 0)
    }
}

impl Exclusive {
    /// Why nothing that it is about can be built for a kernel; `None` if it can.
    ///
    /// Bounds are inclusive. A pattern that is no regular expression matches
    /// nothing, as in bash: packages write a sentence there to mean "never".
    /// Kernel configuration is not looked at where there is none.
    pub fn excludes(&self, kernel: &Kernel) -> Option<String> {
        let release = kernel.release();
        let mismatch = |name: &str, pattern: &Option<String>, text: &str| {
            let pattern = pattern.as_deref()?;
            match bash_assign::ere::matches(pattern, text) {
                Ok(true) => None,
                Ok(false) => Some(format!("{name} demands `{pattern}`, which {text} does not match")),
                Err(bad) => Some(format!("{name} matches nothing: {bad}")),
            }
        };
        mismatch("BUILD_EXCLUSIVE_KERNEL", &self.kernel, release)
            .or_else(|| {
                let bound = self.kernel_min.as_deref()?;
                let below = version::compare(release, bound) == Ordering::Less;
                below.then(|| format!("BUILD_EXCLUSIVE_KERNEL_MIN is {bound}, and {release} is older"))
            })
            .or_else(|| {
                let bound = self.kernel_max.as_deref()?;
                let above = version::compare(release, bound) == Ordering::Greater;
                above.then(|| format!("BUILD_EXCLUSIVE_KERNEL_MAX (or OBSOLETE_BY) is {bound}, and {release} is newer"))
            })
            .or_else(|| mismatch("BUILD_EXCLUSIVE_ARCH", &self.arch, kernel.arch()))
            .or_else(|| self.config_excludes(kernel))
    }

    fn config_excludes(&self, kernel: &Kernel) -> Option<String> {
        let file = kernel.config_file()?;
        self.config.iter().find_map(|word| {
            let (wanted, symbol) = match word.strip_prefix('!') {
                Some(symbol) => (false, symbol),
                None => (true, word.as_str()),
            };
            // As in the configuration's file: a name without CONFIG_ is none that can be set.
            let set = matches!(symbol.strip_prefix("CONFIG_").and_then(|name| kernel.config(name)), Some("y" | "m"));
            let state = if set { "set" } else { "not set" };
            let demand = "BUILD_EXCLUSIVE_CONFIG demands";
            (set != wanted).then(|| format!("{demand} `{word}`, and {symbol} is {state} in {}", file.display()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::{ReaderChoice, Request, Strictness, TIME_LIMIT, Variables, evaluate_within};
    use modsmith_facts::kernel::KernelInput;

    fn kernel(release: &str, config: Option<&str>) -> (Kernel, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config");
        if let Some(text) = config {
            std::fs::write(&file, text).unwrap();
        }
        let config_file = config.map(|_| file);
        let input =
            KernelInput { release: release.into(), arch: "x86_64".into(), config_file, ..KernelInput::default() };
        (Kernel::new(input), dir)
    }

    fn excluded(exclusive: &Exclusive, release: &str, config: Option<&str>) -> Option<String> {
        let (kernel, _dir) = kernel(release, config);
        exclusive.excludes(&kernel)
    }

    #[test]
    fn nothing_demanded_excludes_nothing() {
        assert_eq!(excluded(&Exclusive::default(), "6.1.0", None), None);
    }

    #[test]
    fn bounds_are_inclusive_and_count_numbers() {
        let e = Exclusive {
            kernel_min: Some("6.12.0-999".into()),
            kernel_max: Some("6.13".into()),
            ..Exclusive::default()
        };
        assert_eq!(excluded(&e, "6.12.0-1000", None), None);
        assert_eq!(excluded(&e, "6.12.0-999", None), None);
        assert_eq!(excluded(&e, "6.13", None), None);
        let text = excluded(&e, "6.1.0-56-amd64", None).unwrap();
        assert_eq!(text, "BUILD_EXCLUSIVE_KERNEL_MIN is 6.12.0-999, and 6.1.0-56-amd64 is older");
        assert!(excluded(&e, "6.14.0", None).unwrap().contains("is newer"));
    }

    #[test]
    fn kernel_and_architecture_are_matched_unanchored() {
        let e = Exclusive { kernel: Some("amd64".into()), arch: Some("86".into()), ..Exclusive::default() };
        assert_eq!(excluded(&e, "6.1-amd64", None), None);
        let text = excluded(&e, "6.1-arm", None).unwrap();
        assert_eq!(text, "BUILD_EXCLUSIVE_KERNEL demands `amd64`, which 6.1-arm does not match");
    }

    #[test]
    fn a_slot_is_about_its_module_and_slot_0_about_all() {
        let conf = |lines: &str| {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("dkms.conf");
            let modules: String =
                (0..3).map(|i| format!("BUILT_MODULE_NAME[{i}]=m{i}\nDEST_MODULE_LOCATION[{i}]=/extra\n")).collect();
            std::fs::write(&file, format!("PACKAGE_NAME=p\nPACKAGE_VERSION=1\n{modules}{lines}\n")).unwrap();
            let request = Request {
                conf: &file,
                overrides: Vec::new(),
                variables: &Variables::default(),
                directives: &[],
                reader: ReaderChoice::Plain,
            };
            let evaluated = evaluate_within(&request, [], TIME_LIMIT).unwrap();
            let mut conf = PackageConf::from_evaluated(&evaluated, "6.1.0-9", Strictness::Strict).unwrap();
            let (kernel, _dir) = kernel("6.1.0-9", Some("CONFIG_A=y\n"));
            conf.exclude(&kernel);
            (conf, kernel)
        };
        // Lines, the modules that are built, whether the package is not for the kernel.
        let table: [(&str, &[&str], bool); 12] = [
            ("", &["m0", "m1", "m2"], false),
            ("BUILD_EXCLUSIVE_KERNEL='^6'", &["m0", "m1", "m2"], false),
            ("BUILD_EXCLUSIVE_KERNEL='^5'", &["m0", "m1", "m2"], true),
            ("BUILD_EXCLUSIVE_KERNEL[0]='^5'", &["m0", "m1", "m2"], true),
            ("BUILD_EXCLUSIVE_KERNEL[1]='^5'", &["m0", "m2"], false),
            ("BUILD_EXCLUSIVE_KERNEL[1]='^5'\nBUILD_EXCLUSIVE_ARCH[2]=sparc", &["m0"], false),
            ("BUILD_EXCLUSIVE_KERNEL='^6'\nBUILD_EXCLUSIVE_KERNEL[2]='^5'", &["m0", "m1"], false),
            ("BUILD_EXCLUSIVE_KERNEL_MIN=('' 6.2 6.0)", &["m0", "m2"], false),
            ("BUILD_EXCLUSIVE_KERNEL_MAX=('' 6.2 6.0)", &["m0", "m1"], false),
            ("BUILD_EXCLUSIVE_CONFIG=(CONFIG_A CONFIG_B '!CONFIG_B')", &["m0", "m2"], false),
            ("BUILD_EXCLUSIVE_CONFIG='CONFIG_A CONFIG_B'", &["m0", "m1", "m2"], true),
            ("OBSOLETE_BY=6.0\nBUILD_EXCLUSIVE_KERNEL[1]='^5'", &["m0", "m1", "m2"], true),
        ];
        for (lines, built, excluded) in table {
            let (conf, kernel) = conf(lines);
            let names: Vec<&str> = conf.modules.iter().map(|module| module.dest_name.as_str()).collect();
            assert_eq!((names.as_slice(), conf.excludes(&kernel).is_some()), (built, excluded), "{lines}");
            assert_eq!(conf.modules.len() + conf.excluded.len(), 3, "{lines}");
        }
    }

    #[test]
    fn a_sentence_in_place_of_a_pattern_means_never() {
        let e = Exclusive { arch: Some("^do_not_build$".into()), ..Exclusive::default() };
        assert!(excluded(&e, "6.1", None).unwrap().starts_with("BUILD_EXCLUSIVE_ARCH demands"));
        let e = Exclusive { kernel: Some("(".into()), ..Exclusive::default() };
        assert!(excluded(&e, "6.1", None).unwrap().contains("matches nothing"));
    }

    #[test]
    fn symbols_must_be_built_in_or_modules_and_negated_ones_neither() {
        let config = Some("CONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\nCONFIG_D=\"text\"\n");
        let with =
            |words: &[&str]| Exclusive { config: words.iter().map(|w| (*w).into()).collect(), ..Exclusive::default() };
        assert_eq!(excluded(&with(&["CONFIG_A", "CONFIG_B", "!CONFIG_C", "!CONFIG_D"]), "6.1", config), None);
        let text = excluded(&with(&["CONFIG_C"]), "6.1", config).unwrap();
        assert!(text.starts_with("BUILD_EXCLUSIVE_CONFIG demands `CONFIG_C`, and CONFIG_C is not set in "), "{text}");
        assert!(excluded(&with(&["!CONFIG_A"]), "6.1", config).unwrap().contains("CONFIG_A is set"));
        assert_eq!(excluded(&with(&["CONFIG_C"]), "6.1", None), None);
    }
}
