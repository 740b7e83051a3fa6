//! What the lines of llama.cpp's log claim about a load, and whether it is true.

use crate::check::document::Claim;
use crate::plan::flags::Flag;
use crate::plan::{Dialect, LoadPlan, OnRefused, Source, Spelling};
use crate::rules::{Effective, EffectiveSource};
use crate::trace::{Call, Op, Outcome, Phase};

/// The claims in the lines, in order.
pub fn claims(
    lines: &[String],
    dialect: Dialect,
    spelling: &Spelling,
    effective: Effective,
    ops: &[Op],
) -> Vec<Claim> {
    let reader = Reader { dialect, spelling, effective, ops };
    lines.iter().filter_map(|line| reader.claim(without_time(line))).collect()
}

/// Takes `0.00.019.642 I ` off a line.
fn without_time(line: &str) -> &str {
    let line = line.trim();
    let Some((time, rest)) = line.split_once(' ') else { return line };
    if time.is_empty() || !time.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return line;
    }
    match rest.split_once(' ') {
        Some(("I" | "W" | "E" | "D", text)) => text,
        _ => rest,
    }
}

struct Reader<'a> {
    dialect: Dialect,
    spelling: &'a Spelling,
    effective: Effective,
    ops: &'a [Op],
}

impl Reader<'_> {
    fn claim(&self, line: &str) -> Option<Claim> {
        let made = |claims: String, instead: Option<String>| {
            let (holds, instead) = (instead.is_none(), instead.unwrap_or_default());
            Some(Claim { line: line.to_owned(), claims, holds, instead })
        };
        if let Some(mode) = between(line, "load_mode = ", ")") {
            let (claims, instead) = self.mode(mode);
            return made(claims, instead);
        }
        if let (Some(mmap), Some(direct)) =
            (between(line, "mmap = ", ","), between(line, "direct_io = ", ")"))
        {
            let source = match (mmap, direct) {
                (_, "true") => EffectiveSource::Direct,
                ("true", _) => EffectiveSource::Map,
                _ => EffectiveSource::Read,
            };
            return made(format!("the weights are {}", did(source)), self.unless_source(source));
        }
        if line.contains("direct I/O is enabled, disabling mmap") {
            let source = EffectiveSource::Direct;
            return made(format!("the weights are {}", did(source)), self.unless_source(source));
        }
        if line.contains("direct I/O is not available, using mmap") {
            let source = EffectiveSource::Map;
            return made(
                format!("the weights are {} instead of read directly", did(source)),
                self.unless_source(source),
            );
        }
        if let Some(bytes) = between(line, "failed to mlock ", "-byte") {
            let refused = self.ops.iter().any(|op| {
                matches!(&op.call, Call::Lock { len, .. } if len.to_string() == bytes)
                    && matches!(op.outcome, Outcome::Err(_))
            });
            let instead = (!refused).then(|| "no lock of that length was refused".to_owned());
            return made(format!("a lock of {bytes} bytes was refused"), instead);
        }
        if let Some(word) = between(line, "use --load-mode ", " instead") {
            return self.advice(line, word).and_then(|(claims, instead)| made(claims, instead));
        }
        if line.starts_with("error: invalid argument") || line.starts_with("error while handling argument") {
            let instead = self.effective.source.map(|_| "a model was loaded".to_owned());
            return made("nothing is loaded".to_owned(), instead);
        }
        None
    }

    fn unless_source(&self, source: EffectiveSource) -> Option<String> {
        (self.effective.source != Some(source)).then(|| self.what_happened())
    }

    fn what_happened(&self) -> String {
        self.effective.source.map_or("nothing was loaded".to_owned(), |source| {
            let locked = if self.effective.locked { " and locked" } else { "" };
            format!("the weights were {}{locked}", did(source))
        })
    }

    /// A load mode says where the weights come from and whether they are locked.
    fn mode(&self, name: &str) -> (String, Option<String>) {
        let Some(word) = self.dialect.rules().word(name) else {
            return (format!("the load mode is `{name}`"), Some("the dialect has no such word".to_owned()));
        };
        let plan = word.plan;
        let locked = if plan.lock { " and locked" } else { "" };
        let claims = match source(plan) {
            Some(source) => format!("the weights are {}{locked}", did(source)),
            None => "the weights are mapped or read".to_owned(),
        };
        let same = source(plan).is_none_or(|source| self.effective.source == Some(source));
        let refused = self.ops.iter().any(|op| {
            op.phase == Phase::Load
                && matches!(op.call, Call::Lock { .. })
                && matches!(op.outcome, Outcome::Err(_))
        });
        let instead = if !same || plan.lock != self.effective.locked {
            let why = if plan.lock && refused { ", because the lock was refused" } else { "" };
            Some(format!("{}{why}", self.what_happened()))
        } else {
            None
        };
        (claims, instead)
    }

    /// `--x and --y are deprecated. use --load-mode W instead` holds if W means what the switches
    /// of the spelling that it speaks of mean by themselves.
    fn advice(&self, line: &str, word: &str) -> Option<(String, Option<String>)> {
        let advised = Spelling::flags(["--load-mode", word]).resolve(self.dialect).ok()?.plan;
        let rules = self.dialect.rules();
        let legacy = rules.table.iter().filter(|def| def.legacy);
        let spoken_of: Vec<Flag> = legacy
            .filter(|def| def.on.iter().chain(&def.off).any(|name| line.contains(&format!("{name} "))))
            .map(|def| def.flag)
            .collect();
        let wrong = self.parts().into_iter().find_map(|(flag, part)| {
            let plan = part.resolve(self.dialect).ok()?.plan;
            (spoken_of.contains(&flag) && plan != advised).then(|| format!("`{part}` means {plan}"))
        });
        let claims = format!("--load-mode {word} ({}) does the same", shown(advised));
        Some((claims, wrong))
    }

    /// The legacy switches and variables of the spelling, one by one.
    fn parts(&self) -> Vec<(Flag, Spelling)> {
        let mut parts = Vec::new();
        for typed in &self.spelling.argv {
            let rules = self.dialect.rules();
            if let Some(named) = rules.find(typed).filter(|named| rules.table[named.row].legacy) {
                parts.push((named.flag, Spelling::flags([typed.as_str()])));
            }
        }
        for (name, value) in &self.spelling.env {
            let rules = self.dialect.rules();
            if let Some(variable) = rules.find_variable(name).filter(|v| rules.table[v.row].legacy) {
                parts.push((variable.flag, Spelling::variable(name.as_str(), value.as_str())));
            }
        }
        parts
    }
}

