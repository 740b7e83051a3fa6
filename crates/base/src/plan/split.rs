//! Finding the load flags in a longer command line, and taking them out of it, so that another
//! parser can have the rest.

use std::borrow::Cow;
use std::ffi::OsString;
use std::ops::Range;

use super::dialect::Dialect;

/// Where the load flags stand in a command line, in order: each range is one flag with its value.
///
/// Every name of the dialect's table counts, accepted or not, so that a flag of another era gets the
/// dialect's own error. Nothing is found after `--`, and nothing in the
/// value of another option: `takes_value` says of a word whether it is an option (`-p`, `--prompt`)
/// whose value is the next word.
pub fn load_flags<S: AsRef<str>>(
    dialect: Dialect,
    argv: &[S],
    takes_value: impl Fn(&str) -> bool,
) -> Vec<Range<usize>> {
    ranges(dialect, argv, |name| dialect.rules().find(name).map(|named| named.needs_value), takes_value)
}

/// The ranges of the flags that `find` knows, by whether they take a value.
fn ranges<S: AsRef<str>>(
    dialect: Dialect,
    argv: &[S],
    find: impl Fn(&str) -> Option<bool>,
    takes_value: impl Fn(&str) -> bool,
) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(word) = argv.get(at).map(AsRef::as_ref) {
        let (name, inline) = dialect.rules().forms.split(word);
        let named = find(name);
        if word == "--" {
            break;
        }
        let with_value = match named {
            Some(with_value) => with_value && inline.is_none(),
            None => takes_value(word),
        };
        let end = argv.len().min(at + 1 + usize::from(with_value));
        if named.is_some() {
            found.push(at..end);
        }
        at = end;
    }
    found
}

/// Splits a command line into the load flags with their values and everything else, both in order.
/// Which words are load flags says [`load_flags`].
///
/// A load flag's value that is not UTF-8 is passed on with replacement characters and fails as a
/// value.
#[must_use]
pub fn split_args(
    dialect: Dialect,
    argv: impl IntoIterator<Item = OsString>,
    takes_value: impl Fn(&str) -> bool,
) -> (Vec<String>, Vec<OsString>) {
    taken_out(argv, |text| load_flags(dialect, text, takes_value))
}

/// The same for a llama-bench line, whose load flags take a list each.
#[must_use]
pub fn split_bench_args(
    dialect: Dialect,
    argv: impl IntoIterator<Item = OsString>,
    takes_value: impl Fn(&str) -> bool,
) -> (Vec<String>, Vec<OsString>) {
    let find = |name: &str| dialect.rules().find_bench(name).map(|_| true);
    taken_out(argv, |text| ranges(dialect, text, find, takes_value))
}

/// The words in the ranges that `find` finds, and all others.
fn taken_out(
    argv: impl IntoIterator<Item = OsString>,
    find: impl FnOnce(&[Cow<'_, str>]) -> Vec<Range<usize>>,
) -> (Vec<String>, Vec<OsString>) {
    let argv: Vec<OsString> = argv.into_iter().collect();
    let text: Vec<Cow<'_, str>> = argv.iter().map(|word| word.to_string_lossy()).collect();
    let found = find(&text);
    let load = found.iter().flat_map(|range| &text[range.clone()]).map(|word| word.to_string()).collect();
    let rest = (0..argv.len()).filter(|at| !found.iter().any(|range| range.contains(at)));
    (load, rest.map(|at| argv[at].clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> (String, String) {
        let takes_value = |word: &str| matches!(word, "-m" | "-p" | "--prompt" | "-n");
        let (load, rest) = split_args(Dialect::reference(), line.split(' ').map(OsString::from), takes_value);
        let rest: Vec<_> = rest.iter().map(|word| word.to_string_lossy()).collect();
        (load.join(" "), rest.join(" "))
    }

    #[test]
    fn load_flags_leave_with_their_values() {
        assert_eq!(
            split("run -m x.gguf --no_mmap -lm none -p hello --load-mode=dio -dio -n 4"),
            ("--no_mmap -lm none --load-mode=dio -dio".into(), "run -m x.gguf -p hello -n 4".into())
        );
        // The word after a mode flag is its value, whatever it looks like.
        assert_eq!(split("-lm --mlock -n 4"), ("-lm --mlock".into(), "-n 4".into()));
        assert_eq!(split("-lm -- --mmap"), ("-lm -- --mmap".into(), "".into()));
        assert_eq!(split("-n 4 -lm"), ("-lm".into(), "-n 4".into()));
    }

    #[test]
    fn the_value_of_another_option_is_left_alone() {
        for line in ["-p --mlock", "--prompt -lm", "-m -dio", "-p -- -n", "-n"] {
            assert_eq!(split(line), (String::new(), line.into()));
        }
        // The option's value alone: what follows is a flag again, and `=` already brought a value.
        assert_eq!(split("-p --mlock --mmap"), ("--mmap".into(), "-p --mlock".into()));
        assert_eq!(split("--prompt=-m --mlock"), ("--mlock".into(), "--prompt=-m".into()));
        assert_eq!(split("--verbose --mlock"), ("--mlock".into(), "--verbose".into()));
    }

    #[test]
    fn nothing_is_taken_after_the_double_dash() {
        assert_eq!(split("--mlock -- --mmap -lm none"), ("--mlock".into(), "-- --mmap -lm none".into()));
    }

    #[test]
    fn similar_words_stay() {
        for line in ["--mmap-file x", "-lmx none", "mlock", "--n=--mlock", "-d -io"] {
            assert_eq!(split(line), (String::new(), line.into()));
        }
    }

    #[test]
    fn a_bench_flag_leaves_with_its_list() {
        let line = "bench -m -dio -mmp 0,1 -dio 1 -p 8 --load_mode=none,dio --mlock -lm dio -- -lm none";
        let (load, rest) =
            split_bench_args(Dialect::reference(), line.split(' ').map(OsString::from), |word| word == "-m");
        assert_eq!(load.join(" "), "-mmp 0,1 -dio 1 --load_mode=none,dio -lm dio");
        // The lock switch is none of llama-bench's, so that another parser refuses it.
        assert_eq!(rest, ["bench", "-m", "-dio", "-p", "8", "--mlock", "--", "-lm", "none"]);
    }

    #[test]
    fn ranges_are_flags_with_their_values() {
        let argv = ["run", "-lm", "none", "--mlock", "-p", "-dio", "--load-mode=dio", "-lm"];
        assert_eq!(load_flags(Dialect::reference(), &argv, |word| word == "-p"), [1..3, 3..4, 6..7, 7..8]);
    }
}
