//! Which plugins there are, and which of them serve this system: read from
//! manifests only.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::form;
use super::grant::Grant;
use super::limits::{LARGEST_MANIFEST, LoadingLimits, RoleLimits};
use super::manifest::{Closeness, Manifest, Role};
use super::order::order_of;
use super::policy::{self, Denials};
use super::search::{Place, SearchPath, check_metadata, check_owner};
use super::table::{Table, TableFile};

/// A plugin that was found and may be used.
#[derive(Debug)]
pub struct Entry {
    /// Of a table: its base's, with the table's own id, version and match.
    pub manifest: Manifest,
    pub component: PathBuf,
    pub table: Option<Table>,
    pub place: Place,
    pub grant: Arc<Grant>,
}

impl Entry {
    pub fn id(&self) -> &str {
        &self.manifest.id
    }

    /// The file that makes the plugin what it is: the table, or the component.
    pub fn file(&self) -> &Path {
        self.table.as_ref().map_or(&self.component, |table| &table.file)
    }

    /// What a table says, as settings; nothing for others.
    pub fn policy(&self) -> BTreeMap<String, String> {
        self.table.as_ref().map(|table| table.policy.clone()).unwrap_or_default()
    }
}

/// A file that was refused, and why.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Problem {
    pub file: PathBuf,
    /// Its id, if that could be read.
    pub plugin: Option<String>,
    /// What is wrong and what to do, without the file's name.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.plugin {
            Some(id) => write!(f, "Plugin `{id}` ({}) is not used: {}.", self.file.display(), self.message),
            None => write!(f, "{} is not used as a plugin: {}.", self.file.display(), self.message),
        }
    }
}

impl Problem {
    /// A sentence for each, but one for many of a directory that have the same
    /// problem.
    pub fn told(problems: &[Problem]) -> Vec<String> {
        const FEW: usize = 3;
        let mut alike: BTreeMap<(&Path, String), Vec<&Problem>> = BTreeMap::new();
        for problem in problems {
            let id = problem.plugin.as_deref().unwrap_or_default();
            let message = problem.message.replace(&format!(" {id}`"), " ID`");
            alike.entry((problem.file.parent().unwrap_or(&problem.file), message)).or_default().push(problem);
        }
        let told = alike.into_iter().flat_map(|((directory, message), problems)| {
            let ids: Vec<&str> = problems.iter().filter_map(|problem| problem.plugin.as_deref()).collect();
            if ids.len() <= FEW || ids.len() < problems.len() {
                return problems.iter().map(ToString::to_string).collect();
            }
            let (count, first) = (ids.len(), ids[..FEW].join("`, `"));
            vec![format!(
                "{count} plugins in {} are not used (`{first}` and {} more). Of each: {message}.",
                directory.display(),
                count - FEW
            )]
        });
        told.collect()
    }
}

/// The plugins of a search path.
#[derive(Debug, Default)]
pub struct Index {
    entries: Vec<Entry>,
    problems: Vec<Problem>,
    refused: Vec<Refused>,
    unusable: Vec<Unusable>,
}

/// A plugin that this machine wants to be used and that is not what it was, or
/// cannot be read. What it would have decided is not left to others: whoever
/// would have to ask it, stops.
#[derive(Debug)]
pub struct Unusable {
    pub id: String,
    pub file: PathBuf,
    pub place: Place,
    /// As its file has it now. `None`: it cannot be read, so that the plugin may
    /// be responsible for anything.
    pub manifest: Option<Manifest>,
    /// What is wrong and what to do, without the file's name.
    pub message: String,
}

/// A plugin in good order that this machine does not let be used.
#[derive(Debug)]
pub struct Refused {
    pub manifest: Manifest,
    pub component: PathBuf,
    pub table: Option<Table>,
    /// What is missing and what to do.
    pub message: String,
}

