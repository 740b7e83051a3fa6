//! room
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(70)
}
pub mod gguf;
pub mod tokenize;
