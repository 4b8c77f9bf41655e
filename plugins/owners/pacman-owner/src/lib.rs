//! Arch's package manager: which package owns a file.

use modsmith_plugin::prelude::*;

struct Plugin;

impl FileOwner for Plugin {
    fn owners(request: &OwnerRequest) -> Result<Vec<OwnedFile>> {
        // The answer names the file by its real path.
        request.ask_each("query", owner)
    }
}

/// `FILE is owned by PACKAGE VERSION`, a line for each package; or a line which says that there
/// is none.
fn owner(answer: &str, file: &str) -> Result<Option<String>> {
    let nobody = format!("error: No package owns {file}");
    if answer.lines().any(|line| line == nobody) {
        return Ok(None);
    }
    let package = |line: &str| Some(line.rsplit_once(" is owned by ")?.1.split(' ').next()?.to_owned());
    let packages: Vec<String> = answer.lines().filter_map(package).collect();
    match packages.is_empty() {
        true => Err(other(format!("pacman does not say which package owns {file}: {}", answer.trim()))),
        false => Ok(Some(packages.join(", "))),
    }
}

export!(Plugin: FileOwner);

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "/lib/modules/6.1/a.ko";

    #[test]
    fn every_package_is_named() {
        let line = |package: &str| format!("/usr/lib/modules/6.1/a.ko is owned by {package} 1.0-1\n");
        assert_eq!(owner(&line("a"), FILE).unwrap().as_deref(), Some("a"));
        assert_eq!(owner(&(line("a") + &line("b")), FILE).unwrap().as_deref(), Some("a, b"));
    }

    #[test]
    fn a_file_without_a_package_has_no_owner_and_an_answer_that_is_none_is_an_error() {
        assert_eq!(owner("error: No package owns /lib/modules/6.1/a.ko", FILE).unwrap(), None);
        assert!(owner("error: failed to initialize alpm library", FILE).is_err());
    }
}
