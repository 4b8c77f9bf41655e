//! Which file of a plugin is used, where there are several of its id, and why the
//! others are not.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Candidate, Index, IndexedPlugin, Refused, digest};
use crate::grant::Grant;
use crate::grant::record::{Record, Standing};
use crate::grant::rights::Rights;
use crate::policy::Denials;
use crate::problem::Problem;

/// Candidates by id: ids and files in the order in which they were found.
pub(super) fn by_id(candidates: Vec<Candidate>) -> Vec<Vec<Candidate>> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<Candidate>> = Vec::new();
    for candidate in candidates {
        let place = *places.entry(candidate.manifest.id.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(candidate),
            None => groups.push(vec![candidate]),
        }
    }
    groups
}

/// The files of one id, and how each is related to the grant.
struct Group {
    id: String,
    candidates: Vec<Candidate>,
    standings: Vec<Standing>,
    /// The rights of those that may be used; else why there are none, where their
    /// standing does not say so.
    grants: Vec<Result<Arc<Grant>, String>>,
    /// The first that may be used.
    used: Option<usize>,
    /// The one that `plugin grant ID` is about.
    chosen: Option<usize>,
    /// Which policy denies each, as a message.
    denied: Vec<Option<String>>,
}

/// Takes the first file of one id that may be used into the index, and notes why
/// those before it may not. Files behind it are hidden, as the search path says; one
/// that needs a grant is reported as a problem.
pub(super) fn admit(index: &mut Index, candidates: Vec<Candidate>, denials: &Denials) {
    let Some(id) = candidates.first().map(|candidate| candidate.manifest.id.clone()) else { return };
    let needs_grant = candidates.iter().any(|candidate| candidate.found_in.needs_grant());
    let record = if needs_grant { Record::read(&index.config, &id) } else { Ok(None) };
    let unreadable = index.unreadable(&id);
    let standings = standings(&candidates.iter().collect::<Vec<_>>(), &record, &unreadable);
    if standings.contains(&Standing::Granted) {
        // The granted file is here: a damaged file beside it is not missed.
        index.unusable.retain(|unusable| unusable.id != id || !unusable.found_in.needs_grant());
    }
    let denied: Vec<_> = candidates.iter().map(|candidate| denial(candidate, denials)).collect();
    let rights = |((candidate, standing), denied): ((&Candidate, &Standing), &Option<String>)| match (
        &candidate.blocked,
        denied,
    ) {
        (Some(blocked), None) => Err(blocked.message.clone()),
        (None, None) if standing.admits() => Grant::new(&id, &candidate.manifest, denials).map(Arc::new),
        _ => Err(String::new()),
    };
    let grants: Vec<_> = candidates.iter().zip(&standings).zip(&denied).map(rights).collect();
    let used = grants.iter().position(Result::is_ok);
    let chosen = chosen(&candidates, &standings, &record, used);
    Group { id, candidates, standings, grants, used, chosen, denied }.put_into(index);
}

/// Which policy denies a plugin, as a message. A table is denied with its base, too: it would run that
/// component.
fn denial(candidate: &Candidate, denials: &Denials) -> Option<String> {
    if let Some(policy) = denials.denies_plugin(&candidate.manifest.id) {
        return Some(format!("{policy} denies it; change that policy to use it"));
    }
    let base = &candidate.table.as_ref()?.base;
    let policy = denials.denies_plugin(base)?;
    Some(format!("{policy} denies its base plugin `{base}`; change that policy to use it"))
}

/// How each file of one id is related to the grant, which is for one of them.
pub(super) fn standings(
    candidates: &[&Candidate],
    record: &Result<Option<Record>, String>,
    unreadable: &[PathBuf],
) -> Vec<Standing> {
    let own = |candidate: &&Candidate| {
        if !candidate.found_in.needs_grant() {
            return Standing::NotNeeded;
        }
        if let Ok(None) = record {
            return Standing::NotGranted { instead: None };
        }
        match digest(&candidate.component, candidate.table.as_ref().map(|table| table.file.as_path())) {
            Ok(digest) => Standing::of(record, &digest, &Rights::of(&candidate.manifest)),
            Err(e) => Standing::Unreadable { reason: format!("its digest cannot be computed ({e})") },
        }
    };
    let mut standings: Vec<Standing> = candidates.iter().map(own).collect();
    let with_digest = standings.iter().position(|standing| *standing == Standing::Granted);
    let files = candidates.iter().filter(|c| c.found_in.needs_grant()).map(|candidate| candidate.file());
    let recorded = || {
        let record = record.as_ref().ok()?.as_ref()?;
        files.chain(unreadable.iter().map(PathBuf::as_path)).find(|file| record.is_for(file))
    };
    let Some(granted) = with_digest.map(|place| candidates[place].file()).or_else(recorded) else { return standings };
    for (candidate, standing) in candidates.iter().zip(&mut standings) {
        if matches!(standing, Standing::Changed { .. }) && candidate.file() != granted {
            *standing = Standing::NotGranted { instead: Some(granted.to_path_buf()) };
        }
    }
    standings
}

