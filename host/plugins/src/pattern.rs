//! The two kinds of patterns in manifests: paths below named roots, and the
//! arguments of a program.

use std::fmt;
use std::path::Path;
use std::sync::OnceLock;

use globset::{Glob, GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};

use modsmith_facts::{Location, Root, path_text};
use modsmith_plan::Argument;

pub(crate) mod argument_paths;
mod overlap;

/// `root` or `root/relative-glob`: grants the entries that it matches and
/// everything below them. `*` stays within one name, `**` does not.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathPattern {
    text: String,
    root: Root,
    /// The glob, and its names one by one; `None` is the whole root.
    glob: Option<(Matcher, Vec<Matcher>)>,
}

impl TryFrom<String> for PathPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (name, relative) = text.split_once('/').unwrap_or((&text, ""));
        let root = Root::narrow(name).ok_or_else(|| {
            format!(
                "`{text}` does not begin with a root that plugins know: modules, install-tree, headers, source, boot, etc, usr, var, sys, proc, tree or staging"
            )
        })?;
        let relative = relative.trim_end_matches('/');
        if relative.split('/').any(|part| part == "..") {
            return Err(format!("`{text}` climbs with `..`"));
        }
        let glob = if relative.is_empty() {
            None
        } else {
            Some((glob(relative)?, relative.split('/').map(glob).collect::<Result<_, _>>()?))
        };
        Ok(Self { text, root, glob })
    }
}

fn is_glob(name: &str) -> bool {
    name.contains(['*', '?', '[', '{', '\\'])
}

/// Whether a location is in the directory of a process, with its environment and memory, or is all memory.
fn is_of_process(location: &Location) -> bool {
    let first = location.relative().iter().next().map(|name| name.as_encoded_bytes()).unwrap_or_default();
    let is_process = first.first().is_some_and(u8::is_ascii_digit);
    location.root == Root::Proc && (is_process || matches!(first, b"self" | b"thread-self" | b"kcore"))
}

