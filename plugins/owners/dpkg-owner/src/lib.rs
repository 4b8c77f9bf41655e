//! Debian's package manager: which package owns a file.

use modsmith_plugin::prelude::*;

struct Plugin;

impl FileOwner for Plugin {
    fn owners(request: &OwnerRequest) -> Result<Vec<OwnedFile>> {
        let files = request.files();
        if let Some(file) = files.iter().find(|file| file.contains(['*', '?', '[', '\\'])) {
            return Err(other(format!("dpkg-query takes the name of {file} for a pattern, so its owner is not known")));
        }
        let paths: Vec<String> = files.iter().flat_map(|file| spellings(file)).collect();
        let answer = request.query("search", &paths)?;
        let mut owned = Vec::new();
        for file in files {
            let owner = owner(&answer, &spellings(&file))?;
            owned.extend(owner.map(|package| OwnedFile { file, package }));
        }
        Ok(owned)
    }
}

/// A file has two paths where `/lib` is a link to `/usr/lib`, and dpkg knows only the one that
/// its package has. Where there are two files, the second one counts as owned, too: to keep a
/// file loses nothing.
fn spellings(file: &str) -> [String; 2] {
    let other = match file.strip_prefix("/usr/") {
        Some(below) => format!("/{below}"),
        None => format!("/usr{file}"),
    };
    [file.to_owned(), other]
}

/// The packages that have one of the paths: `a, b:amd64: /path`. A line for each path that no
/// package has is part of the answer, so that an answer which is none is noticed.
fn owner(answer: &str, spellings: &[String]) -> Result<Option<String>> {
    let mut unowned = 0;
    for path in spellings {
        let nobody = format!("no path found matching pattern {path}");
        let suffix = format!(": {path}");
        for line in answer.lines() {
            if line.ends_with(&nobody) {
                unowned += 1;
                break;
            }
            let is_diversion = line.starts_with("diversion by ") || line.starts_with("local diversion ");
            if let Some(packages) = line.strip_suffix(&suffix).filter(|_| !is_diversion) {
                return Ok(Some(packages.to_owned()));
            }
        }
    }
    match unowned == spellings.len() {
        true => Ok(None),
        false => Err(other(format!("dpkg-query does not say which package owns {}: {}", spellings[0], answer.trim()))),
    }
}

export!(Plugin: FileOwner);

#[cfg(test)]
mod tests {
    use super::*;

    fn of(answer: &str, file: &str) -> Result<Option<String>> {
        owner(answer, &spellings(file))
    }

    #[test]
    fn the_packages_of_either_path_count() {
        let answer =
            "dpkg-query: no path found matching pattern /usr/lib/modules/6.1/a.ko\na:amd64, b: /lib/modules/6.1/a.ko";
        assert_eq!(of(answer, "/lib/modules/6.1/a.ko").unwrap().as_deref(), Some("a:amd64, b"));
        assert_eq!(of(answer, "/usr/lib/modules/6.1/a.ko").unwrap().as_deref(), Some("a:amd64, b"));
    }

    #[test]
    fn a_file_without_a_package_has_no_owner_and_an_answer_that_is_none_is_an_error() {
        let nobody = |path: &str| format!("dpkg-query: no path found matching pattern {path}\n");
        let answer = nobody("/lib/a.ko") + &nobody("/usr/lib/a.ko");
        assert_eq!(of(&answer, "/lib/a.ko").unwrap(), None);
        assert!(of("dpkg-query: error: cannot open the database", "/lib/a.ko").is_err());
        assert!(of(&nobody("/lib/a.ko"), "/lib/a.ko").is_err());
    }

    #[test]
    fn a_diversion_is_no_owner() {
        let answer = "diversion by x from: /lib/a.ko\n\
            dpkg-query: no path found matching pattern /usr/lib/a.ko\na: /lib/a.ko";
        assert_eq!(of(answer, "/lib/a.ko").unwrap().as_deref(), Some("a"));
    }
}