/// A file before it is admitted.
struct Candidate {
    manifest: Manifest,
    component: PathBuf,
    table: Option<Table>,
    place: Place,
}

impl Index {
    /// Reads all manifests. A file that is refused becomes a problem and hides
    /// no other.
    pub fn read(search: &SearchPath) -> Self {
        let mut index = Self::default();
        // A file of limits that cannot be read ends every call, with its error.
        let limits = RoleLimits::read(&search.config).unwrap_or_default().loading;
        let mut components: Vec<Candidate> = Vec::new();
        let mut tables: Vec<(PathBuf, Place)> = Vec::new();
        for (dir, place) in &search.directories {
            index.read_directory(dir, *place, (&search.config, &limits), &mut components, &mut tables);
        }
        let mut candidates = index.pair_tables(&components, tables, &search.config);
        // Within one directory, and in an earlier one, a component wins over a
        // table of the same id.
        components.append(&mut candidates);
        let rank = |place: &Path| search.directories.iter().position(|(dir, _)| place.starts_with(dir));
        components.sort_by_key(|c| rank(c.table.as_ref().map_or(&c.component, |t| &t.file)));

        match Denials::read(&search.config) {
            Ok(denials) => {
                index.unusable.retain(|unusable| denials.denies_plugin(&unusable.id).is_none());
                components.into_iter().for_each(|c| index.admit(c, &denials, search));
            }
            Err(why) => {
                let message = format!("the policy of this machine is unknown: {why}");
                for Candidate { manifest, component, table, place } in components {
                    let plugin = Some(manifest.id.clone());
                    index.problems.push(Problem { plugin, file: component.clone(), message: message.clone() });
                    let file = table.map_or(component, |table| table.file);
                    index.is_missed(&manifest.id.clone(), file, place, Some(manifest), &message, &search.config);
                }
            }
        }
        index
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id() == id)
    }

    /// A plugin that would be used if this machine let it be.
    pub fn refused(&self, id: &str) -> Option<&Refused> {
        self.refused.iter().find(|refused| refused.manifest.id == id)
    }

    /// Plugins that would be used if their files were what they have to be.
    pub fn unusable(&self) -> &[Unusable] {
        &self.unusable
    }

    /// Notes a plugin that cannot be used, if this machine wants it to be.
    fn is_missed(
        &mut self,
        id: &str,
        file: PathBuf,
        place: Place,
        manifest: Option<Manifest>,
        message: &str,
        config: &Path,
    ) {
        if policy::is_wanted(config, place, id) {
            self.unusable.push(Unusable { id: id.to_owned(), file, place, manifest, message: message.to_owned() });
        }
    }

    /// The same for a file that cannot even be read: it has its plugin's name.
    fn cannot_read(&mut self, file: PathBuf, place: Place, message: String, config: &Path) {
        if let Some(id) = file.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned) {
            self.is_missed(&id, file.clone(), place, None, &message, config);
        }
        self.problems.push(Problem { file, plugin: None, message });
    }

    pub fn all_refused(&self) -> impl Iterator<Item = &Refused> {
        self.refused.iter()
    }

    fn read_directory(
        &mut self,
        dir: &Path,
        place: Place,
        (config, limits): (&Path, &LoadingLimits),
        components: &mut Vec<Candidate>,
        tables: &mut Vec<(PathBuf, Place)>,
    ) {
        let Ok(entries) = std::fs::read_dir(dir) else { return };
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.sort();
        if let Err(message) = check_owner(dir) {
            let is_plugin = |file: &PathBuf| file.extension().is_some_and(|e| e == "wasm" || e == "toml");
            for file in files.into_iter().filter(is_plugin) {
                let Some(id) = file.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned) else { continue };
                self.is_missed(&id, file, place, None, &message, config);
            }
            self.problems.push(Problem { file: dir.to_path_buf(), plugin: None, message });
            return;
        }
        for file in files {
            match file.extension().and_then(|e| e.to_str()) {
                Some("wasm") => match read_component(&file, limits) {
                    Ok(manifest) => components.push(Candidate { manifest, component: file, table: None, place }),
                    Err(message) => self.cannot_read(file, place, message, config),
                },
                Some("toml") => tables.push((file, place)),
                _ => {}
            }
        }
    }

    fn pair_tables(
        &mut self,
        components: &[Candidate],
        tables: Vec<(PathBuf, Place)>,
        config: &Path,
    ) -> Vec<Candidate> {
        let mut out = Vec::new();
        for (file, place) in tables {
            match read_table(&file, components) {
                Ok((manifest, table, component)) => {
                    out.push(Candidate { manifest, component, table: Some(table), place });
                }
                Err(message) => self.cannot_read(file, place, message, config),
            }
        }
        out
    }

    fn admit(&mut self, candidate: Candidate, denials: &Denials, search: &SearchPath) {
        let Candidate { manifest, component, table, place } = candidate;
        if self.get(&manifest.id).is_some() {
            return;
        }
        let id = manifest.id.clone();
        let file = table.as_ref().map_or(&component, |table| &table.file).clone();
        let denied = denials.denies_plugin(&id);
        let is_denied = denied.is_some();
        let granted = match denied {
            Some(policy) => Err(format!("{policy} denies it; change that policy to use it")),
            None => policy::admits(&search.config, place, &id, || {
                digest(&component, table.as_ref().map(|t| t.file.as_path()))
            })
            .and_then(|()| Grant::new(&id, &manifest, denials)),
        };
        match granted {
            Ok(grant) => self.entries.push(Entry { manifest, component, table, place, grant: Arc::new(grant) }),
            Err(message) => {
                if !is_denied {
                    self.is_missed(&id, file.clone(), place, Some(manifest.clone()), &message, &search.config);
                }
                self.problems.push(Problem { file, plugin: Some(id), message: message.clone() });
                self.refused.push(Refused { manifest, component, table, message });
            }
        }
    }

    /// Plugins that provide a role and whose manifest fits the system, with
    /// how closely they fit. Programs are not looked at yet.
    pub fn fitting(&self, role: Role, ids: &[String]) -> Vec<(Closeness, &Entry)> {
        self.entries
            .iter()
            .filter(|entry| entry.manifest.provides(role))
            .filter_map(|entry| Some((entry.manifest.matches.closeness(ids)?, entry)))
            .collect()
    }
}