impl From<PathPattern> for String {
    fn from(pattern: PathPattern) -> Self {
        pattern.text
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PathPattern {
    /// The root that the pattern is below.
    pub fn root(&self) -> Root {
        self.root
    }

    /// Whether the pattern covers what the kernel says, `sys` or `proc`, without naming a
    /// file or directory there. A manifest may not ask for so much; a policy may deny it.
    pub(crate) fn is_all_of_kernel(&self) -> bool {
        let first = self.relative().and_then(|relative| relative.split('/').next());
        self.root.is_of_kernel() && first.is_none_or(is_glob)
    }

    /// The glob below the root; `None` for the whole root.
    pub fn relative(&self) -> Option<&str> {
        self.glob.as_ref().and_then(|_| self.text.split_once('/')).map(|(_, relative)| relative)
    }

    /// Whether the location, or a directory above it, is granted.
    pub fn covers(&self, location: &Location) -> bool {
        location.root == self.root
            && !is_of_process(location)
            && match &self.glob {
                None => true,
                Some((glob, _)) => {
                    location.relative().ancestors().any(|part| !part.as_os_str().is_empty() && glob.is_match(part))
                }
            }
    }

    /// Whether the pattern names the location itself: what is below its match does not count.
    pub fn names(&self, location: &Location) -> bool {
        let Some((glob, _)) = &self.glob else { return false };
        location.root == self.root && !is_of_process(location) && glob.is_match(location.relative())
    }

    /// Whether something below the location may be granted, so that a plugin
    /// has a reason to list it.
    pub(crate) fn leads_through(&self, location: &Location) -> bool {
        if is_of_process(location) {
            return false;
        }
        let Some((_, names)) = &self.glob else { return location.root == self.root };
        let parts: Vec<_> = location.relative().components().collect();
        location.root == self.root
            && parts.len() < names.len()
            && parts.iter().zip(names).all(|(part, name)| name.is_match(Path::new(part)))
    }

    /// Whether something below the location may be matched: as
    /// [`PathPattern::leads_through`], but `**` stands for any number of names.
    pub(crate) fn may_hold(&self, location: &Location) -> bool {
        if is_of_process(location) {
            return false;
        }
        let Some((_, names)) = &self.glob else { return location.root == self.root };
        let texts = self.relative().unwrap_or_default().split('/');
        let any_depth = texts.clone().position(|text| text.contains("**"));
        let fixed = any_depth.unwrap_or(names.len());
        let parts: Vec<_> = location.relative().components().collect();
        location.root == self.root
            && (parts.len() < names.len() || any_depth.is_some())
            && parts.iter().zip(&names[..fixed]).all(|(part, name)| name.is_match(Path::new(part)))
    }

    /// The only name in a directory that the pattern can match there, where it
    /// is one without special characters.
    pub(crate) fn next_plain_name(&self, location: &Location) -> Option<&str> {
        let mut names = self.relative()?.split('/');
        let depth = location.relative().components().count();
        if location.root != self.root || names.clone().take(depth).any(|name| name.contains("**")) {
            return None;
        }
        names.nth(depth).filter(|name| !name.contains(['*', '?', '[', '{', '\\']))
    }
}

fn glob(text: &str) -> Result<Matcher, String> {
    Matcher::new(text, GlobBuilder::new(text).literal_separator(true))
}

/// A glob that is compiled when something is first compared with it: most
/// patterns of most plugins never are, and it takes longer than all the rest of
/// reading a manifest.
#[derive(Debug, Clone)]
pub(super) struct Matcher {
    glob: Glob,
    compiled: OnceLock<GlobMatcher>,
}

impl Matcher {
    fn new(text: &str, builder: &GlobBuilder<'_>) -> Result<Self, String> {
        if text.len() > LONGEST_PATTERN {
            return Err(format!("`{text:.60}…` is longer than {LONGEST_PATTERN} bytes"));
        }
        let glob = builder.build().map_err(|e| format!("`{text}` is not a pattern: {}", e.kind()))?;
        Ok(Self { glob, compiled: OnceLock::new() })
    }

    pub(super) fn is_match(&self, text: impl AsRef<Path>) -> bool {
        self.compiled.get_or_init(|| self.glob.compile_matcher()).is_match(text)
    }
}

/// In bytes. A longer pattern might not compile.
pub(super) const LONGEST_PATTERN: usize = 1024;

/// A glob over absolute paths as text.
pub(super) fn absolute_glob(text: &str) -> Result<Matcher, String> {
    if !text.starts_with('/') || text.split('/').any(|part| part == "..") {
        return Err(format!("`{text}` is not an absolute path without `..`"));
    }
    glob(text)
}

/// The arguments that a program may be given: word by word, `*` standing for
/// any text within a word (for a location: within one name; alone, any location), and a final
/// `**` for all further words. A star at the beginning of a word does not stand for a
/// `-`, which would make an option of what is meant as a name: with `[-]` before
/// the star (`[-]*`, `[-]**`) it does. Nothing else is special.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct ArgumentPattern {
    words: Vec<String>,
    matchers: Vec<Word>,
    /// The pattern for all further arguments; `None` without `**`.
    further: Option<Word>,
}

/// A word of a pattern.
#[derive(Debug, Clone)]
struct Word {
    /// Whether an argument may begin with `-` where the pattern does not say so.
    dashes: bool,
    /// `None`: every argument matches.
    like: Option<Box<Likeness>>,
}

/// The beginning of a word whose star may stand for a `-`.
const MAY_BE_DASH: &str = "[-]*";

/// One pattern, compiled for both kinds of arguments.
#[derive(Debug, Clone)]
struct Likeness {
    text: Matcher,
    location: Matcher,
}

impl TryFrom<Vec<String>> for ArgumentPattern {
    type Error = String;

    fn try_from(words: Vec<String>) -> Result<Self, String> {
        let further = |word: &String| match word.as_str() {
            "**" => Some(Word { dashes: false, like: None }),
            "[-]**" => Some(Word { dashes: true, like: None }),
            _ => None,
        };
        let last = words.last().and_then(further);
        let fixed = &words[..words.len() - usize::from(last.is_some())];
        if let Some(word) = fixed.iter().find(|word| further(word).is_some()) {
            return Err(format!("`{word}` can only be the last of the `arguments`"));
        }
        let matchers = fixed.iter().map(|word| Word::new(word)).collect::<Result<_, _>>()?;
        Ok(Self { words, matchers, further: last })
    }
}

impl From<ArgumentPattern> for Vec<String> {
    fn from(pattern: ArgumentPattern) -> Self {
        pattern.words
    }
}

impl Word {
    fn new(word: &str) -> Result<Self, String> {
        let (dashes, word) = match word.strip_prefix(MAY_BE_DASH) {
            Some(_) => (true, &word[MAY_BE_DASH.len() - 1..]),
            None => (!word.starts_with('*'), word),
        };
        if word == "*" {
            return Ok(Word { dashes, like: None });
        }
        let escaped: Vec<String> = word.split('*').map(globset::escape).collect();
        let build = |within_names: bool| {
            let pattern = escaped.join("*");
            Matcher::new(word, GlobBuilder::new(&pattern).literal_separator(within_names).backslash_escape(false))
        };
        let like = Likeness { text: build(false)?, location: build(true)? };
        Ok(Word { dashes, like: Some(Box::new(like)) })
    }

