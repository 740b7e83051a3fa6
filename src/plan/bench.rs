//! The other grammar: llama-bench, where each load flag takes a comma list and a line asks for
//! several loads.
//!
//! It shares the flag table, the load modes and the meaning of a plan with the common parser, and
//! nothing else: it reads no environment, knows no lock switch and no negative forms, and lists
//! either multiply or queue, by era. The differences are data, in the same table of each era.
//!
//! In the reference dialect the switches multiply, as three independent booleans do, load modes
//! queue, and the product stands in the queue where the first switch stands on the line.

use super::dialect::{Dialect, Refusal, Switches, Word};
use super::flags::{FALSY, FLAGS, Flag, TRUTHY};
use super::message::UsageError;
use super::parse::split_inline;
use super::resolve::plan_of;
use super::{LoadPlan, flags, render};

/// What llama-bench of one era does with load flags.
#[derive(Debug)]
pub struct BenchRules {
    /// The flags that are registered; any other is an invalid parameter.
    pub flags: &'static [Flag],
    /// How the lists combine.
    pub combine: BenchCombine,
    /// How an item of a switch's list is read.
    pub items: Items,
    /// The deprecation text of a switch.
    pub deprecated: &'static [(Flag, &'static str)],
}

/// How the lists of a line combine.
#[derive(Debug)]
pub enum BenchCombine {
    /// Every map value with every direct value, map varying slowest; an absent list has its default
    /// as its one item. Load modes, where the era knows them, queue beside the product.
    Multiply {
        /// The items of absent lists; the lock is never asked for.
        start: Switches,
        /// What a refused direct load falls back to.
        refused: Refusal,
    },
    /// Every item appends one load mode to one queue.
    Queue {
        /// The queue when nobody speaks.
        start: Word,
        /// What an item of a switch appends, by its sense.
        assigns: &'static [(Flag, bool, Word)],
    },
}

/// How an item of a switch's list is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Items {
    /// A boolean word of the environment's; anything else is an error.
    Words,
    /// A number read the way a C++ stream reads a `bool`: anything but a number is 0, any number
    /// but 0 is 1, and what follows the number is passed over. (Inferred from the standard
    /// library's rules, not from a recording.) An empty item, whose value would be undefined there,
    /// is an error here.
    Stream,
}

/// One load of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BenchEntry {
    /// What is asked for.
    pub plan: LoadPlan,
    /// What the era's table shows: its load mode, or `mmap 1, dio 0` before there were any.
    pub label: String,
}

/// What a llama-bench line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// The loads in the order in which they run, duplicates included. Never empty.
    pub entries: Vec<BenchEntry>,
    /// What the dialect says about the line.
    pub warnings: Vec<String>,
}

impl Queue {
    /// The list for the reference's `-lm` that asks for the same loads, if it can say them all.
    #[must_use]
    pub fn load_modes(&self) -> Option<String> {
        let words: Option<Vec<_>> = self.entries.iter().map(|entry| entry.plan.reference_word()).collect();
        words.map(|words| words.join(","))
    }
}

