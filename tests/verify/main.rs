//! Would a kernel load a module? Asked about real kernels: of each kernel's own modules,
//! which it loads, and of the same modules, broken on purpose.

mod agreement;
mod broken;
mod cases;
mod kernels;
mod keys;
mod own_modules;
mod patch;