    fn matches(&self, argument: &Argument) -> bool {
        match (&self.like, argument) {
            (_, Argument::Text(given)) if !self.dashes && given.starts_with('-') => false,
            (None, _) => true,
            (Some(like), Argument::Text(given)) => like.text.is_match(given),
            (Some(like), Argument::Location(location)) => like.location.is_match(format_location(location)),
        }
    }
}

/// A location in the form of patterns: `root/relative`.
pub(super) fn format_location(location: &Location) -> String {
    path_text(&Path::new(location.root.name()).join(location.relative())).into_owned()
}

impl ArgumentPattern {
    /// Whether the argument at an index is one word of the manifest's own, without a star.
    pub(crate) fn is_fixed(&self, index: usize) -> bool {
        index < self.matchers.len() && !self.words[index].contains('*')
    }

    /// Whether these arguments, in this order and number, are granted.
    pub fn matches(&self, arguments: &[Argument]) -> bool {
        let Some((first, others)) = arguments.split_at_checked(self.matchers.len()) else { return false };
        self.matchers.iter().zip(first).all(|(word, argument)| word.matches(argument))
            && others.iter().all(|argument| self.further.as_ref().is_some_and(|word| word.matches(argument)))
    }
}

impl fmt::Display for ArgumentPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_might_not_compile_is_no_pattern() {
        let long = format!("etc/{}", "{a,b}*".repeat(1000));
        let error = PathPattern::try_from(long).unwrap_err();
        assert!(error.ends_with("is longer than 1024 bytes"), "{error}");
        let largest = format!("etc/{}", "[!\u{1000}-\u{9000}]".repeat(102));
        let pattern = PathPattern::try_from(largest).unwrap();
        assert!(!pattern.covers(&location(Root::Etc, "a")));
    }

    fn pattern(text: &str) -> PathPattern {
        PathPattern::try_from(text.to_owned()).unwrap()
    }

    fn location(root: Root, relative: &str) -> Location {
        Location::new(root, relative).unwrap()
    }

