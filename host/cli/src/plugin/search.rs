//! `modsmith plugin search`: what sources have.

use super::{install, output};
use crate::arguments::PluginArguments;
use modsmith_core::Environment;
use modsmith_core::error::Result;
use modsmith_facts::text::field;
use modsmith_plugins::distribution::{Offer, Offers};

/// Shows the plugins of sources. A source that cannot be looked at is a warning; it is the
/// command's failure if nothing else was found.
pub fn search(
    word: Option<&str>,
    sources: &[String],
    json: bool,
    arguments: &PluginArguments,
    environment: &Environment,
) -> Result<()> {
    let search = install::search(arguments)?;
    let word = word.unwrap_or_default();
    let Offers { offers, mut failures } = install::open(&search, arguments, environment)?.search(word, sources);
    if offers.is_empty() && !failures.is_empty() {
        let (_, error) = failures.remove(0);
        failures.iter().for_each(|(_, error)| output::warning(&error.to_string()));
        return Err(error.into());
    }
    failures.iter().for_each(|(_, error)| output::warning(&error.to_string()));
    if json {
        return output::json(&offers);
    }
    if offers.is_empty() {
        output::error(&format!("No plugin of these sources fits `{}`.\n", field(word)));
    }
    offers.iter().for_each(|offer| output::lines(&field(&line(offer))));
    Ok(())
}

fn line(offer: &Offer) -> String {
    let rights = match &offer.rights {
        None => "asks for what its base asks for, which is not installed".to_owned(),
        Some(rights) if rights.is_empty() => "asks for nothing".to_owned(),
        Some(rights) => rights.join("; "),
    };
    format!("{:<22} {:<8} {} [{rights}] {}", offer.id, offer.version, offer.description, offer.source)
}