/// A flag of the line with the items of its list.
enum Said {
    Switch { flag: Flag, name: &'static str, items: Vec<bool> },
    Modes(Vec<Word>),
}

/// Resolves the load flags of a llama-bench command line.
///
/// # Errors
///
/// A [`UsageError`] names what was wrong and what is accepted.
pub fn resolve(dialect: Dialect, argv: &[&str]) -> Result<Queue, UsageError> {
    let said = parse(dialect, argv)?;
    let rules = &dialect.rules().bench;
    let mut entries = match &rules.combine {
        BenchCombine::Multiply { start, refused } => multiply(dialect, *start, *refused, &said),
        BenchCombine::Queue { assigns, .. } => queue(assigns, &said),
    };
    if let (true, BenchCombine::Queue { start, .. }) = (entries.is_empty(), &rules.combine) {
        entries.push(entry(*start));
    }
    let queue = Queue { entries, warnings: Vec::new() };
    let warnings = warnings(rules, &said, queue.load_modes().as_deref());
    Ok(Queue { warnings, ..queue })
}

fn parse(dialect: Dialect, argv: &[&str]) -> Result<Vec<Said>, UsageError> {
    let rules = dialect.rules();
    let mut said = Vec::new();
    let mut words = argv.iter();
    while let Some(&word) = words.next() {
        let (typed, inline) = split_inline(word);
        let found = flags::find_bench(typed).filter(|(flag, _)| rules.bench.flags.contains(flag));
        let Some((flag, name)) = found.filter(|_| inline.is_none() || rules.equals_form) else {
            return Err(UsageError::BenchArgument { dialect, argument: word.to_owned() });
        };
        let Some(list) = inline.or_else(|| words.next().copied()) else {
            let accepted = render::bench_items(dialect, flag);
            return Err(UsageError::BenchMissing { flag: name, accepted });
        };
        said.push(if flag == Flag::Mode {
            let word = |item: &str| {
                let unknown = || UsageError::UnknownMode { dialect, name, value: item.to_owned() };
                rules.word(item).ok_or_else(unknown)
            };
            Said::Modes(list.split(',').map(word).collect::<Result<_, _>>()?)
        } else {
            let invalid = |value: &str| UsageError::BenchItem {
                flag: name,
                value: value.to_owned(),
                accepted: render::bench_items(dialect, flag),
            };
            let items = switch_items(rules.bench.items, list).map_err(invalid)?;
            Said::Switch { flag, name, items }
        });
    }
    Ok(said)
}

/// The items of a switch's list, or the item that is none.
fn switch_items(items: Items, list: &str) -> Result<Vec<bool>, &str> {
    match items {
        Items::Words => list
            .split(',')
            .map(|item| match (TRUTHY.contains(&item), FALSY.contains(&item)) {
                (false, false) => Err(item),
                (on, _) => Ok(on),
            })
            .collect(),
        // The end of a line ends no item, so that an empty list has none.
        Items::Stream => list
            .split_terminator(',')
            .map(|item| if item.is_empty() { Err(item) } else { Ok(stream_bool(item)) })
            .collect(),
    }
}

fn stream_bool(item: &str) -> bool {
    let item = item.trim_start();
    let digits = item.strip_prefix(['+', '-']).unwrap_or(item);
    let digits = digits.bytes().take_while(u8::is_ascii_digit);
    digits.into_iter().any(|digit| digit != b'0')
}

fn entry(word: Word) -> BenchEntry {
    BenchEntry { plan: word.plan, label: word.name.to_owned() }
}

fn queue(assigns: &[(Flag, bool, Word)], said: &[Said]) -> Vec<BenchEntry> {
    let words = said.iter().flat_map(|said| match said {
        Said::Modes(words) => words.clone(),
        Said::Switch { flag, items, .. } => {
            let written = |on: &bool| assigns.iter().find(|(f, sense, _)| f == flag && sense == on);
            items.iter().filter_map(written).map(|(_, _, word)| *word).collect()
        }
    });
    words.map(entry).collect()
}

fn multiply(dialect: Dialect, start: Switches, refused: Refusal, said: &[Said]) -> Vec<BenchEntry> {
    let list = |wanted: Flag, default: bool| {
        let items = said.iter().filter_map(|said| match said {
            Said::Switch { flag, items, .. } if *flag == wanted => Some(items),
            _ => None,
        });
        let items: Vec<bool> = items.flatten().copied().collect();
        if items.is_empty() { vec![default] } else { items }
    };
    let (maps, directs) = (list(Flag::Map, start.map), list(Flag::Direct, start.direct));
    let product = maps.iter().flat_map(|map| directs.iter().map(|direct| (*map, *direct)));
    let mut product = product.map(|(map, direct)| {
        let plan = plan_of(Switches { lock: start.lock, map, direct }, refused);
        let switches = || format!("mmap {}, dio {}", u8::from(map), u8::from(direct));
        BenchEntry { plan, label: dialect.word_for(plan).map_or_else(switches, str::to_owned) }
    });
    let mut entries = Vec::new();
    for said in said {
        match said {
            Said::Switch { .. } => entries.extend(product.by_ref()),
            Said::Modes(words) => entries.extend(words.iter().copied().map(entry)),
        }
    }
    if entries.is_empty() {
        entries.extend(product);
    }
    entries
}

fn warnings(rules: &BenchRules, said: &[Said], instead: Option<&str>) -> Vec<String> {
    let switches = said.iter().filter_map(|said| match said {
        Said::Switch { flag, name, .. } => Some((*flag, *name)),
        Said::Modes(_) => None,
    });
    let text = |(flag, name)| match (&rules.combine, instead) {
        (BenchCombine::Multiply { .. }, Some(list)) if rules.flags.contains(&Flag::Mode) => {
            Some(format!("{name} is deprecated: use -lm {list}, the exact equivalent of the lists given"))
        }
        _ => {
            let text = rules.deprecated.iter().find(|(f, _)| *f == flag);
            text.map(|(_, text)| (*text).to_owned())
        }
    };
    switches.filter_map(text).collect()
}

/// The names of every flag that llama-bench of the dialect accepts, by flag.
pub(super) fn known(dialect: Dialect) -> impl Iterator<Item = &'static flags::FlagDef> {
    FLAGS.iter().filter(move |def| dialect.rules().bench.flags.contains(&def.flag))
}
