//! Command lines of loaders of any family, whose programs and other options are not known: the load flags
//! are found by the tables of the two dialects, and every other word stays.

use crate::plan::equivalent::translate;
use crate::plan::{Dialect, Spelling, load_flags};

/// Translates the load flags among the words of a line. What they become stands where the first of them
/// stood, or behind the program where there were none.
///
/// # Errors
///
/// Why the line cannot be translated.
pub fn migrate_words(words: &[String], from: Dialect, to: Dialect) -> Result<Vec<String>, String> {
    let ranges = load_flags(from, words, |_| false);
    let argv: Vec<String> = ranges.iter().flat_map(|range| words[range.clone()].iter().cloned()).collect();
    let translation = translate(&Spelling::flags(argv), from, to).map_err(|error| error.to_string())?;
    if translation.is_unchanged() {
        return Ok(words.to_vec());
    }
    let program = words.first().is_some_and(|word| !word.starts_with('-') && !word.contains('='));
    let first = ranges.first().map_or(usize::from(program), |range| range.start);
    let mut line: Vec<String> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if at == first {
            line.extend(translation.put.argv.iter().cloned());
        }
        if !ranges.iter().any(|range| range.contains(&at)) {
            line.push(word.clone());
        }
    }
    if first >= words.len() {
        line.extend(translation.put.argv.iter().cloned());
    }
    // Another option of the old program may be a load flag of the new one.
    let found = load_flags(to, &line, |_| false);
    let put: Vec<String> = found.iter().flat_map(|range| line[range.clone()].iter().cloned()).collect();
    match Spelling::flags(put).resolve(to) {
        Ok(there) if there.plan == translation.plan => Ok(line),
        _ => Err(format!("other words of the line are load flags in the {to} dialect")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::era;

    fn migrated(line: &str, from: &str, to: &str) -> Result<String, String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        migrate_words(&words, era(from), era(to)).map(|words| words.join(" "))
    }

    #[test]
    fn load_flags_are_translated_where_they_stand() {
        let keywords = "load x use_mmap=False n_ctx=9";
        assert_eq!(
            migrated(keywords, "llama-cpp-python", "load-mode-numbers"),
            Ok("load x load_mode=0 n_ctx=9".to_owned())
        );
        assert_eq!(
            migrated("tool a b", "llama-cpp-python", "enum-v4"),
            Ok("tool --load-mode mmap a b".to_owned())
        );
        let both = migrated("tool use_mmap=False --mlock", "llama-cpp-python", "booleans");
        assert!(both.is_err_and(|error| error.contains("other words")));
    }
}
