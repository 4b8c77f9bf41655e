//! `modsmith plugin search`: the plugins that sources have.

use super::{beside, install, output};
use crate::arguments::PluginArguments;
use crate::look::Look;
use crate::styled::Line;
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
    let look = Look::of(environment);
    let lines: Vec<Line> = offers.iter().flat_map(|offer| entry(offer, look.width)).collect();
    output::styled(&lines, look);
    Ok(())
}

fn entry(offer: &Offer, width: usize) -> Vec<Line> {
    let rights = match &offer.rights {
        None => "asks for the rights of its base, which is not installed".to_owned(),
        Some(rights) if rights.is_empty() => "asks for nothing".to_owned(),
        Some(rights) => format!("asks for: {}", rights.join("; ")),
    };
    let texts = [offer.description.clone(), rights, format!("from {}", offer.source)];
    beside(&offer.id, &offer.version, &texts, width)
}