/// Brings plugins into the order in which they are asked.
pub fn sort(candidates: &mut [(Closeness, &Entry)]) {
    candidates.sort_by_cached_key(|(closeness, entry)| order_of(*closeness, &entry.manifest));
}

/// Reads a component that only root or the invoking user can change.
pub fn read_trusted(file: &Path, limits: &LoadingLimits) -> Result<Vec<u8>, String> {
    read_within(file, |bytes| match limits.exceeded_by(bytes) {
        None => Ok(()),
        Some(limit) => Err(format!(
            "{limit}; if it rightly is as large as that, raise `{}` in /etc/modsmith/{}",
            limit.key,
            super::limits::FILE
        )),
    })
}

/// `fits` refuses the number of bytes that the file has, and that are read.
fn read_within(file: &Path, fits: impl Fn(u64) -> Result<(), String>) -> Result<Vec<u8>, String> {
    let cannot = |e: std::io::Error| format!("it cannot be read: {e}");
    let mut open = std::fs::File::open(file).map_err(cannot)?;
    let metadata = open.metadata().map_err(cannot)?;
    if !metadata.is_file() {
        return Err("it is not a file".into());
    }
    check_metadata(file, &metadata)?;
    fits(metadata.len())?;
    let mut bytes = Vec::new();
    // One more than it had: a file that grows is noticed.
    (&mut open).take(metadata.len() + 1).read_to_end(&mut bytes).map_err(cannot)?;
    fits(bytes.len() as u64)?;
    Ok(bytes)
}

