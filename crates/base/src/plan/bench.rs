//! The other grammar: llama-bench, where each load flag takes a comma list and a line asks for
//! several loads.
//!
//! It shares the flag table, the load modes and the meaning of a plan with the common parser, and
//! nothing else: it reads no environment, knows no lock switch and no negative forms, and lists
//! either multiply or queue, by era. The differences are data, in the same table of each era.
//!
//! In the reference dialect the switches multiply, as three independent booleans do, load modes
//! queue, and the product stands in the queue where the first switch stands on the line.

use super::dialect::Dialect;
use super::flags::{Flag, same};
use super::message::UsageError;
use super::resolve::plan_of;
use super::rules::{Base, Booleans, Forms, Refusal, Switches, Word};
use super::{LoadPlan, render};

/// What the benchmark of a loader does with load flags.
#[derive(Debug)]
pub struct BenchRules {
    /// Its flags; any other is an invalid parameter.
    pub flags: Vec<BenchFlag>,
    /// How the lists combine.
    pub combine: BenchCombine,
    /// How an item of a switch's list is read.
    pub items: Items,
    /// The template for a load that has no load mode: `{map}` and `{direct}` are 0 or 1.
    pub label: &'static str,
}

impl BenchRules {
    /// Whether a flag of that kind is accepted.
    #[must_use]
    pub fn knows(&self, flag: Flag) -> bool {
        self.accepted().any(|def| def.flag == flag)
    }

    /// The flags that are registered.
    pub fn accepted(&self) -> impl Iterator<Item = &BenchFlag> + Clone {
        self.flags.iter().filter(|def| def.accepted)
    }

    /// Finds a name, without a value attached, accepted or not.
    pub(super) fn find(&self, forms: Forms, typed: &str) -> Option<(&BenchFlag, &'static str)> {
        let of = |def| BenchFlag::name(def, forms, typed).map(|name| (def, name));
        self.flags.iter().find_map(of)
    }
}

/// A flag of the benchmark, which takes a comma list.
#[derive(Debug)]
pub struct BenchFlag {
    /// The decision it is about.
    pub flag: Flag,
    /// Whether it is registered; else it is a flag of other eras and refused.
    pub accepted: bool,
    /// Its names.
    pub names: Vec<&'static str>,
    /// The template of its deprecation.
    pub deprecated: Option<&'static str>,
    /// What an item appends where lists queue: turned on, turned off.
    pub appends: [Option<Word>; 2],
}

impl BenchFlag {
    fn name(&self, forms: Forms, typed: &str) -> Option<&'static str> {
        self.names.iter().copied().find(|name| same(forms, name, typed))
    }
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
    Switch { def: &'static BenchFlag, name: &'static str, items: Vec<bool> },
    Modes(Vec<Word>),
}

/// Resolves the load flags of a llama-bench command line.
///
/// # Errors
///
/// A [`UsageError`] names what was wrong and what is accepted.
pub fn resolve(dialect: Dialect, argv: &[&str]) -> Result<Queue, UsageError> {
    let Some(rules) = &dialect.rules().bench else { return Err(UsageError::NoBench { dialect }) };
    let said = parse(dialect, rules, argv)?;
    if matches!(rules.combine, BenchCombine::Multiply { .. }) && product(&said) > MOST_LOADS {
        return Err(UsageError::BenchTooMany { count: product(&said), most: MOST_LOADS });
    }
    let mut entries = match &rules.combine {
        BenchCombine::Multiply { start, refused } => multiply(dialect, rules, *start, *refused, &said),
        BenchCombine::Queue { .. } => queue(&said),
    };
    if let (true, BenchCombine::Queue { start, .. }) = (entries.is_empty(), &rules.combine) {
        entries.push(entry(*start));
    }
    let by_default = dialect.rules().exceptions;
    entries.iter_mut().for_each(|entry| entry.plan = entry.plan.except(by_default));
    let queue = Queue { entries, warnings: Vec::new() };
    let warnings = warnings(&said, queue.load_modes().as_deref());
    Ok(Queue { warnings, ..queue })
}

