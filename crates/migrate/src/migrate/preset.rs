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

use super::model::{Document, Say};
use super::rewrite::{Way, already, misread, stated};
use super::text;
use super::vocabulary;
use crate::plan::flags::Flag;
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
    vocabulary::flags().find_map(|def| {
        let bare = |name: &&&str| name.trim_start_matches('-') == key;
        if def.variable.is_some_and(|variable| variable.name == key) || def.on.iter().any(|name| bare(&name))
        {
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

/// Whether a file is a preset.
pub(super) fn is_preset(text: &[u8]) -> bool {
    may_be_preset(text) == Some(true)
}

/// Says whether some keys of a file are of presets and of nothing else, where every key may be one.
pub(super) fn may_be_preset(text: &[u8]) -> Option<bool> {
    let mut own = false;
    let mut sections = false;
    for line in text::lines(text) {
        let content = String::from_utf8_lossy(&text[line.content]).into_owned();
        let content = content.trim();
        if content.is_empty() || content.starts_with([';', '#']) {
            continue;
        }
        if content.starts_with('[') {
            sections = true;
            continue;
        }
        let (key, _) = content.split_once('=')?;
        let (known, of_presets) = super::options::preset_key(key.trim());
        if !known {
            return None;
        }
        own |= of_presets;
    }
    sections.then_some(own)
}

/// What keys and comments of a preset account for.
pub(super) fn account(text: &[u8]) -> Document {
    let mut document = Document { keys: true, llama: true, ..Document::default() };
    for line in text::lines(text) {
        let bytes = &text[line.content.clone()];
        if let Some(comment) = bytes.iter().position(|byte| matches!(byte, b';' | b'#')) {
            document.comment(std::iter::once(line.content.start + comment..line.content.end));
        }
    }
    document
        .idle
        .extend(sections(text).into_iter().flat_map(|section| section.entries).map(|entry| entry.span));
    let why = "it is no key of a preset, or not the value of one".to_owned();
    document.why.push((0..text.len(), why));
    document
}

type Options = BTreeMap<Flag, String>;

/// The options of a section over those below it.
fn options(below: &Options, entries: &[Entry]) -> Options {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    let mut options = below.clone();
    for entry in sorted {
        let is_on = matches!(vocabulary::booleans().read(&entry.value), Some((_, true)));
        let turned = if is_on { "false" } else { "true" };
        let value = if entry.negative { turned.to_owned() } else { entry.value.clone() };
        options.insert(entry.flag, value);
    }
    options
}

/// The command line that options become.
fn spelling(options: &Options) -> Spelling {
    let mut ordered: Vec<(&Flag, &String)> = options.iter().collect();
    ordered.sort_by_key(|(flag, _)| vocabulary::row(**flag).and_then(|def| def.on.first()));
    let mut argv = Vec::new();
    for (flag, value) in ordered {
        let Some(def) = vocabulary::row(*flag) else { continue };
        let name = |names: &[&str]| names.last().map(|name| (*name).to_owned());
        if def.is_mode() {
            argv.extend(name(&def.on));
            argv.push(value.clone());
        } else if matches!(vocabulary::booleans().read(value), Some((_, false))) {
            argv.extend(name(&def.off));
        } else {
            argv.extend(name(&def.on));
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
            Ok(Said { plan, put, remark }) => {
                out.plans.push(vec![plan]);
                out.remarks.extend(remark.map(|text| Say { at: at_of(section), text }));
                if let Some(put) = put {
                    below_after = put_options(&put);
                    out.write(text, section, &put);
                }
            }
        }
    }
    for section in others {
        let before = spelling(&options(&below, &section.entries));
        let Said { plan, put, remark } = match said(&before, way) {
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
            continue;
        }
        if inherits {
            continue;
        }
        out.remarks.extend(remark.map(|text| Say { at: at_of(section), text }));
        if let Some(put) = put {
            out.write(text, section, &put);
        }
    }
    out
}

fn at_of(section: &Section) -> usize {
    section.entries.first().map_or(section.start.saturating_sub(1), |entry| entry.span.start)
}

/// What a section says.
struct Said {
    plan: LoadPlan,
    /// Its new spelling, unless the old one can stay.
    put: Option<Spelling>,
    remark: Option<String>,
}

fn said(before: &Spelling, way: Way) -> Result<Said, String> {
    let there = before.resolve(way.to);
    let clean = there.as_ref().is_ok_and(|there| there.warnings.is_empty());
    match (before.resolve(way.from), there) {
        // What only the other dialect reads has been migrated before.
        (Err(_), Ok(there)) if clean => Ok(Said { plan: there.plan, put: None, remark: Some(already(way)) }),
        (Ok(here), Ok(there)) if here.plan == there.plan && clean => {
            Ok(Said { plan: here.plan, put: None, remark: None })
        }
        _ => {
            let translation =
                crate::plan::equivalent::translate(before, way.from, way.to).map_err(|e| e.to_string())?;
            let plan = translation.plan;
            let put = if translation.put.argv.is_empty() {
                stated(plan, way.to)
            } else {
                Some(translation.put.clone())
            };
            let put = put.filter(|_| !translation.is_unchanged());
            let remark = put.as_ref().and_then(|put| misread(put, plan, way));
            Ok(Said { plan, put, remark })
        }
    }
}

/// Flags as the keys and values of a section.
fn keys(put: &Spelling) -> Vec<(String, String)> {
    let mut keys = Vec::new();
    let mut words = put.argv.iter();
    while let Some(word) = words.next() {
        let Some(named) = vocabulary::find(word) else { continue };
        let def = vocabulary::def(named);
        let name = def.on.last().map_or("", |name| name.trim_start_matches('-')).to_owned();
        let value = match def.value {
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
            // A header that ends the file may have no line end to write behind.
            let open = section.start > text::bom(text) && !text[..section.start].ends_with(b"\n");
            let (before, behind) = if open { (newline, "") } else { ("", newline) };
            let line = |(key, value): &(String, String)| format!("{before}{key}{gap}{value}{behind}");
            let lines: String = keys(put).iter().map(line).collect();
            self.edits.push((section.start..section.start, lines));
            return;
        };
        let gap = gap(&first.gap);
        let lines: Vec<String> = keys(put).iter().map(|(key, value)| format!("{key}{gap}{value}")).collect();
        self.edits.push((first.span.clone(), lines.join(newline)));
        self.edits.extend(others.iter().map(|entry| (entry.line.clone(), String::new())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::{Kind, Migration, migrate};
    use crate::plan::{Dialect, era};

    fn migrated(text: &str, from: Dialect, to: Dialect) -> (String, Migration) {
        let migration = migrate(Kind::Preset, text.as_bytes(), from, to);
        (String::from_utf8_lossy(&migration.text).into_owned(), migration)
    }

    #[test]
    fn keys_are_options_without_dashes_or_variables() {
        let text = "version = 1\n[a]\nno-mmap = 1\nLLAMA_ARG_MLOCK = true ; kept\nctx-size = 9\n[b]\n; mmap = 0\nm = x\n";
        let found = sections(text.as_bytes());
        let told: Vec<_> = found.iter().map(|s| (s.name.as_str(), s.keys, s.entries.len())).collect();
        assert_eq!(told, [("default", 0, 0), ("a", 3, 2), ("b", 1, 0)]);
        let [no_mmap, mlock] = &found[1].entries[..] else { panic!("two entries") };
        assert_eq!((no_mmap.flag, no_mmap.negative, no_mmap.value.as_str()), (Flag::Map, true, "1"));
        assert_eq!((mlock.flag, mlock.negative, mlock.value.as_str()), (Flag::Lock, false, "true"));
        assert_eq!(&text[mlock.span.clone()], "LLAMA_ARG_MLOCK = true");
    }

    #[test]
    fn a_section_becomes_the_line_that_llama_cpp_makes_of_it() {
        let line = |text: &str| {
            let sections = sections(text.as_bytes());
            spelling(&options(&Options::new(), &sections[1].entries)).to_string()
        };
        // Names in order of the first option's name, negative names turned round.
        assert_eq!(line("[a]\nmlock = 1\nno-mmap = 1\n"), "--mlock --no-mmap");
        assert_eq!(line("[a]\nno-mmap = 0\n"), "--mmap");
        // A lock that is off has no flag.
        assert_eq!(line("[a]\nmlock = 0\n"), "");
        // Of two keys of one option, the later name in the alphabet counts.
        assert_eq!(line("[a]\nno-mmap = 1\nmmap = 1\n"), "--no-mmap");
    }

    #[test]
    fn a_second_run_changes_nothing_and_says_why() {
        let text = "[a]\nmmap = 0\nmodel = x.gguf\n";
        let (once, first) = migrated(text, era("booleans"), era("enum-v4"));
        assert_eq!(once, "[a]\nload-mode = none\nmodel = x.gguf\n");
        assert!(first.remarks.is_empty() && first.refusals.is_empty());
        let (twice, second) = migrated(&once, era("booleans"), era("enum-v4"));
        assert_eq!(twice, once);
        assert_eq!(second.remarks.len(), 1);
        let remark = &second.remarks[0];
        assert!(remark.line == 2 && remark.text.contains("counts as migrated"), "{remark:?}");
        assert_eq!(first.plans, second.plans);
    }

    #[test]
    fn what_would_be_misread_the_second_time_is_told_the_first_time() {
        // `mlock` reads in one and maps in the other.
        let text = "[a]\nload-mode = mmap+mlock\n";
        let (once, first) = migrated(text, era("enum-v3"), era("enum-v1"));
        let (_, second) = migrated(&once, era("enum-v3"), era("enum-v1"));
        assert_ne!(once, text);
        let told = first.remarks.iter().any(|remark| remark.text.contains("do not migrate"));
        assert_eq!(told, first.plans != second.plans, "{once}");
    }

    #[test]
    fn comments_line_ends_and_the_order_of_other_keys_stay() {
        let text = "# head\r\n[*]\r\nthreads=4\r\nmmap=1\r\n\r\n[a]\r\nmlock=1 ; why\r\nm=x";
        let (after, migration) = migrated(text, era("booleans"), era("enum-v2"));
        assert!(migration.refusals.is_empty(), "{migration:?}");
        assert!(
            after.starts_with("# head\r\n[*]\r\nthreads=4\r\n") && after.ends_with("; why\r\nm=x"),
            "{after}"
        );
        assert!(after.contains("load-mode=mmap+mlock"), "{after}");
    }

    #[test]
    fn a_header_at_the_end_of_a_file_keeps_its_line() {
        for (text, newline) in [("[*]", "\n"), ("; c\r\n[*]", "\r\n")] {
            let (after, migration) = migrated(text, era("booleans"), era("enum-v4"));
            assert!(migration.refusals.is_empty(), "{migration:?}");
            assert!(after.starts_with(&format!("{text}{newline}")) && !after.ends_with('\n'), "{after:?}");
        }
    }

    #[test]
    fn a_section_that_stands_twice_is_refused() {
        let (after, migration) = migrated("[a]\nmmap = 0\n[a]\nmlock = 1\n", era("booleans"), era("enum-v4"));
        assert_eq!(after, "[a]\nmmap = 0\n[a]\nmlock = 1\n");
        assert!(migration.refusals[0].text.contains("stands twice"), "{migration:?}");
    }
}