fn read_component(file: &Path, limits: &LoadingLimits) -> Result<Manifest, String> {
    let manifest = form::manifest(&read_trusted(file, limits)?).map_err(|e| e.to_string())?;
    check_file_name(file, &manifest.id)?;
    Ok(manifest)
}

fn check_file_name(file: &Path, id: &str) -> Result<(), String> {
    if file.file_stem().is_some_and(|stem| stem == id) {
        return Ok(());
    }
    Err(format!("its id is `{id}`, so the file must be named {id}.{}", file.extension().unwrap_or_default().display()))
}

fn read_table(file: &Path, components: &[Candidate]) -> Result<(Manifest, Table, PathBuf), String> {
    let bytes = read_within(file, |bytes| match bytes > LARGEST_MANIFEST as u64 {
        true => Err(format!("it is longer than {} KiB; make it shorter", LARGEST_MANIFEST >> 10)),
        false => Ok(()),
    })?;
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let table = TableFile::parse(&text).map_err(|e| e.to_string())?;
    check_file_name(file, &table.id)?;
    let base = components
        .iter()
        .find(|c| c.manifest.id == table.base)
        .ok_or_else(|| format!("its base plugin `{}` is not installed or not usable; install {0}.wasm", table.base))?;
    let manifest = table.over(&base.manifest)?;
    let policy = table.policy();
    Ok((manifest, Table { file: file.to_path_buf(), base: table.base, policy }, base.component.clone()))
}