/// The file that `plugin grant ID` is about: the one that was granted, else the first
/// that needs a grant. A file that another one hides would not be used with a grant.
fn chosen(
    candidates: &[Candidate],
    standings: &[Standing],
    record: &Result<Option<Record>, String>,
    used: Option<usize>,
) -> Option<usize> {
    let is_seen = |place: &usize| candidates[*place].found_in.needs_grant() && used.is_none_or(|used| *place <= used);
    let seen = || (0..candidates.len()).filter(is_seen);
    let record = record.as_ref().ok().and_then(Option::as_ref);
    let recorded = |place: &usize| record.is_some_and(|record| record.is_for(candidates[*place].file()));
    let granted = |place: &usize| standings[*place] == Standing::Granted;
    // A grant does not mend a base.
    let unblocked = |place: &usize| candidates[*place].blocked.is_none();
    let known = seen().find(granted).or_else(|| seen().find(recorded));
    known.or_else(|| seen().find(unblocked)).or_else(|| seen().next())
}

impl Group {
    fn put_into(self, index: &mut Index) {
        let messages: Vec<String> = (0..self.candidates.len()).map(|place| self.message(place)).collect();
        let Self { id, candidates, standings, grants, used, chosen, denied } = self;
        let all = candidates.into_iter().zip(standings).zip(grants).zip(messages).enumerate();
        for (place, (((candidate, standing), grant), message)) in all {
            let file = candidate.file().to_path_buf();
            let Candidate { manifest, component, table, found_in, blocked } = candidate;
            if let Some(grant) = grant.ok().filter(|_| used == Some(place)) {
                index.entries.push(IndexedPlugin { manifest, component, table, found_in, grant, standing });
                continue;
            }
            let is_hidden = used.is_some_and(|used| used < place);
            if is_hidden && !found_in.needs_grant() {
                continue;
            }
            index.problems.push(Problem { plugin: Some(id.clone()), file: file.clone(), message: message.clone() });
            if is_hidden {
                continue;
            }
            if denied[place].is_none() && standing.was_granted() {
                // A component without a grant decides nothing.
                let is_known = blocked.as_ref().is_none_or(|blocked| blocked.standing.was_granted());
                index.miss(&id, file, found_in, is_known.then(|| manifest.clone()), &message);
            }
            // The table is as trusted as the less trusted of both.
            let standing = match blocked {
                Some(blocked) if standing.admits() => blocked.standing,
                _ => standing,
            };
            let chosen = chosen == Some(place);
            index.refused.push(Refused { manifest, component, table, found_in, message, standing, chosen });
        }
    }

    /// Why a file is not used, which other files of the id there are, and what to do.
    fn message(&self, place: usize) -> String {
        let Self { id, candidates, used, .. } = self;
        if let Some(message) = &self.denied[place] {
            return message.clone();
        }
        let file = candidates[place].file();
        if let Some(first) = used.filter(|used| *used < place) {
            let first = candidates[first].file().display();
            return format!("{first} has the same id and is found first; remove one of the two files");
        }
        if let Err(why) = &self.grants[place]
            && !why.is_empty()
        {
            return why.clone();
        }
        let subject = if self.chosen == Some(place) { id.clone() } else { file.display().to_string() };
        if let Standing::Unreadable { reason } = &self.standings[place] {
            return format!(
                "{reason}{}; look at it with `modsmith plugin inspect {subject}`, then grant it again: \
                 `modsmith plugin grant {subject}`",
                self.others(place),
            );
        }
        format!(
            "{}{}: run `modsmith plugin inspect {subject}` to see what it asks for, then `modsmith plugin grant {subject}`",
            self.standings[place].refusal(),
            self.others(place),
        )
    }

    /// The end of a sentence about this file: the state of the other files of its id.
    fn others(&self, place: usize) -> String {
        let standing = &self.standings[place];
        if let Some(used) = self.used {
            let file = self.candidates[used].file();
            return match standing {
                Standing::NotGranted { instead: Some(granted) } if granted == file => {
                    ", which has the same id and is used".to_owned()
                }
                Standing::NotGranted { .. } => format!("; {} has the same id and is used", file.display()),
                _ => format!("; {} has the same id and does not take its place", file.display()),
            };
        }
        let others = self.candidates.iter().map(|other| other.file());
        let others: Vec<String> =
            others.filter(|other| *other != self.candidates[place].file()).map(|o| o.display().to_string()).collect();
        match others.as_slice() {
            [] => String::new(),
            [other] => format!("; {other} has the same id and is not used either"),
            others => format!("; {} have the same id and are not used either", others.join(", ")),
        }
    }
}