    fn words(words: &[&str]) -> ArgumentPattern {
        ArgumentPattern::try_from(words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    fn text(words: &[&str]) -> Vec<Argument> {
        words.iter().map(|w| Argument::Text((*w).to_owned())).collect()
    }

    #[test]
    fn a_root_alone_covers_everything_below_it_and_no_other_root() {
        assert!(
            pattern("boot").covers(&location(Root::Boot, "a/b")) && pattern("boot").covers(&location(Root::Boot, ""))
        );
        assert!(!pattern("boot").covers(&location(Root::Etc, "a")));
    }

    #[test]
    fn a_star_stays_within_one_name_and_covers_what_is_below_its_match() {
        let images = pattern("boot/initramfs-*.img*");
        assert!(images.covers(&location(Root::Boot, "initramfs-6.1.img.old")));
        assert!(!images.covers(&location(Root::Boot, "x/initramfs-6.1.img")));
        assert!(!images.covers(&location(Root::Boot, "")));
        assert!(
            pattern("etc/d").covers(&location(Root::Etc, "d/x/y"))
                && !pattern("etc/d").covers(&location(Root::Etc, "dd"))
        );
    }

    #[test]
    fn directories_on_the_way_to_a_grant_may_be_listed_but_are_not_granted() {
        let tool = pattern("usr/lib/kbuild-*/scripts/sign-file");
        assert!(
            tool.leads_through(&location(Root::Usr, "lib/kbuild-6.1")) && !tool.covers(&location(Root::Usr, "lib"))
        );
        assert!(!tool.leads_through(&location(Root::Usr, "share")));
    }

    #[test]
    fn patterns_that_climb_or_name_a_root_of_the_hosts_are_refused() {
        for text in ["boot/../etc", "system/etc", "/etc", "boot/[", ""] {
            assert!(PathPattern::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn of_what_the_kernel_says_a_pattern_covers_what_it_names_and_never_a_process() {
        for text in ["proc", "sys", "proc/", "proc/*", "sys/**/uevent", "proc/{1,2}/environ"] {
            assert!(pattern(text).is_all_of_kernel(), "{text}");
        }
        for text in ["etc", "etc/*", "proc/modules", "sys/module/*/version"] {
            assert!(!pattern(text).is_all_of_kernel(), "{text}");
        }
        assert!(pattern("proc/modules").covers(&location(Root::Proc, "modules")));
        assert!(pattern("sys/module/*/version").covers(&location(Root::Sys, "module/self/version")));
        for of_process in ["1/environ", "self/environ", "thread-self/environ", "kcore"] {
            assert!(!pattern(&format!("proc/{of_process}")).covers(&location(Root::Proc, of_process)), "{of_process}");
        }
        assert!(!pattern("proc/1/environ").leads_through(&location(Root::Proc, "1")));
    }

    #[test]
    fn arguments_are_compared_one_by_one_and_in_number() {
        let pattern = words(&["-f", "*", "--kver=*"]);
        assert!(pattern.matches(&text(&["-f", "x", "--kver=6.1/2"])));
        assert!(!pattern.matches(&text(&["-f", "x"])));
        assert!(!pattern.matches(&text(&["-f", "x", "--kver=6.1", "y"])));
        assert!(!pattern.matches(&text(&["-g", "x", "--kver=6.1"])));
    }

    #[test]
    fn two_final_stars_stand_for_the_rest_and_only_there() {
        assert!(words(&["a", "**"]).matches(&text(&["a"])) && words(&["a", "**"]).matches(&text(&["a", "b", "c"])));
        assert!(ArgumentPattern::try_from(vec!["**".to_owned(), "a".to_owned()]).is_err());
    }

    #[test]
    fn a_star_at_the_beginning_is_no_option_unless_the_pattern_says_so() {
        for pattern in [&["*"][..], &["*.img"], &["**"]] {
            assert!(words(pattern).matches(&text(&["x.img"])), "{pattern:?}");
            assert!(!words(pattern).matches(&text(&["-x.img"])), "{pattern:?}");
            assert!(!words(pattern).matches(&text(&["--x=y.img"])), "{pattern:?}");
        }
        assert!(!words(&["a", "**"]).matches(&text(&["a", "b", "-c"])));
        for pattern in [&["[-]*"][..], &["[-]*.img"], &["[-]**"]] {
            assert!(words(pattern).matches(&text(&["x.img"])), "{pattern:?}");
            assert!(words(pattern).matches(&text(&["-x.img"])), "{pattern:?}");
        }
        assert!(words(&["-*"]).matches(&text(&["-x"])) && !words(&["-*"]).matches(&text(&["x"])));
        assert!(words(&["--a=*"]).matches(&text(&["--a=-x"])));
        assert!(ArgumentPattern::try_from(vec!["[-]**".to_owned(), "a".to_owned()]).is_err());
    }

    #[test]
    fn no_argument_is_granted_by_an_empty_list() {
        assert!(words(&[]).matches(&[]) && !words(&[]).matches(&text(&["a"])));
    }

    #[test]
    fn other_glob_characters_in_arguments_are_plain_text() {
        assert!(words(&["${Version}[a]?\\n"]).matches(&text(&["${Version}[a]?\\n"])));
        assert!(!words(&["[ab]"]).matches(&text(&["a"])));
    }

    #[test]
    fn a_word_is_the_manifests_own_if_it_has_no_star() {
        let pattern = words(&["-x", "*", "--a=*", "etc/k", "[-]**"]);
        let fixed: Vec<usize> = (0..8).filter(|index| pattern.is_fixed(*index)).collect();
        assert_eq!(fixed, [0, 3]);
        assert!(!words(&["**"]).is_fixed(0) && !words(&[]).is_fixed(0));
    }

    #[test]
    fn a_star_alone_is_any_location_and_within_a_word_one_name() {
        let deep = [Argument::Location(location(Root::Boot, "a/b"))];
        assert!(words(&["*"]).matches(&deep) && words(&["**"]).matches(&deep));
        assert!(!words(&["boot/*"]).matches(&deep));
    }

    #[test]
    fn a_program_is_what_the_pattern_names_and_nothing_below() {
        let program = pattern("usr/lib/*/tool");
        assert!(program.names(&location(Root::Usr, "lib/x/tool")));
        assert!(!program.names(&location(Root::Usr, "lib/x/tool/y")) && !program.names(&location(Root::Usr, "lib/x")));
        assert!(!pattern("usr").names(&location(Root::Usr, "bin/tool")));
        assert!(!pattern("usr/bin").names(&location(Root::Usr, "bin/tool")));
    }

    #[test]
    fn a_location_is_matched_as_root_and_path() {
        let pattern = words(&["boot/img-*"]);
        assert!(pattern.matches(&[Argument::Location(location(Root::Boot, "img-1"))]));
        assert!(!pattern.matches(&[Argument::Location(location(Root::Boot, "img-1/x"))]));
        assert!(!pattern.matches(&[Argument::Location(location(Root::Etc, "img-1"))]));
    }
}
