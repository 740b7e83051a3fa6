//! llama.cpp's preset files: sections of `key = value`, where a key is an option without its dashes
//! or the name of its variable.
//!
//! How a section becomes a command line, from llama.cpp's `common/preset.cpp`: the keys are sorted, a
//! later key for the same option overwrites an earlier one, a negative name turns its value round,
//! a switch that is falsy becomes the negative flag (or nothing, where there is none), and the
//! section `[*]` lies below every other. The options then stand on the line ordered by their first
//! names (inferred from the type of the map), which matters to eras where the last flag wins.

use std::collections::BTreeMap;
use std::ops::Range;

use super::model::Say;
use super::rewrite::{Way, stated};
use super::text;
use crate::plan::flags::{self, FALSY, FLAGS, Flag, TRUTHY};
use crate::plan::{LoadPlan, Spelling};

/// A line that sets a load option.
#[derive(Clone, Debug)]
struct Entry {
    key: String,
    value: String,
    flag: Flag,
    negative: bool,
    /// From the key to the value's end.
    span: Range<usize>,
    /// The gap between key and value, `=` included.
    gap: Range<usize>,
    line: Range<usize>,
}

#[derive(Clone, Debug, Default)]
struct Section {
    name: String,
    /// Behind the header.
    start: usize,
    keys: usize,
    entries: Vec<Entry>,
    /// The indent and the gap of some line, for a line that is put in.
    gap: Option<Range<usize>>,
}

/// What to do to a preset file.
pub(super) struct Migrated {
    pub(super) edits: Vec<(Range<usize>, String)>,
    pub(super) plans: Vec<Vec<LoadPlan>>,
    pub(super) refusals: Vec<Say>,
    pub(super) remarks: Vec<Say>,
}

/// The option that a key names, and whether negatively.
fn option(key: &str) -> Option<(Flag, bool)> {
    FLAGS.iter().find_map(|def| {
        let bare = |name: &&&str| name.trim_start_matches('-') == key;
        if def.variable == key || def.on.iter().any(|name| bare(&name)) {
            Some((def.flag, false))
        } else if def.off.iter().any(|name| bare(&name)) {
            Some((def.flag, true))
        } else {
            None
        }
    })
}

fn sections(text: &[u8]) -> Vec<Section> {
    let mut sections = vec![Section { name: "default".into(), start: text::bom(text), ..Section::default() }];
    for line in text::lines(text) {
        let bytes = &text[line.content.clone()];
        let content = String::from_utf8_lossy(bytes);
        if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let name = name.0.trim().to_owned();
            sections.push(Section { name, start: line.full.end, ..Section::default() });
            continue;
        }
        let Some(equals) = bytes.iter().position(|byte| *byte == b'=') else { continue };
        let Some(section) = sections.last_mut() else { continue };
        let key_bytes = bytes[..equals].trim_ascii();
        let key = String::from_utf8_lossy(key_bytes).into_owned();
        if key.is_empty() || key.starts_with([';', '#']) {
            continue;
        }
        // The version says nothing about loading, and a section of nothing else loads nothing.
        section.keys += usize::from(key != "version");
        let lead = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let rest = &bytes[equals + 1..];
        let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let comment = rest.iter().position(|byte| matches!(byte, b';' | b'#')).unwrap_or(rest.len());
        let value = rest[..comment].trim_ascii();
        let base = line.content.start;
        let gap = base + lead + key_bytes.len()..base + equals + 1 + blank.min(comment);
        section.gap.get_or_insert(gap.clone());
        let Some((flag, negative)) = option(&key) else { continue };
        // What goes when the line goes: all of it but a comment, which stays.
        let line = if comment < rest.len() {
            base + lead..base + equals + 1 + comment
        } else {
            text::going_line(text, &line.full)
        };
        let value_end = if value.is_empty() { gap.end } else { base + equals + 1 + blank + value.len() };
        section.entries.push(Entry {
            value: String::from_utf8_lossy(value).into_owned(),
            flag,
            negative,
            span: base + lead..value_end,
            gap,
            line,
            key,
        });
    }
    sections
}

type Options = BTreeMap<Flag, String>;

/// The options of a section over those below it.
fn options(below: &Options, entries: &[Entry]) -> Options {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    let mut options = below.clone();
    for entry in sorted {
        let turned = if TRUTHY.contains(&entry.value.as_str()) { "false" } else { "true" };
        let value = if entry.negative { turned.to_owned() } else { entry.value.clone() };
        options.insert(entry.flag, value);
    }
    options
}

/// The command line that options become.
fn spelling(options: &Options) -> Spelling {
    let mut ordered: Vec<(&Flag, &String)> = options.iter().collect();
    ordered.sort_by_key(|(flag, _)| flag.def().on.first());
    let mut argv = Vec::new();
    for (flag, value) in ordered {
        let def = flag.def();
        let name = |names: &[&str]| names.last().map(|name| (*name).to_owned());
        if def.value.is_some() {
            argv.extend(name(def.on));
            argv.push(value.clone());
        } else if FALSY.contains(&value.as_str()) {
            argv.extend(name(def.off));
        } else {
            argv.extend(name(def.on));
        }
    }
    Spelling::flags(argv)
}

