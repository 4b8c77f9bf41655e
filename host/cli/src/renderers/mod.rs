//! The output of an action, in the form that its reader knows: three renderers of one stream of
//! events ([`modsmith_core::event`]).

mod area;
mod dkms;
mod events;
mod people;
mod sentences;
mod terminal;

use std::sync::Arc;

use super::Persona;
use super::arguments::{Arguments, View};
use super::look::Look;
pub use area::keep_lines_whole;
pub use dkms::Dkms;
use events::Events;
use modsmith_core::Environment;
use modsmith_core::error::{Error, Kind, Result};
use modsmith_core::event::{Event, Observer};
use people::People;
pub use terminal::Terminal;

/// The renderer of an invocation.
pub enum Renderer {
    Dkms(Dkms),
    People(Box<People>),
    Events(Events),
}

impl Renderer {
    /// The form of the output. `dkms` prints dkms's lines. `modsmith` prints the form for people on a terminal,
    /// and dkms's lines elsewhere, unless the command line chooses another. A dry run shows plans.
    ///
    /// # Errors
    /// When the command line chooses two forms.
    pub fn of(arguments: &Arguments, verbose: bool, environment: &Environment) -> Result<Arc<Self>> {
        let Arguments { quiet, dry_run, .. } = *arguments;
        let dkms = || Renderer::Dkms(Dkms::new(quiet, verbose));
        if Persona::of_words(environment.command()) == Persona::Dkms {
            return Ok(Arc::new(dkms()));
        }
        if arguments.view.events {
            return events(arguments).map(|()| Arc::new(Renderer::Events(Events::new(quiet))));
        }
        let look = Look::of(environment);
        let is_for_people = arguments.view.view.map_or(look.terminal, |view| view == View::People);
        Ok(Arc::new(match is_for_people && !dry_run {
            true => {
                Renderer::People(Box::new(People::new(look, quiet, verbose, has_area(look, arguments, environment))))
            }
            false => dkms(),
        }))
    }

    /// The end of the invocation.
    pub fn finish(&self, error: Option<&Error>) {
        match self {
            Renderer::Dkms(_) => {}
            Renderer::People(people) => people.finish(error),
            Renderer::Events(events) => events.finish(error),
        }
    }

    /// A problem with a plugin.
    pub fn plugin_problem(&self, quiet: bool, problem: &str) {
        match self {
            Renderer::Dkms(_) => Terminal::new(quiet, false).warning(problem),
            Renderer::People(people) => people.warn(problem),
            Renderer::Events(events) => events.warn(problem),
        }
    }
}

impl Observer for Renderer {
    fn event(&self, event: Event) {
        match self {
            Renderer::Dkms(dkms) => dkms.event(event),
            Renderer::People(people) => people.event(event),
            Renderer::Events(events) => events.event(event),
        }
    }

    fn wants_estimates(&self) -> bool {
        !matches!(self, Renderer::Dkms(_))
    }
}

/// Whether lines can be drawn anew: not in a pipe, on a terminal without cursor movements, or
/// between the lines of the program's log.
fn has_area(look: Look, arguments: &Arguments, environment: &Environment) -> bool {
    let knows_cursor = environment.text("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
    let is_logging = arguments.debug || environment.var("MODSMITH_LOG").is_some();
    look.terminal && knows_cursor && !is_logging && !arguments.quiet
}

fn events(arguments: &Arguments) -> Result<()> {
    let other =
        [(arguments.dry_run, "--dry-run"), (arguments.view.view.is_some(), "--view"), (arguments.json, "--json")];
    match other.iter().find(|(given, _)| *given) {
        None => Ok(()),
        Some((_, option)) => Err(Error::new(Kind::OptionConflict, format!("--events and {option} exclude each other."))
            .hint("--events writes what happens while it happens; --json writes one document, such as the plans of --dry-run.")),
    }
}