fn source(plan: LoadPlan) -> Option<EffectiveSource> {
    match plan.source {
        Source::Map => Some(EffectiveSource::Map),
        Source::Read => Some(EffectiveSource::Read),
        Source::Direct => Some(EffectiveSource::Direct),
        Source::Auto => None,
    }
}

fn did(source: EffectiveSource) -> &'static str {
    match source {
        EffectiveSource::Map => "mapped",
        EffectiveSource::Read => "read through the page cache",
        EffectiveSource::Direct => "read directly",
    }
}

fn shown(plan: LoadPlan) -> String {
    match plan.on_refused {
        Some(OnRefused::Map) => format!("{plan}, mapped when refused"),
        _ => plan.to_string(),
    }
}

fn between<'a>(line: &'a str, before: &str, after: &str) -> Option<&'a str> {
    line.split_once(before)?.1.split_once(after).map(|(inside, _)| inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::era;

    fn claim(line: &str, flags: &[&str], source: Option<EffectiveSource>, locked: bool) -> Option<Claim> {
        let spelling = Spelling::flags(flags.iter().copied());
        claims(&[line.to_owned()], era("enum-v3"), &spelling, Effective { source, locked }, &[]).pop()
    }

    #[test]
    fn a_mode_is_held_against_what_happened() {
        let line =
            "0.00.018.350 I load_tensors: loading model tensors, this can take a while... (load_mode = dio)";
        let told = claim(line, &["-dio"], Some(EffectiveSource::Direct), false).unwrap();
        assert!(told.holds && told.line.starts_with("load_tensors"), "{told:?}");
        let told = claim(line, &["-dio"], Some(EffectiveSource::Read), false).unwrap();
        assert!(!told.holds);
        assert_eq!(told.instead, "the weights were read through the page cache");
        let line = "x (load_mode = mlock)";
        assert!(claim(line, &[], Some(EffectiveSource::Read), true).unwrap().holds);
        assert!(!claim(line, &[], Some(EffectiveSource::Map), true).unwrap().holds);
        assert!(!claim(line, &[], Some(EffectiveSource::Read), false).unwrap().holds);
        assert!(!claim("x (load_mode = mystery)", &[], None, false).unwrap().holds);
    }

    #[test]
    fn the_booleans_are_held_against_the_source() {
        let line = "load_tensors: … (mmap = false, direct_io = true)";
        assert!(claim(line, &[], Some(EffectiveSource::Direct), false).unwrap().holds);
        assert!(!claim(line, &[], Some(EffectiveSource::Map), false).unwrap().holds);
    }

    #[test]
    fn advice_is_held_against_the_switch_it_is_given_for() {
        let line = "W DEPRECATED: --mmap and --no-mmap are deprecated. use --load-mode mmap instead";
        assert!(claim(line, &["--mmap"], None, false).unwrap().holds);
        let told = claim(line, &["--no-mmap"], None, false).unwrap();
        assert_eq!(told.instead, "`--no-mmap` means read");
        // The other switch of the line has nothing to do with it.
        assert!(claim(line, &["--mlock", "--mmap"], None, false).unwrap().holds);
    }

    #[test]
    fn other_lines_claim_nothing() {
        for line in ["", "hello", "Try increasing RLIMIT_MEMLOCK", "0.1 I x", "use --load-mode x"] {
            assert_eq!(claim(line, &[], None, false), None, "{line}");
        }
    }
}
