//! A kernel before and after its modules change: its source tree, its index of modules, its
//! boot image, and what plugins want done.

pub(super) mod boot_image;
pub(super) mod hooks;
pub(super) mod installed;
pub(super) mod module_index;
pub(super) mod source_tree;
