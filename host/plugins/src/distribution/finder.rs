//! Looking for plugins in sources, without installing one.

use super::fetch::{Fetched, PluginContent};
use super::installer::Installer;
use super::origin::Origin;
use crate::error::Error;
use crate::grant::rights::Rights;
use crate::index::Index;

/// A plugin that a source offers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Offer {
    pub id: String,
    pub version: String,
    pub description: String,
    /// The rights that it asks for. `None`: it is a table whose base is not installed.
    pub rights: Option<Vec<String>>,
    /// The source, as `plugin install` takes it.
    pub source: String,
    /// The fingerprint of the key that has signed the plugin, where a signature is required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
}

/// The result of a search.
#[derive(Debug, Default)]
pub struct Offers {
    /// Sorted by id.
    pub offers: Vec<Offer>,
    /// Sources and files that could not be read, each with the error.
    pub failures: Vec<(String, Error)>,
}

impl Installer<'_> {
    /// The plugins in sources whose id, description or roles contain a word; an empty word fits all
    /// plugins. `sources` are words as for [`Installer::install`]; if there are none, the sources of
    /// registries.toml are searched. A registry has no list of repositories: the word is taken for the
    /// name of the repository below the name of a registry.
    pub fn search(&self, word: &str, sources: &[String]) -> Offers {
        let mut found = Offers::default();
        let configured: Vec<String> = self.fetcher().sources.names().map(str::to_owned).collect();
        let is_configured = sources.is_empty();
        let index = Index::read(self.search_path());
        for source in if is_configured { &configured } else { sources } {
            let place = if is_configured { place_of(source, word) } else { source.clone() };
            let fetched = Origin::parse(&place).map(|origin| self.fetcher().each(&origin));
            for (name, plugin) in fetched.unwrap_or_else(|error| vec![(place, Err(error))]) {
                match plugin {
                    Ok(plugin) => {
                        let (offer, terms) = offer(&plugin, name, &index);
                        if terms.contain(word) {
                            found.offers.push(offer);
                        }
                    }
                    // The word is the name of no plugin there.
                    Err(Error::Registry(error)) if is_configured && error.is_not_found() => {}
                    Err(error) => found.failures.push((name, error)),
                }
            }
        }
        found.offers.sort_by(|a, b| (&a.id, &a.source).cmp(&(&b.id, &b.source)));
        found
    }
}

/// The place that a plugin of this name would have, below a place of registries.toml.
fn place_of(source: &str, word: &str) -> String {
    let is_address = source.starts_with("https://") || source.starts_with("http://");
    let is_file = source.ends_with(".wasm") || source.ends_with(".toml");
    let is_plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    match (is_address, is_plain) {
        _ if source.starts_with('/') || is_file || !is_plain => source.to_owned(),
        (true, _) => format!("{source}/{word}.wasm"),
        (false, _) if source.rsplit('/').next() == Some(word) => source.to_owned(),
        (false, _) => format!("{source}/{word}"),
    }
}

/// The texts of a plugin in which a word is looked for.
struct SearchTerms(Vec<String>);

impl SearchTerms {
    fn contain(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        self.0.iter().any(|text| text.to_lowercase().contains(&word))
    }
}

fn offer(plugin: &Fetched, source: String, index: &Index) -> (Offer, SearchTerms) {
    let manifest = plugin.manifest(index);
    let description = match &plugin.content {
        PluginContent::Component(manifest) => manifest.description.clone(),
        PluginContent::Table(table) => table.description().to_owned(),
    };
    let rights =
        manifest.as_ref().map(|manifest| Rights::of(manifest).iter().map(ToString::to_string).collect::<Vec<_>>());
    let roles = manifest.iter().flat_map(|manifest| manifest.roles.provides.iter().map(|role| role.name().to_owned()));
    let terms = [plugin.id.clone(), description.clone()].into_iter().chain(roles).collect();
    let (id, version, signer) = (plugin.id.clone(), plugin.version.clone(), plugin.signer.clone());
    (Offer { id, version, description, rights, source, signer }, SearchTerms(terms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_names_a_plugin_below_a_place_of_a_registry_or_website() {
        for (source, word, place) in [
            ("h.example/team", "grub", "h.example/team/grub"),
            ("h.example/team/grub", "grub", "h.example/team/grub"),
            ("https://w.example/plugins", "grub", "https://w.example/plugins/grub.wasm"),
            ("https://w.example/x.wasm", "grub", "https://w.example/x.wasm"),
            ("/srv/plugins", "grub", "/srv/plugins"),
            ("h.example/team", "", "h.example/team"),
            ("h.example/team", "../x", "h.example/team"),
        ] {
            assert_eq!(place_of(source, word), place);
        }
    }
}
