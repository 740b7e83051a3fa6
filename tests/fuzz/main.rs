//! The inputs of `fuzz/corpus`, given to what they were made for, on any compiler. `fuzz/README.md` says how they are
//! made.

mod page;
mod replay;
mod targets;