fn parse(dialect: Dialect, bench: &'static BenchRules, argv: &[&str]) -> Result<Vec<Said>, UsageError> {
    let rules = dialect.rules();
    let mut said = Vec::new();
    let mut words = argv.iter();
    while let Some(&word) = words.next() {
        let (typed, inline) = rules.forms.split(word);
        let found = bench.find(rules.forms, typed).filter(|(def, _)| def.accepted);
        let Some((def, name)) = found.filter(|_| inline.is_none() || rules.forms.joined.is_some()) else {
            return Err(UsageError::BenchArgument { dialect, argument: word.to_owned() });
        };
        let Some(list) = inline.or_else(|| words.next().copied()) else {
            let accepted = render::bench_items(dialect, def.flag);
            return Err(UsageError::BenchMissing { flag: name, accepted });
        };
        said.push(if def.flag == Flag::Mode {
            let word = |item: &str| {
                let unknown = || UsageError::UnknownMode { dialect, name, value: item.to_owned() };
                rules.word(item).ok_or_else(unknown)
            };
            Said::Modes(list.split(',').map(word).collect::<Result<_, _>>()?)
        } else {
            let invalid = |value: &str| UsageError::BenchItem {
                flag: name,
                value: value.to_owned(),
                accepted: render::bench_items(dialect, def.flag),
            };
            let items = switch_items(bench.items, &rules.booleans, list).map_err(invalid)?;
            Said::Switch { def, name, items }
        });
    }
    Ok(said)
}

/// The items of a switch's list, or the item that is none.
fn switch_items<'l>(items: Items, booleans: &Booleans, list: &'l str) -> Result<Vec<bool>, &'l str> {
    match items {
        Items::Words => {
            list.split(',').map(|item| booleans.read(item).map(|(_, on)| on).ok_or(item)).collect()
        }
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

/// More loads than anybody measures; the lists of switches multiply.
const MOST_LOADS: usize = 65_536;

/// How many loads the lists of switches multiply to.
fn product(said: &[Said]) -> usize {
    let items = |wanted: Flag| {
        let items = said.iter().map(|said| match said {
            Said::Switch { def, items, .. } if def.flag == wanted => items.len(),
            _ => 0,
        });
        items.sum::<usize>().max(1)
    };
    [Flag::Map, Flag::Lock, Flag::Direct].map(items).into_iter().fold(1, usize::saturating_mul)
}

fn entry(word: Word) -> BenchEntry {
    BenchEntry { plan: word.plan, label: word.name.to_owned() }
}

fn queue(said: &[Said]) -> Vec<BenchEntry> {
    let words = said.iter().flat_map(|said| match said {
        Said::Modes(words) => words.clone(),
        Said::Switch { def, items, .. } => {
            let [on, off] = def.appends;
            items.iter().filter_map(|item| if *item { on } else { off }).collect()
        }
    });
    words.map(entry).collect()
}

fn multiply(
    dialect: Dialect,
    rules: &BenchRules,
    start: Switches,
    refused: Refusal,
    said: &[Said],
) -> Vec<BenchEntry> {
    let list = |wanted: Flag| {
        let items = said.iter().filter_map(|said| match said {
            Said::Switch { def, items, .. } if def.flag == wanted => Some(items),
            _ => None,
        });
        items.flatten().copied().collect::<Vec<bool>>()
    };
    let or_start = |asked: Vec<bool>, start| if asked.is_empty() { vec![start] } else { asked };
    let bases = list(Flag::Map).into_iter().map(Base::of_switch).collect::<Vec<_>>();
    let bases = if bases.is_empty() { vec![start.base] } else { bases };
    let (locks, directs) =
        (or_start(list(Flag::Lock), start.lock), or_start(list(Flag::Direct), start.direct));
    let mut product = Vec::new();
    for lock in &locks {
        for base in &bases {
            for direct in &directs {
                let plan = plan_of(Switches { lock: *lock, base: *base, direct: *direct }, refused);
                let map = if *base == Base::Map { "1" } else { "0" };
                let direct = if *direct { "1" } else { "0" };
                let switches = || rules.label.replace("{map}", map).replace("{direct}", direct);
                let label = dialect.word_for(plan).map_or_else(switches, str::to_owned);
                product.push(BenchEntry { plan, label });
            }
        }
    }
    let mut product = product.into_iter();
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

/// What is printed of each deprecated switch. A text with an equivalent is left out where there is none.
fn warnings(said: &[Said], instead: Option<&str>) -> Vec<String> {
    let switches = said.iter().filter_map(|said| match said {
        Said::Switch { def, name, .. } => def.deprecated.map(|text| (text, *name)),
        Said::Modes(_) => None,
    });
    let text = |(text, name): (&str, &str)| match instead {
        None if text.contains("{equivalent}") => None,
        _ => Some(text.replace("{name}", name).replace("{equivalent}", instead.unwrap_or_default())),
    };
    switches.filter_map(text).collect()
}
