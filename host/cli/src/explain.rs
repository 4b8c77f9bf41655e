//! `modsmith explain`: what an error means. The text is that of the reference.

use super::arguments::ExplainArguments;
use super::commands::similar;
use super::look::Look;
use super::markdown::{self, Row};
use super::output;
use super::page::{Block, lines};
use modsmith_core::Environment;
use modsmith_core::error::{Error, Kind, Result};

/// One error, as the reference has it.
struct Message {
    id: String,
    /// The code as the page writes it: a script or a plugin may choose the code.
    code: String,
    area: String,
    when: String,
    remedy: String,
    /// Pages that say more, below `docs`.
    pages: Vec<String>,
}

/// Prints one message, those of an exit code, or the list of all.
pub fn run(arguments: &ExplainArguments, environment: &Environment) -> Result<()> {
    let messages = messages();
    let blocks = match arguments.id.as_deref() {
        None => list(&messages),
        Some(asked) => {
            let found: Vec<&Message> = messages.iter().filter(|m| m.id == asked || m.code == asked).collect();
            if found.is_empty() {
                return Err(unknown(asked, &messages));
            }
            found.into_iter().flat_map(blocks).collect()
        }
    };
    let look = Look::of(environment);
    output::styled(&lines(&blocks, look.width), look);
    Ok(())
}

fn messages() -> Vec<Message> {
    markdown::rows(include_str!("../../../docs/reference/messages.md")).into_iter().filter_map(message).collect()
}

fn message(row: Row) -> Option<Message> {
    let [id, code, when, remedy] = <[String; 4]>::try_from(row.cells).ok()?;
    let pages = row.links.iter().map(|link| page(link)).collect();
    Some(Message { id: id.trim_matches('`').to_owned(), code, area: row.section, when, remedy, pages })
}

/// The page that a link leads to, from `docs`.
fn page(link: &str) -> String {
    let path = link.split('#').next().unwrap_or_default();
    path.strip_prefix("../").map_or_else(|| format!("docs/reference/{path}"), |path| format!("docs/{path}"))
}

fn list(messages: &[Message]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for area in messages.chunk_by(|one, next| one.area == next.area) {
        let entries = area.iter().map(|message| (message.id.clone(), message.when.clone())).collect();
        blocks.extend([Block::Heading(area[0].area.clone()), Block::Entries(entries)]);
    }
    blocks
}

fn blocks(message: &Message) -> [Block; 2] {
    let mut entries = vec![
        ("exit code".to_owned(), message.code.clone()),
        ("about".to_owned(), message.area.clone()),
        ("when".to_owned(), message.when.clone()),
        ("what to do".to_owned(), message.remedy.clone()),
    ];
    if !message.pages.is_empty() {
        entries.push(("more".to_owned(), message.pages.join(", ")));
    }
    [Block::Heading(message.id.clone()), Block::Entries(entries)]
}

fn unknown(asked: &str, messages: &[Message]) -> Error {
    let error = match asked.parse::<u8>() {
        Ok(code) => Error::new(Kind::Usage, format!("No error has the exit code {code} for itself."))
            .hint("`modsmith help exit codes` lists the codes: some are those of a script or a plugin."),
        Err(_) => Error::new(Kind::Usage, format!("There is no message `{asked}`.")),
    };
    match similar(asked, messages.iter().map(|message| message.id.as_str())) {
        Some(meant) => error.hint(format!("Did you mean `{meant}`?")),
        None => error,
    }
    .hint("`modsmith explain` lists the ids.")
}

/// The ids of all messages.
pub fn ids() -> Vec<String> {
    messages().into_iter().map(|message| message.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_of_the_program_is_explained() {
        let known = messages();
        for (id, code) in super::super::ids() {
            let message = known.iter().find(|message| message.id == id).unwrap_or_else(|| panic!("{id}"));
            assert_eq!(message.code, code.map_or("its own".to_owned(), |code| code.to_string()), "{id}");
            assert!(!message.when.is_empty() && !message.remedy.is_empty(), "{id}");
        }
    }

    #[test]
    fn links_lead_from_docs() {
        assert_eq!(page("../guides/when-a-build-fails.md"), "docs/guides/when-a-build-fails.md");
        assert_eq!(page("files.md#registriestoml"), "docs/reference/files.md");
    }
}
