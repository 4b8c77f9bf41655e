//! The resource `pieces` of the `plan` interface: what a file is to consist of.

use wasmtime::component::Resource;

use super::CallState;
use super::kept::completes;
use crate::bindings::modsmith::plugin::plan::HostPieces;
use crate::bindings::modsmith::plugin::types::{self, Error};
use modsmith_facts::Location;
use modsmith_plan::{Action, Bytes, verbs};

/// The pieces so far, one after the other.
#[derive(Debug, Default)]
pub struct Pieces(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Bytes(Vec<u8>),
    File(types::Path),
}

impl Pieces {
    /// Bytes that follow others are one piece with them: a plan says how many they are, and not
    /// in which parts they came.
    fn add(&mut self, piece: Piece) {
        match (self.0.last_mut(), piece) {
            (Some(Piece::Bytes(last)), Piece::Bytes(bytes)) => last.extend(bytes),
            (_, piece) => self.0.push(piece),
        }
    }

    /// The step that writes a file from them.
    pub(super) fn step(self, state: &CallState, to: Location, mode: u32) -> Result<Action, Error> {
        let pieces = self.0.into_iter().map(|piece| match piece {
            Piece::Bytes(bytes) => Ok(verbs::Piece::Bytes(Bytes(bytes))),
            Piece::File(path) => state.location(&path).map(verbs::Piece::File),
        });
        Ok(verbs::Concatenate { pieces: pieces.collect::<Result<_, _>>()?, to, mode }.into())
    }
}

impl HostPieces for CallState {
    fn new(&mut self) -> wasmtime::Result<Resource<Pieces>> {
        self.push(Pieces::default())
    }

    completes!(bytes(Pieces, contents: Vec<u8>) |pieces| pieces.add(Piece::Bytes(contents)));
    completes!(file(Pieces, at: types::Path) |pieces| pieces.add(Piece::File(at)));

    fn append(&mut self, this: Resource<Pieces>, other: Resource<Pieces>) -> wasmtime::Result<()> {
        let other = self.table.delete(other)?;
        let pieces = self.table.get_mut(&this)?;
        other.0.into_iter().for_each(|piece| pieces.add(piece));
        Ok(())
    }

    fn drop(&mut self, this: Resource<Pieces>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::imports::state;
    use crate::limits::Limits;
    use modsmith_facts::{OsRelease, Root, System};

    fn path(relative: &str) -> types::Path {
        types::Path { root: "boot".into(), relative: relative.into() }
    }

    #[test]
    fn bytes_that_follow_each_other_are_one_piece() {
        let mut state = state(System::new("/", OsRelease::default()), "", Limits::default());
        let (whole, end) = (HostPieces::new(&mut state).unwrap(), HostPieces::new(&mut state).unwrap());
        state.bytes(Resource::new_borrow(end.rep()), b"c".to_vec()).unwrap();
        state.file(Resource::new_borrow(end.rep()), path("caf\u{EFE9}")).unwrap();
        for text in ["a", "b"] {
            state.bytes(Resource::new_borrow(whole.rep()), text.into()).unwrap();
        }
        state.append(Resource::new_borrow(whole.rep()), end).unwrap();
        let pieces = state.table.delete(whole).unwrap();
        let to = Location::new(Root::Boot, "x").unwrap();
        let Ok(Action::Concatenate(step)) = pieces.step(&state, to, 0o644) else { panic!("no step") };
        let file = Location::of_text(Root::Boot, "caf\u{EFE9}").unwrap();
        assert_eq!(step.pieces, [verbs::Piece::Bytes(Bytes(b"abc".to_vec())), verbs::Piece::File(file)]);
    }

    #[test]
    fn pieces_count_against_the_limit_of_content_before_there_is_a_step() {
        let limits = Limits { content_mib: 1, ..Limits::default() };
        let mut state = state(System::new("/", OsRelease::default()), "", limits);
        let pieces = HostPieces::new(&mut state).unwrap();
        let mut add = || state.bytes(Resource::new_borrow(pieces.rep()), vec![0; 400 << 10]);
        assert!(add().is_ok() && add().is_ok());
        assert!(add().unwrap_err().to_string().contains("1 MiB of answers and steps"));
    }
}