/// `sha256:…` of a plugin: of its component, or of a table with its component.
pub fn digest(component: &Path, table: Option<&Path>) -> std::io::Result<String> {
    use sha2::Digest;
    let mut hash = sha2::Sha256::new();
    if let Some(table) = table {
        hash.update(std::fs::read(table)?);
    }
    hash.update(std::fs::read(component)?);
    Ok(format!("sha256:{}", hex::encode(hash.finalize())))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Dirs(tempfile::TempDir);

    impl Dirs {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn component(&self, dir: &str, id: &str, extra: &str) {
            self.component_of(dir, id, "1.0.0", extra);
        }

        fn component_of(&self, dir: &str, id: &str, version: &str, extra: &str) {
            let text = format!(
                "id = \"{id}\"\nversion = \"{version}\"\napi = \"0.1\"\n[roles]\nprovides = [\"initrd\"]\n{extra}"
            );
            // An empty component: nothing is compiled to choose a plugin.
            let bytes = crate::manifest::tests::embedded(&text);
            self.file(dir, &format!("{id}.wasm"), &bytes);
        }

        fn file(&self, dir: &str, name: &str, bytes: &[u8]) {
            let dir = self.0.path().join(dir);
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(dir.join(name), bytes).unwrap();
        }

        fn read(&self, dirs: &[&str]) -> Index {
            let directories = dirs.iter().map(|dir| (self.0.path().join(dir), Place::Beside)).collect();
            Index::read(&SearchPath { directories, config: self.0.path().join("config"), caches: Vec::new() })
        }
    }

    fn order(index: &Index, ids: &[&str]) -> Vec<String> {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        let mut fitting = index.fitting(Role::Initrd, &ids);
        sort(&mut fitting);
        fitting.iter().map(|(_, entry)| entry.id().to_owned()).collect()
    }

    #[test]
    fn many_with_the_same_problem_are_told_in_one_sentence() {
        let problem = |id: &str| Problem {
            file: format!("/p/{id}.wasm").into(),
            plugin: Some(id.to_owned()),
            message: format!("it has not been granted: `modsmith plugin grant {id}`"),
        };
        let broken = Problem { file: "/p/x.wasm".into(), plugin: None, message: "it is no component".into() };
        let few = [problem("a"), problem("b"), broken.clone()];
        assert_eq!(Problem::told(&few).len(), 3);
        let many = ["a", "b", "c", "d", "e"].map(problem);
        let told = Problem::told(&[many.as_slice(), std::slice::from_ref(&broken)].concat());
        let sentence = "5 plugins in /p are not used (`a`, `b`, `c` and 2 more). Of each: it has not been granted: `modsmith plugin grant ID`.";
        assert_eq!(told, [sentence.to_owned(), broken.to_string()]);
    }

    #[test]
    fn the_closest_plugin_is_asked_first_then_priority_then_id_decide() {
        let dirs = Dirs::new();
        dirs.component("a", "anywhere", "[match]\npriority = 99\n");
        dirs.component("a", "like", "[match]\ndistro = [\"debian\"]\npriority = 90\n");
        dirs.component("a", "own", "[match]\ndistro = [\"ubuntu\"]\npriority = 1\n");
        dirs.component("a", "own-first", "[match]\ndistro = [\"ubuntu\"]\npriority = 2\n");
        dirs.component("a", "own-also", "[match]\ndistro = [\"ubuntu\"]\npriority = 1\n");
        dirs.component("a", "other", "[match]\ndistro = [\"fedora\"]\n");
        let index = dirs.read(&["a"]);
        assert_eq!(order(&index, &["ubuntu", "debian"]), ["own-first", "own", "own-also", "like", "anywhere"]);
        assert_eq!(order(&index, &[]), ["anywhere"]);
    }

    #[test]
    fn the_first_directory_wins() {
        let dirs = Dirs::new();
        dirs.component_of("a", "x", "1.0.0", "");
        dirs.component_of("b", "x", "2.0.0", "");
        assert_eq!(dirs.read(&["b", "a"]).get("x").unwrap().manifest.version, "2.0.0");
    }

    #[test]
    fn a_table_has_the_roles_and_rights_of_its_base_and_its_own_match() {
        let dirs = Dirs::new();
        dirs.component("a", "table", "[write]\nroots = [\"boot\"]\n");
        let text = "id = \"void\"\nversion = \"0.1.0\"\nbase = \"table\"\n[match]\ndistro = [\"void\"]\n\
            [policy]\ndirectory = \"extra\"\nlist = [\"a\", \"b\"]\n[policy.arch]\nx86_64 = \"x86\"\n";
        dirs.file("b", "void.toml", text.as_bytes());
        let index = dirs.read(&["b", "a"]);
        let void = index.get("void").unwrap();
        assert_eq!(order(&index, &["void"]), ["void", "table"]);
        assert!(void.component.ends_with("a/table.wasm") && void.file().ends_with("b/void.toml"));
        assert_eq!(void.policy()["policy.arch.x86_64"], "x86");
        assert_eq!(void.policy()["policy.list"], "a\nb");
        let write = modsmith_facts::Location::new(modsmith_facts::Root::Boot, "x").unwrap();
        assert!(void.grant.permits(&modsmith_plan::verbs::Remove { at: write }.into()).is_ok());
    }

    #[test]
    fn a_table_from_outside_the_packages_waits_for_its_grant() {
        let dirs = Dirs::new();
        dirs.component("a", "table", "");
        dirs.file("b", "x.toml", b"id = \"x\"\nversion = \"1.0.0\"\nbase = \"table\"\n[[run]]\nprogram = \"tool\"\n");
        let places = [("a", Place::System), ("b", Place::Local)];
        let directories = places.map(|(dir, place)| (dirs.0.path().join(dir), place)).into();
        let config = dirs.0.path().join("config");
        let index = Index::read(&SearchPath { directories, config, caches: Vec::new() });
        assert!(index.get("x").is_none());
        let refused = index.refused("x").unwrap();
        assert!(refused.message.contains("modsmith plugin grant x"), "{}", refused.message);
        assert_eq!(refused.manifest.run[0].program, "tool");
    }

    #[test]
    fn a_table_without_its_base_or_with_unknown_keys_is_a_problem_that_says_so() {
        let dirs = Dirs::new();
        dirs.component("a", "table", "");
        dirs.file("a", "x.toml", b"id = \"x\"\nversion = \"1.0.0\"\nbase = \"tabel\"\n");
        dirs.file("a", "y.toml", b"id = \"y\"\nversion = \"1.0.0\"\nbase = \"table\"\npolcy = 1\n");
        let index = dirs.read(&["a"]);
        let said: Vec<String> = index.problems().iter().map(Problem::to_string).collect();
        assert!(said[0].contains("x.toml") && said[0].contains("tabel.wasm"), "{said:?}");
        assert!(said[1].contains("line 4") && said[1].contains("polcy"), "{said:?}");
        assert_eq!(index.entries().len(), 1);
    }

    /// What an index misses: ids, and whether their manifests are known.
    fn unusable(index: &Index) -> Vec<(&str, bool)> {
        index.unusable().iter().map(|plugin| (plugin.id.as_str(), plugin.manifest.is_some())).collect()
    }

    #[test]
    fn a_plugin_is_missed_when_it_was_granted_or_needs_no_grant_and_never_when_it_was_dropped_there() {
        let dirs = Dirs::new();
        for (dir, ids) in [("system", ["a", "b"]), ("local", ["granted", "dropped"])] {
            ids.iter().for_each(|id| dirs.component(dir, id, ""));
        }
        let places = [("system", Place::System), ("local", Place::Local)];
        let directories: Vec<_> = places.map(|(dir, place)| (dirs.0.path().join(dir), place)).into();
        let config = dirs.0.path().join("config");
        let search = SearchPath { directories, config: config.clone(), caches: Vec::new() };
        let granted = dirs.0.path().join("local/granted.wasm");
        policy::grant(&config, "granted", &digest(&granted, None).unwrap()).unwrap();
        assert_eq!(unusable(&Index::read(&search)), []);

        dirs.component_of("local", "granted", "2.0.0", "");
        dirs.component_of("local", "dropped", "2.0.0", "");
        let index = Index::read(&search);
        assert_eq!(unusable(&index), [("granted", true)]);
        assert!(index.unusable()[0].message.contains("modsmith plugin grant granted"));

        // Damaged files.
        for (dir, id) in [("system", "a"), ("local", "granted"), ("local", "dropped")] {
            dirs.file(dir, &format!("{id}.wasm"), b"damaged");
        }
        assert_eq!(unusable(&Index::read(&search)), [("a", false), ("granted", false)]);
        // What the administrator denies is missed by nobody.
        dirs.file("config/policy.d", "p.toml", b"[deny]\nplugins = [\"a\", \"granted\"]\n");
        assert_eq!(unusable(&Index::read(&search)), []);
        // A policy that cannot be read says nothing of any.
        dirs.file("config/policy.d", "p.toml", b"[deny\n");
        assert_eq!(unusable(&Index::read(&search)), [("a", false), ("granted", false), ("b", true)]);
    }

    #[test]
    fn a_file_must_be_named_as_its_plugin() {
        let dirs = Dirs::new();
        dirs.component("a", "x", "");
        std::fs::rename(dirs.0.path().join("a/x.wasm"), dirs.0.path().join("a/y.wasm")).unwrap();
        assert!(dirs.read(&["a"]).problems()[0].message.contains("x.wasm"));
    }

    #[test]
    fn an_unreadable_policy_keeps_all_plugins_from_being_used() {
        let dirs = Dirs::new();
        dirs.component("a", "x", "");
        dirs.file("config/policy.d", "p.toml", b"[deny\n");
        let index = dirs.read(&["a"]);
        assert!(index.entries().is_empty() && index.problems()[0].message.contains("p.toml"));
    }

    #[test]
    fn a_directory_that_does_not_exist_is_no_problem() {
        assert!(Dirs::new().read(&["missing"]).problems().is_empty());
    }
}
