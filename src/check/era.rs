//! Which dialect a command speaks: asked of its help, and shown by what it does.

use std::sync::atomic::AtomicBool;

use super::watch::Watch;
use crate::plan::{Dialect, Spelling};
use crate::rules::{Decided, Ending, Evidence};
use crate::subject::{Case, NotAvailable, Setting, Subject};

/// The dialect that was found, and how.
#[derive(Clone, Debug)]
pub struct Era {
    /// The dialect.
    pub dialect: Dialect,
    /// What showed it, a sentence each.
    pub how: Vec<String>,
}

/// Why no dialect was found.
#[derive(Debug, thiserror::Error)]
pub enum EraError {
    /// The command cannot be run.
    #[error(transparent)]
    NotAvailable(#[from] NotAvailable),
    /// It fails where nothing is asked of it, so nothing that it does tells anything.
    #[error("the command fails without any load flag, so its dialect cannot be found: {ending}")]
    Fails {
        /// How it ended.
        ending: String,
    },
    /// It does what none predicts.
    #[error("no dialect predicts what the command does; name one with --dialect. Seen: {}", seen.join("; "))]
    None {
        /// What was seen.
        seen: Vec<String>,
    },
}

/// What separates the eras from one another: no flag at all, then telling ones first.
fn probes() -> Vec<Spelling> {
    [
        &[][..],
        &["--mlock"],
        &["-lm", "none+mlock"],
        &["-lm", "auto"],
        &["-lm", "mmap+mlock"],
        &["-lm", "mlock"],
        &["--mlock", "--mmap"],
        &["-dio", "--mmap"],
        &["-ndio"],
    ]
    .into_iter()
    .map(|words| Spelling::flags(words.iter().copied()))
    .collect()
}

/// Finds the dialect of a command: its `--help` names flags and words, and what it does with a few
/// spellings rules out the dialects that predict something else. A help that what it does speaks
/// against is not believed.
///
/// # Errors
/// When the command cannot be run, or does what no dialect predicts.
pub fn find_era(subject: &dyn Subject, setting: Setting<'_>) -> Result<Era, EraError> {
    let never = AtomicBool::new(false);
    let watch = Watch::new(subject, setting, 0, 1, &never);
    let run = |spelling: &Spelling| watch.run(&Case { spelling: spelling.clone(), plan: None }, &[]);
    let help = run(&Spelling::flags(["--help"]))?;
    let (mut how, named) = by_help(&help);
    let mut behaviour = Vec::new();
    for probe in probes() {
        let seen = run(&probe)?;
        if probe == Spelling::default() && !seen.completed() {
            return Err(EraError::Fails { ending: seen.ending.message().to_owned() });
        }
        behaviour.push((probe, seen));
    }
    match by_behaviour(&behaviour, &named, &mut how) {
        Some(dialect) => Ok(Era { dialect, how }),
        None if named.len() == Dialect::eras().len() => Err(EraError::None { seen: how }),
        None => {
            how.push("what the command does speaks against its help, which is not believed".to_owned());
            match by_behaviour(&behaviour, &Dialect::eras(), &mut how) {
                Some(dialect) => Ok(Era { dialect, how }),
                None => Err(EraError::None { seen: how }),
            }
        }
    }
}

/// The dialects that a help text leaves, all where it names no load flag.
fn by_help(help: &Evidence) -> (Vec<String>, Vec<Dialect>) {
    let stdout = match &help.output {
        Some(crate::rules::Output::Text { bytes, .. }) => bytes.as_slice(),
        _ => &[],
    };
    let text = String::from_utf8_lossy(stdout).into_owned() + &String::from_utf8_lossy(&help.stderr);
    let left = Dialect::eras().into_iter().filter(|dialect| fits_help(*dialect, &text));
    let left: Vec<Dialect> = left.collect();
    if !text.contains("--mmap") && !text.contains("--load-mode") || left.is_empty() {
        return (
            vec!["dialect: the help of the command says nothing of loading".to_owned()],
            Dialect::eras(),
        );
    }
    let names: Vec<&str> = left.iter().map(|dialect| dialect.name()).collect();
    (vec![format!("dialect: the help names the flags and words of {}", names.join(" or "))], left)
}

/// Whether a help names exactly the switches and the load modes of a dialect.
fn fits_help(dialect: Dialect, text: &str) -> bool {
    let rules = dialect.rules();
    let word = |wanted: &str| {
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '-' || c == '_';
        text.split(|c| !inside(c)).any(|found| found == wanted)
    };
    let has_switches = rules.flags().any(|def| def.legacy);
    let has_modes = !rules.words.is_empty();
    // `mmap` and `none` stand in any prose; these tell.
    let telling = ["auto", "mmap+mlock", "none+mlock", "dio+mlock"];
    let section = |wanted: &&str| word(wanted) == rules.word(wanted).is_some();
    word("--mlock") == has_switches
        && word("--load-mode") == has_modes
        // `auto` may be said of anything else; where it is a mode the help must say it.
        && (!has_modes || telling.iter().filter(|t| **t != "auto" || rules.word("auto").is_some()).all(section))
}

/// Rules out what predicts something else than the command does. All probes count even where one
/// dialect is left: its help may be of another era than the command.
fn by_behaviour(
    behaviour: &[(Spelling, Evidence)],
    candidates: &[Dialect],
    how: &mut Vec<String>,
) -> Option<Dialect> {
    let mut left = candidates.to_vec();
    for (probe, run) in behaviour {
        let did = shown(run);
        left.retain(|dialect| agrees(*dialect, probe, run));
        let names: Vec<&str> = left.iter().map(|dialect| dialect.name()).collect();
        let rest = if names.is_empty() { "no dialect".to_owned() } else { names.join(", ") };
        let asked = if *probe == Spelling::default() { "no flag".to_owned() } else { format!("`{probe}`") };
        how.push(format!("dialect: {asked} did {did}, which leaves {rest}"));
    }
    if let [first, others @ ..] = &left[..]
        && !others.is_empty()
    {
        let others: Vec<&str> = others.iter().map(|dialect| dialect.name()).collect();
        how.push(format!("dialect: {} is taken; {} would do the same here", first, others.join(", ")));
    }
    left.first().copied()
}

fn shown(run: &Evidence) -> String {
    let did = if run.opened() { run.effective().to_string() } else { "refuse".to_owned() };
    match &run.ending {
        Ending::Completed => did,
        Ending::Failed(_) if !run.opened() => did,
        ending => format!("{did} and then failed ({})", ending.message()),
    }
}

fn agrees(dialect: Dialect, spelling: &Spelling, run: &Evidence) -> bool {
    let Ok(resolved) = spelling.resolve(dialect) else { return !run.opened() && !run.completed() };
    run.completed() && Decided::was_taken(resolved.plan, run)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(text: &str) -> Vec<&'static str> {
        Dialect::eras().into_iter().filter(|d| fits_help(*d, text)).map(Dialect::name).collect()
    }

