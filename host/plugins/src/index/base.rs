//! Which component a table gives values to.
//!
//! A table with its base is one plugin, and as trusted as the less trusted of the two: a component
//! from a place that is trusted less than the table's own is never its base, and neither is one
//! that this machine does not admit. The next one of the search path is taken.

use std::path::Path;

use super::{Candidate, Index, admission};
use crate::grant::record::{Record, Standing};
use crate::manifest::Manifest;
use crate::search::FoundIn;

/// The component that would be the base of a table.
pub(crate) struct Base<'i> {
    pub manifest: &'i Manifest,
    pub component: &'i Path,
    /// Why it may not be.
    pub blocked: Option<Blocked>,
}

/// Why a table may not be used with the only components that there are for it.
#[derive(Debug, Clone)]
pub(crate) struct Blocked {
    /// The standing of the base, as far as the table is concerned; it never admits.
    pub standing: Standing,
    /// The problem and its remedy.
    pub message: String,
}

impl Index {
    /// The component of an id that is the base of tables from a place; else the one that would be
    /// first, with the reason. `None`: there is none of this id.
    pub(crate) fn base(&self, id: &str, table_in: FoundIn) -> Option<Base<'_>> {
        let candidates: Vec<&Candidate> = self.components.iter().filter(|c| c.manifest.id == id).collect();
        let standings = self.standings(id, &candidates);
        let bases = candidates.into_iter().zip(standings).map(|(candidate, standing)| Base {
            manifest: &candidate.manifest,
            component: &candidate.component,
            blocked: blocked(candidate, standing, table_in),
        });
        // A component that was granted and has changed is more likely meant than one that never was granted.
        bases.min_by_key(|base| match &base.blocked {
            None => 0,
            Some(blocked) if blocked.standing.was_granted() => 1,
            Some(_) => 2,
        })
    }

    /// How components of one id are related to its grant.
    fn standings(&self, id: &str, candidates: &[&Candidate]) -> Vec<Standing> {
        let needs_grant = candidates.iter().any(|candidate| candidate.found_in.needs_grant());
        let record = if needs_grant { Record::read(&self.config, id) } else { Ok(None) };
        admission::standings(candidates, &record, &self.unreadable(id))
    }
}

fn blocked(candidate: &Candidate, standing: Standing, table_in: FoundIn) -> Option<Blocked> {
    let (id, file) = (&candidate.manifest.id, candidate.component.display());
    if !candidate.found_in.may_be_base_of(table_in) {
        let message = format!(
            "its base plugin `{id}` ({file}) comes from a place that is trusted less than the table's: \
             install {id}.wasm where the table is, or move the table to the directory of its base"
        );
        return Some(Blocked { standing: Standing::NotGranted { instead: None }, message });
    }
    if standing.admits() {
        return None;
    }
    let message = format!(
        "its base plugin `{id}` ({file}) is not used: {}: run `modsmith plugin inspect {file}` to see what it asks for, \
         then `modsmith plugin grant {file}`",
        standing.refusal()
    );
    Some(Blocked { standing, message })
}
