//! Model files: read, refused, made and written.

mod command;
mod fixtures;
mod fuzz;
mod make;
mod malformed;
mod memory;
mod round_trip;
#[path = "../support/schemas.rs"]
mod schemas;
