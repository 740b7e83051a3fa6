//! What it costs to read every shipped dialect: each command does so once, before it does anything.
//!
//! ```sh
//! cargo bench --bench dialects
//! ```
//!
//! Prints the median and the best of many rounds. The text of each file is read anew under another name, since
//! that of a shipped one is known already.

use std::time::{Duration, Instant};

use loadparity::plan::Dialect;

const ROUNDS: usize = 200;

fn main() {
    // `cargo test --benches` passes --test and wants no measurement.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let texts: Vec<String> = Dialect::shipped()
        .iter()
        .filter_map(|dialect| {
            let name = format!("name = \"{dialect}\"");
            dialect.text().map(|text| text.replacen(&name, "name = \"measured\"", 1))
        })
        .collect();
    let round = || {
        let start = Instant::now();
        for text in &texts {
            Dialect::read(text).expect("a shipped file");
        }
        start.elapsed()
    };
    let mut times: Vec<Duration> = (0..ROUNDS).map(|_| round()).collect();
    times.sort();
    println!("{} dialects: median {:.2?}, best {:.2?}", texts.len(), times[ROUNDS / 2], times[0]);
}
