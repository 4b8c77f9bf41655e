//! Why a crate has a dependency that no plugin can have.

use std::path::Path;

use super::toolchain::{TARGET, Toolchain};

/// The crate through which others call functions of a web browser.
pub const OF_BROWSERS: &str = "wasm-bindgen";

/// The first way that leads from the crate in a directory to a dependency, as cargo has resolved
/// it: names of crates. Empty if cargo does not tell.
pub fn way_to(dependency: &str, directory: &Path) -> Vec<String> {
    let Ok(toolchain) = Toolchain::find(directory) else { return Vec::new() };
    let mut cargo = toolchain.cargo(directory);
    cargo.args(["tree", "--invert", dependency, "--target", TARGET, "--edges", "normal", "--prefix", "depth"]);
    cargo.output().map(|output| first_way(&String::from_utf8_lossy(&output.stdout))).unwrap_or_default()
}

/// Of the lines `DEPTH NAME VERSION`, without a blank before the name, the first ones that lead on.
fn first_way(tree: &str) -> Vec<String> {
    let mut way: Vec<String> = Vec::new();
    for line in tree.lines() {
        let name = line.trim_start_matches(|c: char| c.is_ascii_digit());
        let depth = line[..line.len() - name.len()].parse();
        if depth != Ok(way.len()) {
            break;
        }
        way.push(name.split(' ').next().unwrap_or_default().to_owned());
    }
    way.reverse();
    way
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_way_ends_where_the_tree_turns_back() {
        let tree = "0wasm-bindgen v0.2.100\n1js-sys v0.3.77\n2getrandom v0.3.3\n3mine v1.0.0 (/x)\n2web-time v1.1.0\n3mine v1.0.0\n";
        assert_eq!(first_way(tree), ["mine", "getrandom", "js-sys", "wasm-bindgen"]);
        assert_eq!(first_way("error: no such crate\n"), [""; 0]);
        assert_eq!(first_way(""), [""; 0]);
    }
}
