//! What the load flags of each dialect ask for.

mod bench;
mod compare;
#[path = "../support/dialects.rs"]
mod dialects;
mod equivalent;
mod eras;
mod explain;
mod files;
mod lazy;
mod oracle;
mod reference;
#[path = "../support/schemas.rs"]
mod schemas;
mod tables;
mod usage_errors;