/// Finds the changes of a preset file.
pub(super) fn migrate(text: &[u8], way: Way) -> Migrated {
    let sections = sections(text);
    let mut out =
        Migrated { edits: Vec::new(), plans: Vec::new(), refusals: Vec::new(), remarks: Vec::new() };
    let mut names: Vec<&str> = sections.iter().skip(1).map(|section| section.name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        let at = sections
            .iter()
            .rev()
            .find(|section| section.name == twice[0])
            .map_or(0, |s| s.start.saturating_sub(1));
        out.refusals.push(Say {
            at,
            text: format!("the section [{}] stands twice, and the last one alone counts", twice[0]),
        });
        return out;
    }
    let globals = sections.iter().find(|section| section.name == "*");
    let below = globals.map(|section| options(&Options::new(), &section.entries)).unwrap_or_default();
    let others = sections
        .iter()
        .filter(|section| section.name != "*" && (section.keys > 0 || !section.entries.is_empty()));
    let others: Vec<&Section> = others.collect();
    // The sections as they will be, so that each is checked over the new `[*]`.
    let mut below_after = below.clone();
    if let Some(section) = globals.filter(|section| !section.entries.is_empty() || others.is_empty()) {
        match said(&spelling(&below), way) {
            Err(text) => out.refusals.push(Say { at: at_of(section), text }),
            Ok((plan, None)) => out.plans.push(vec![plan]),
            Ok((plan, Some(put))) => {
                out.plans.push(vec![plan]);
                below_after = put_options(&put);
                out.write(text, section, &put);
            }
        }
    }
    for section in others {
        let before = spelling(&options(&below, &section.entries));
        let (plan, put) = match said(&before, way) {
            Ok(said) => said,
            Err(text) => {
                out.refusals.push(Say { at: at_of(section), text });
                continue;
            }
        };
        out.plans.push(vec![plan]);
        let inherits = section.entries.is_empty() && !below.is_empty();
        let own = match &put {
            _ if inherits => Options::new(),
            Some(put) => put_options(put),
            None => options(&Options::new(), &section.entries),
        };
        let mut after = below_after.clone();
        after.extend(own);
        let kept = spelling(&after).resolve(way.to).is_ok_and(|found| found.plan == plan);
        if !kept {
            let text = "what [*] says keeps it from being said: set a load mode in each section".to_owned();
            out.refusals.push(Say { at: at_of(section), text });
        } else if let (Some(put), false) = (put, inherits) {
            out.write(text, section, &put);
        }
    }
    out
}

fn at_of(section: &Section) -> usize {
    section.entries.first().map_or(section.start.saturating_sub(1), |entry| entry.span.start)
}

/// The plan of a section and, unless it can stay, its new spelling.
fn said(before: &Spelling, way: Way) -> Result<(LoadPlan, Option<Spelling>), String> {
    let there = before.resolve(way.to);
    let clean = there.as_ref().is_ok_and(|there| there.warnings.is_empty());
    match (before.resolve(way.from), there) {
        (Err(_), Ok(there)) if clean => Ok((there.plan, None)),
        (Ok(here), Ok(there)) if here.plan == there.plan && clean => Ok((here.plan, None)),
        _ => {
            let translation =
                crate::plan::equivalent::translate(before, way.from, way.to).map_err(|e| e.to_string())?;
            let plan = translation.plan;
            let put = if translation.put.argv.is_empty() {
                stated(plan, way.to)
            } else {
                Some(translation.put.clone())
            };
            Ok((plan, if translation.is_unchanged() { None } else { put }))
        }
    }
}

/// Flags as the keys and values of a section.
fn keys(put: &Spelling) -> Vec<(String, String)> {
    let mut keys = Vec::new();
    let mut words = put.argv.iter();
    while let Some(word) = words.next() {
        let Some(named) = flags::find(word) else { continue };
        let name = named.flag.def().on.last().map_or("", |name| name.trim_start_matches('-')).to_owned();
        let value = match named.flag.def().value {
            Some(_) => words.next().cloned().unwrap_or_default(),
            None => if named.on { "1" } else { "0" }.to_owned(),
        };
        keys.push((name, value));
    }
    keys
}

fn put_options(put: &Spelling) -> Options {
    let of = |(key, value): (String, String)| option(&key).map(|(flag, _)| (flag, value));
    keys(put).into_iter().filter_map(of).collect()
}

impl Migrated {
    fn write(&mut self, text: &[u8], section: &Section, put: &Spelling) {
        let newline = text::newline(text);
        let gap = |range: &Range<usize>| String::from_utf8_lossy(&text[range.clone()]).into_owned();
        let Some((first, others)) = section.entries.split_first() else {
            let gap = section.gap.as_ref().map_or_else(|| " = ".to_owned(), gap);
            let lines: String =
                keys(put).iter().map(|(key, value)| format!("{key}{gap}{value}{newline}")).collect();
            self.edits.push((section.start..section.start, lines));
            return;
        };
        let gap = gap(&first.gap);
        let lines: Vec<String> = keys(put).iter().map(|(key, value)| format!("{key}{gap}{value}")).collect();
        self.edits.push((first.span.clone(), lines.join(newline)));
        self.edits.extend(others.iter().map(|entry| (entry.line.clone(), String::new())));
    }
}
