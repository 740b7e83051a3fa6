//! What to measure, and in which order.

use std::fmt;
use std::str::FromStr;

use crate::engine::CpuLevel;
use crate::plan::bench::BenchEntry;

/// One test: a prompt of so many tokens, then so many generated ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Test {
    /// Tokens of the prompt.
    pub n_prompt: usize,
    /// Tokens generated behind it.
    pub n_gen: usize,
}

impl fmt::Display for Test {
    /// llama-bench's name: `pp512`, `tg128`, `pp512+tg128`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.n_prompt, self.n_gen) {
            (n, 0) => write!(f, "pp{n}"),
            (0, n) => write!(f, "tg{n}"),
            (prompt, n) => write!(f, "pp{prompt}+tg{n}"),
        }
    }
}

/// The settings that one row was measured with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Tokens of a prompt that are handed to the context at once.
    pub n_batch: usize,
    /// Tokens that go through the layers together.
    pub n_ubatch: usize,
    /// Threads.
    pub n_threads: usize,
    /// Tokens that stand in the context before the test begins.
    pub n_depth: usize,
    /// The test.
    pub test: Test,
}

/// Everything to measure on a model.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The loads, in the order in which they run.
    pub loads: Vec<BenchEntry>,
    /// The tests, in order.
    pub tests: Vec<Test>,
    /// See [`Point::n_batch`]; each list multiplies the tests.
    pub batches: Vec<usize>,
    /// See [`Point::n_ubatch`].
    pub ubatches: Vec<usize>,
    /// See [`Point::n_threads`].
    pub threads: Vec<usize>,
    /// See [`Point::n_depth`].
    pub depths: Vec<usize>,
    /// How often each test runs.
    pub repetitions: usize,
    /// How often each load runs cold and how often warm; 0 measures no load.
    pub load_repetitions: usize,
    /// Whether a test runs once unmeasured first.
    pub warmup: bool,
    /// The vector instructions to use.
    pub cpu: CpuLevel,
}

impl Spec {
    /// The tests for `-p`, `-n` and `-pg` lists, in llama-bench's order; a test of no token is none.
    pub fn tests(prompts: &[usize], gens: &[usize], both: &[(usize, usize)]) -> Vec<Test> {
        let prompts = prompts.iter().map(|&n_prompt| Test { n_prompt, n_gen: 0 });
        let gens = gens.iter().map(|&n_gen| Test { n_prompt: 0, n_gen });
        let both = both.iter().map(|&(n_prompt, n_gen)| Test { n_prompt, n_gen });
        prompts.chain(gens).chain(both).filter(|test| test.n_prompt + test.n_gen > 0).collect()
    }

    /// What is measured after each load, in llama-bench's order: batch sizes vary slowest, then
    /// threads, then depths, then tests.
    pub fn points(&self) -> Vec<Point> {
        let mut points = Vec::new();
        for &n_batch in &self.batches {
            for &n_ubatch in &self.ubatches {
                for &n_threads in &self.threads {
                    for &n_depth in &self.depths {
                        let point = |&test| Point { n_batch, n_ubatch, n_threads, n_depth, test };
                        points.extend(self.tests.iter().map(point));
                    }
                }
            }
        }
        points
    }
}

/// Numbers as llama-bench takes them: `8`, `1,2,4`, `1-4`, `0-512+128`, `1-64*2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberList(pub Vec<usize>);

/// More numbers than anybody measures; a longer range is a slip.
const MOST: usize = 1024;

impl FromStr for NumberList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut numbers = Vec::new();
        for item in text.split(',') {
            range(item, &mut numbers)
                .map_err(|problem| format!("`{item}` {problem}; write 8, 1,2,4, 1-4, 0-512+128 or 1-64*2"))?;
        }
        Ok(Self(numbers))
    }
}

fn range(item: &str, numbers: &mut Vec<usize>) -> Result<(), &'static str> {
    let number = |text: &str| text.parse::<usize>().map_err(|_| "is no number and no range");
    let Some((first, rest)) = item.split_once('-') else {
        numbers.push(number(item)?);
        return Ok(());
    };
    let (last, sign, step) = match rest.find(['+', '*']) {
        Some(at) => (&rest[..at], rest.as_bytes()[at], number(&rest[at + 1..])?),
        None => (rest, b'+', 1),
    };
    let (mut at, last) = (number(first)?, number(last)?);
    if at > last {
        return Err("ends before it begins");
    }
    let next = |at: usize| if sign == b'+' { at.checked_add(step) } else { at.checked_mul(step) };
    while at <= last {
        numbers.push(at);
        if numbers.len() > MOST {
            return Err("has too many numbers");
        }
        match next(at) {
            Some(next) if next > at => at = next,
            Some(_) => return Err("does not get on"),
            None => break,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<usize> {
        text.parse::<NumberList>().unwrap_or_else(|error| panic!("{text}: {error}")).0
    }

    #[test]
    fn lists_and_ranges() {
        assert_eq!(list("8"), [8]);
        assert_eq!(list("4,1,4"), [4, 1, 4]);
        assert_eq!(list("1-3,9"), [1, 2, 3, 9]);
        assert_eq!(list("0-512+200"), [0, 200, 400]);
        assert_eq!(list("1-64*4"), [1, 4, 16, 64]);
    }

    #[test]
    fn what_is_no_list_says_so() {
        for (text, why) in [
            ("", "is no number"),
            ("1,", "is no number"),
            ("x", "is no number"),
            ("4-2", "ends before"),
            ("1-4+0", "does not get on"),
            ("0-4*2", "does not get on"),
            ("1-9*1", "does not get on"),
            ("1-99999", "too many"),
        ] {
            let error = text.parse::<NumberList>().expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn tests_stand_in_the_order_of_the_original() {
        let tests = Spec::tests(&[512, 0, 64], &[128, 0], &[(8, 2), (0, 0), (0, 3)]);
        let names: Vec<String> = tests.iter().map(Test::to_string).collect();
        assert_eq!(names, ["pp512", "pp64", "tg128", "pp8+tg2", "tg3"]);
    }

    #[test]
    fn threads_vary_slower_than_depths_and_those_slower_than_tests() {
        let spec = Spec {
            loads: Vec::new(),
            tests: Spec::tests(&[4], &[2], &[]),
            batches: vec![2048, 512],
            ubatches: vec![64],
            threads: vec![1, 2],
            depths: vec![0, 8],
            repetitions: 1,
            load_repetitions: 0,
            warmup: false,
            cpu: CpuLevel::detect(),
        };
        let points = spec.points();
        assert_eq!(points.len(), 16);
        let seen: Vec<_> =
            points.iter().map(|p| (p.n_batch, p.n_threads, p.n_depth, p.test.n_prompt)).collect();
        assert_eq!(
            seen[..5],
            [(2048, 1, 0, 4), (2048, 1, 0, 0), (2048, 1, 8, 4), (2048, 1, 8, 0), (2048, 2, 0, 4)]
        );
        assert_eq!(seen[8].0, 512);
    }
}
