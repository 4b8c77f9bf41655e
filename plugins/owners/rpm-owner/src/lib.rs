//! rpm: which package owns a file.

use modsmith_plugin::prelude::*;

struct Plugin;

impl FileOwner for Plugin {
    fn owners(request: &OwnerRequest) -> Result<Vec<OwnedFile>> {
        // The answer does not name the file.
        request.ask_each("query", owner)
    }
}

/// The names of packages, a line for each; or a line which says that there is none.
fn owner(answer: &str, file: &str) -> Result<Option<String>> {
    let nobody = format!("file {file} is not owned by any package");
    // Of a link that leads to nothing: rpm looks for the file when no package has it.
    let nothing = format!("error: file {file}: No such file or directory");
    let mut packages = Vec::new();
    for line in answer.lines().filter(|line| !line.starts_with("warning: ")) {
        if line == nobody || line == nothing {
            return Ok(None);
        }
        if line.is_empty() || line.contains(' ') {
            return Err(other(format!("rpm does not say which package owns {file}: {line}")));
        }
        packages.push(line);
    }
    match packages.is_empty() {
        true => Err(other(format!("rpm does not say which package owns {file}"))),
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
        assert_eq!(owner("kmod-a", FILE).unwrap().as_deref(), Some("kmod-a"));
        assert_eq!(owner("warning: x y\na\nb", FILE).unwrap().as_deref(), Some("a, b"));
    }

    #[test]
    fn a_file_without_a_package_has_no_owner_and_an_answer_that_is_none_is_an_error() {
        assert_eq!(owner("file /lib/modules/6.1/a.ko is not owned by any package", FILE).unwrap(), None);
        assert_eq!(owner("error: file /lib/modules/6.1/a.ko: No such file or directory", FILE).unwrap(), None);
        assert!(owner("error: cannot open Packages database in /var/lib/rpm", FILE).is_err());
        assert!(owner("", FILE).is_err());
    }
}
