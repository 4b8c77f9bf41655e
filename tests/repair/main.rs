//! Broken states of the tree: each is made on purpose, found, repaired, and found no
//! more. Trees that are well are left in peace.

mod crash;
mod healthy;
mod hostile;
mod owned;
mod scene;
mod states;
mod verified;
