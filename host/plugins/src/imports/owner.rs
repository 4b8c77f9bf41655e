//! Questions to plugins about the owners of files, and their answers.

use wasmtime::component::Resource;

use super::CallState;
use crate::bindings::modsmith::plugin::answers::HostOwnedFile;
use crate::bindings::modsmith::plugin::requests::HostOwnerRequest;
use crate::bindings::modsmith::plugin::types::Error;
use crate::imports::observed::Observation;

type Done = wasmtime::Result<()>;

/// Files of the system, of which the owner is asked for.
#[derive(Debug, Clone)]
pub struct OwnerRequest {
    /// Absolute on the target.
    pub files: Vec<String>,
}

/// The answer `owned-file`, as the plugin gave it.
#[derive(Debug, Clone)]
pub struct OwnedFileAnswer {
    pub file: String,
    pub package: String,
}

impl CallState {
    fn query(&self, name: &str, paths: &[String], files: &[String]) -> Result<String, Error> {
        if let Some(path) = paths.iter().find(|path| !is_of(path, files)) {
            return Err(Error::denied(format!(
                "plugin `{}` asked `{name}` about `{path}`, which is none of the files that it was asked about",
                self.plugin
            )));
        }
        let probe = self.askable(name, paths)?;
        let output = self.probes.query(probe, paths, &self.system, self.probing);
        let output =
            output.map_err(|why| if self.system.is_live() { Error::other(why) } else { Error::unsupported(why) })?;
        let name = [name].into_iter().chain(paths.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
        self.observe(|| Observation::Probe { name, output: output.clone() });
        Ok(output)
    }
}

/// Whether a path is that of one of the files. Where `/lib` is a link to `/usr/lib`, each of them has two.
fn is_of(path: &str, files: &[String]) -> bool {
    let other = |file: &str| match file.strip_prefix("/usr/") {
        Some(below) => path.strip_prefix('/') == Some(below),
        None => path.strip_prefix("/usr") == Some(file),
    };
    files.iter().any(|file| path == file || other(file))
}

impl HostOwnerRequest for CallState {
    fn files(&mut self, this: Resource<OwnerRequest>) -> wasmtime::Result<Vec<String>> {
        Ok(self.table.get(&this)?.files.clone())
    }

    fn query(
        &mut self,
        this: Resource<OwnerRequest>,
        probe: String,
        paths: Vec<String>,
    ) -> wasmtime::Result<Result<String, Error>> {
        let files = &self.table.get(&this)?.files;
        Ok(CallState::query(self, &probe, &paths, files))
    }

    fn drop(&mut self, this: Resource<OwnerRequest>) -> Done {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostOwnedFile for CallState {
    fn new(&mut self, file: String, package: String) -> wasmtime::Result<Resource<OwnedFileAnswer>> {
        self.keep(&[&file, &package])?;
        self.push(OwnedFileAnswer { file, package })
    }

    fn drop(&mut self, this: Resource<OwnedFileAnswer>) -> Done {
        self.table.delete(this)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::modsmith::plugin::types::ErrorKind;
    use crate::imports::state;
    use crate::limits::Limits;
    use modsmith_facts::{OsRelease, System};

    const PROBES: &str =
        "[[probe]]\nname = \"owner\"\nprogram = \"sh\"\narguments = [\"-c\", \"echo of $0; echo no $1 >&2; exit 1\"]\n";

    fn query(root: &str, probe: &str, paths: &[&str]) -> Result<String, Error> {
        let state = state(System::new(root, OsRelease::default()), PROBES, Limits::default());
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        let files = ["/a", "/usr/b", "/lib/c"].map(str::to_owned);
        state.query(probe, &paths, &files)
    }

    #[test]
    fn what_a_query_prints_counts_also_where_it_fails() {
        assert_eq!(query("/", "owner", &["/a", "/b"]).unwrap(), "of /a\nno /b");
    }

    #[test]
    fn a_query_is_about_the_files_that_are_asked_about_by_either_path() {
        assert_eq!(query("/", "owner", &["/b", "/usr/lib/c"]).unwrap(), "of /b\nno /usr/lib/c");
        for path in ["a", "--root=/x", "/a/../b", "", "/usr", "/etc/shadow", "/usr/usr/b"] {
            assert_eq!(query("/", "owner", &[path]).unwrap_err().kind, ErrorKind::Denied, "{path}");
        }
        assert_eq!(query("/", "other", &["/a"]).unwrap_err().kind, ErrorKind::Denied);
    }

    #[test]
    fn no_program_of_another_system_is_asked() {
        assert_eq!(query("/nonexistent", "owner", &["/a"]).unwrap_err().kind, ErrorKind::Unsupported);
    }
}