    #[test]
    fn a_help_tells_the_era_by_its_words() {
        let switches = "--mlock force\n--mmap, --no-mmap\n-dio, --direct-io\n";
        assert_eq!(fits(switches), ["booleans", "dio-default"]);
        let modes = "-lm, --load-mode MODE  load (default: mmap)\n- none\n- mmap\n- mlock\n- dio\n";
        assert_eq!(fits(&format!("{switches}{modes}")), ["enum-v1"]);
        assert_eq!(fits(&format!("{switches}{modes}- mmap+mlock\n")), ["enum-v2"]);
        assert_eq!(fits(&format!("{switches}{modes}- mmap+mlock\n- auto\n")), ["enum-v2", "enum-v3"]);
        assert_eq!(fits(&format!("{modes}- mmap+mlock, auto\n")), ["enum-v4"]);
        let all = "- mmap+mlock, auto, none+mlock, dio+mlock";
        assert_eq!(fits(&format!("{switches}{modes}{all}")), ["reference"]);
    }

    fn predicted(dialect: Dialect, spelling: &Spelling) -> String {
        spelling.resolve(dialect).map_or_else(|_| "a refusal".to_owned(), |r| format!("{:?}", r.plan))
    }

    #[test]
    fn the_probes_tell_every_pair_of_dialects_apart() {
        for (i, a) in Dialect::eras().into_iter().enumerate() {
            for b in Dialect::eras().into_iter().skip(i + 1) {
                let differ = |probe: &Spelling| predicted(a, probe) != predicted(b, probe);
                assert!(probes().iter().any(differ), "{a} and {b}");
            }
        }
    }
}
