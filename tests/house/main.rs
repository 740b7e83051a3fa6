//! The rules of the house that a compiler does not know.

mod architecture;
mod links;
mod reader;
