//! From what a reader found to changes: what each command asks for, how the other dialect says it,
//! and which items have to change for that.

mod flags;

use std::collections::BTreeMap;

use self::flags::{Flags, find_flags, is_template};
use super::edit::Changes;
use super::model::{Command, Document, Insert, Place, Say, Scope, Setting, Tool};
use super::options::prints_and_exits;
use crate::plan::equivalent::{self, translate};
use crate::plan::{Dialect, LoadPlan, Spelling, Warning, bench};

/// From one dialect to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) from: Dialect,
    pub(super) to: Dialect,
}

/// What a document asks for, command by command, and how it has to change.
#[derive(Debug, Default)]
pub(super) struct Rewrite {
    pub(super) changes: Changes,
    pub(super) plans: Vec<Vec<LoadPlan>>,
    pub(super) refusals: Vec<Say>,
    pub(super) remarks: Vec<Say>,
    /// What became of the spellings so far: a file says the same thing many times.
    steps: BTreeMap<String, Result<Step, String>>,
}

/// How many values the lists of one line of llama-bench may have.
const MOST_LISTED: usize = 128;

/// Why a command cannot be read.
type Problem = (Option<Place>, String);

pub(super) fn rewrite(document: &Document, way: Way) -> Rewrite {
    let mut rewrite = Rewrite::default();
    for scope in &document.scopes {
        let outcome = match scope.commands.as_slice() {
            [] if scope.shared.is_empty() => continue,
            [] => rewrite.variables_alone(document, scope, way),
            // llama-bench reads no variables, so that those around it are for others.
            [bench] if bench.tool == Tool::Bench && !scope.shared.is_empty() => {
                rewrite.layers(document, scope, std::slice::from_ref(bench), way)
            }
            [one] => rewrite.command(document, scope, one, &scope.shared, None, way),
            many if scope.shared.is_empty() => {
                for command in many {
                    if let Err(problem) = rewrite.command(document, scope, command, &[], None, way) {
                        rewrite.refuse(document, command.at, problem);
                    }
                }
                continue;
            }
            many => rewrite.layers(document, scope, many, way),
        };
        if let Err(problem) = outcome {
            let at = scope.commands.first().map_or(0, |command| command.at);
            rewrite.refuse(document, at, problem);
        }
    }
    rewrite
}

impl Rewrite {
    fn step(&mut self, spelling: &Spelling, way: Way) -> Result<Step, String> {
        let key = format!("{spelling:?}");
        self.steps.entry(key).or_insert_with(|| step(spelling, way)).clone()
    }

    fn refuse(&mut self, document: &Document, at: usize, (place, text): Problem) {
        let at = place.map_or(at, |place| document.lists[place.list].items[place.item].start);
        self.refusals.push(Say { at, text });
    }

    /// Variables with no command beside them.
    fn variables_alone(&mut self, document: &Document, scope: &Scope, way: Way) -> Result<(), Problem> {
        let spelling = Spelling { argv: Vec::new(), env: values(&scope.shared)? };
        let at = scope.shared.first().and_then(|setting| setting.at.last()).copied();
        let step = self.step(&spelling, way).map_err(|text| (at, text))?;
        self.plans.push(vec![step.plan]);
        self.note(at.map_or(0, |at| document.lists[at.list].items[at.item].start), &step);
        if step.changed {
            self.put_variables(document, &scope.shared, &step.put.env);
        }
        Ok(())
    }

    /// A command with the variables it alone sees. `kept` are variables that stay for others, as the
    /// new dialect spells them: the command has to mean the same beside them.
    fn command(
        &mut self,
        document: &Document,
        scope: &Scope,
        command: &Command,
        shared: &[Setting],
        kept: Option<&Spelling>,
        way: Way,
    ) -> Result<(), Problem> {
        let found = find_flags(command, scope)?;
        let exits = command.words.iter().any(|word| word.text.known().is_some_and(prints_and_exits));
        if command.tool == Tool::Bench {
            return self.bench(document, command, &found, exits, way);
        }
        let mut env = values(shared)?;
        env.extend(values(&command.settings)?);
        let spelling = Spelling { argv: found.argv.clone(), env };
        if spelling == Spelling::default() && exits {
            return Ok(());
        }
        let at = found.at.first().or(command.settings.first().and_then(|s| s.at.last())).copied();
        let step = self.step(&spelling, way).map_err(|text| (at, text))?;
        if let (Some(apart), Some(setting)) = (&command.apart, shared.first()) {
            let text =
                format!("{} is set here, and whether {apart} passes it on cannot be known", setting.name);
            return Err((setting.at.last().copied(), text));
        }
        if let Some(file) = command.unseen.as_ref().or(scope.unseen.as_ref())
            && spelling == Spelling::default()
            && step.changed
        {
            let text = format!(
                "{file} may set load variables and was not looked at, so that `{}` cannot be put on this command",
                step.put
            );
            return Err((None, text));
        }
        self.plans.push(vec![step.plan]);
        self.note(command.at, &step);
        if let Some(kept) = kept {
            let own = if step.changed {
                step.put.clone()
            } else {
                Spelling { argv: found.argv.clone(), env: values(&command.settings)? }
            };
            let own =
                if found.argv.is_empty() && command.settings.is_empty() { Spelling::default() } else { own };
            let both = Spelling { argv: own.argv.clone(), env: [kept.env.clone(), own.env.clone()].concat() };
            if both.resolve(way.to).map(|found| found.plan) != Ok(step.plan) {
                let text = "the variables it shares with other commands keep it from being said: set a load mode on each command";
                return Err((at, text.to_owned()));
            }
            if own == Spelling::default() {
                return Ok(());
            }
        }
        if step.changed {
            let own: Vec<Setting> = match kept {
                None => shared.iter().chain(&command.settings).cloned().collect(),
                Some(_) => command.settings.clone(),
            };
            for setting in shared.iter().filter(|_| kept.is_none() && !step.put.argv.is_empty()) {
                let at =
                    setting.at.last().map_or(command.at, |at| document.lists[at.list].items[at.item].start);
                let text = format!("{} goes, because the flags of the command say it now", setting.name);
                self.remarks.push(Say { at, text });
            }
            self.put(document, command, &found, &own, &step.put)?;
        }
        Ok(())
    }

    /// Several commands under the same variables: these are translated on their own, and so is each
    /// command that adds something.
    fn layers(
        &mut self,
        document: &Document,
        scope: &Scope,
        commands: &[Command],
        way: Way,
    ) -> Result<(), Problem> {
        let spelling = Spelling { argv: Vec::new(), env: values(&scope.shared)? };
        let at = scope.shared.first().and_then(|setting| setting.at.last()).copied();
        let step = self.step(&spelling, way).map_err(|text| (at, text))?;
        self.note(at.map_or(0, |at| document.lists[at.list].items[at.item].start), &step);
        let kept = if step.changed { step.put.clone() } else { spelling };
        if step.changed {
            self.put_variables(document, &scope.shared, &kept.env);
        }
        for command in commands {
            if let Err(problem) = self.command(document, scope, command, &scope.shared, Some(&kept), way) {
                self.refuse(document, command.at, problem);
            }
        }
        Ok(())
    }

    fn bench(
        &mut self,
        document: &Document,
        command: &Command,
        found: &Flags,
        exits: bool,
        way: Way,
    ) -> Result<(), Problem> {
        let Way { from, to } = way;
        if found.argv.is_empty() && exits {
            return Ok(());
        }
        let listed: usize = found.argv.iter().map(|word| word.split([',', '+']).count()).sum();
        if listed > MOST_LISTED {
            let text =
                format!("it lists more than {MOST_LISTED} values, which may multiply to any number of loads");
            return Err((found.at.first().copied(), text));
        }
        let argv: Vec<&str> = found.argv.iter().map(String::as_str).collect();
        let plans = |dialect, argv: &[&str]| {
            bench::resolve(dialect, argv).map(|queue| {
                (queue.entries.iter().map(|entry| entry.plan).collect::<Vec<_>>(), queue.warnings.is_empty())
            })
        };
        let there = plans(to, &argv);
        let here = match (plans(from, &argv), &there) {
            (Ok((plans, _)), _) => plans,
            (Err(_), Ok((plans, true))) => {
                self.plans.push(plans.clone());
                self.remarks.push(Say { at: command.at, text: already(way) });
                return Ok(());
            }
            (Err(error), _) => {
                return Err((
                    found.at.first().copied(),
                    format!("it means nothing in the {from} dialect: {error}"),
                ));
            }
        };
        self.plans.push(here.clone());
        if from == to || there == Ok((here.clone(), true)) {
            return Ok(());
        }
        let words: Option<Vec<&str>> = here.iter().map(|plan| to.word_for(*plan)).collect();
        let put = words.map(|words| vec!["-lm".to_owned(), words.join(",")]).filter(|put| {
            let argv: Vec<&str> = put.iter().map(String::as_str).collect();
            plans(to, &argv).is_ok_and(|(plans, _)| plans == here)
        });
        let Some(argv) = put else {
            let text = format!("llama-bench of the {to} dialect has no list of load modes for it");
            return Err((found.at.first().copied(), text));
        };
        self.put(document, command, found, &[], &Spelling { argv, env: Vec::new() })
    }

    /// Says what the old spelling says in vain, and when the new one would be misread if it were migrated
    /// again.
    fn note(&mut self, at: usize, step: &Step) {
        let said = step.remark.iter().chain(&step.in_vain);
        self.remarks.extend(said.map(|text| Say { at, text: text.clone() }));
    }

    fn put(
        &mut self,
        document: &Document,
        command: &Command,
        found: &Flags,
        settings: &[Setting],
        put: &Spelling,
    ) -> Result<(), Problem> {
        if put.argv.is_empty() {
            self.put_variables(document, settings, &put.env);
            return Ok(());
        }
        for at in settings.iter().flat_map(|setting| &setting.at).chain(&found.at) {
            self.changes.delete(*at);
        }
        let quoted =
            |quote: &str| put.argv.iter().map(|word| super::model::within(quote, word)).collect::<Vec<_>>();
        if let Some(first) = found.at.first() {
            let join = &document.lists[first.list].join;
            self.changes.replace(*first, quoted(found.quote).join(join));
            return Ok(());
        }
        match command.insert {
            Insert::After(at, quote) => {
                let list = &document.lists[at.list];
                let text: String = quoted(quote).iter().map(|word| format!("{}{word}", list.join)).collect();
                self.changes.insert(list.items[at.item].end, text);
            }
            Insert::Before(at, quote) => {
                let list = &document.lists[at.list];
                let text: String = quoted(quote).iter().map(|word| format!("{word}{}", list.join)).collect();
                self.changes.insert(list.items[at.item].start, text);
            }
            Insert::Nowhere => {
                let line = put.to_string();
                return Err((
                    None,
                    format!("it has no arguments, and has to have `{line}` to go on meaning the same"),
                ));
            }
        }
        Ok(())
    }

    fn put_variables(&mut self, document: &Document, settings: &[Setting], put: &[(String, String)]) {
        let Some((first, others)) = settings.split_first() else { return };
        for at in others.iter().flat_map(|setting| &setting.at) {
            self.changes.delete(*at);
        }
        let Some(last) = first.at.last() else { return };
        let join = first.form.glue().unwrap_or(&document.lists[last.list].join);
        let written: Vec<String> = put.iter().map(|pair| first.form.write(pair)).collect();
        self.changes.replace(*last, written.join(join));
    }
}

/// A spelling in the other dialect.
#[derive(Clone, Debug)]
struct Step {
    plan: LoadPlan,
    changed: bool,
    put: Spelling,
    remark: Option<String>,
    /// What the old dialect does not hear of the spelling.
    in_vain: Vec<String>,
}

fn step(spelling: &Spelling, way: Way) -> Result<Step, String> {
    let Way { from, to } = way;
    let here = spelling.resolve(from);
    let there = spelling.resolve(to);
    // What only the other dialect reads has been migrated before.
    let foreign = here.as_ref().map_or(true, |here| !here.ignored_env.is_empty());
    if let Ok(there) = there.filter_clean()
        && foreign
    {
        let remark = Some(already(way));
        return Ok(Step {
            plan: there,
            changed: false,
            put: Spelling::default(),
            remark,
            in_vain: Vec::new(),
        });
    }
    let translation = translate(spelling, from, to).map_err(|error| error.to_string())?;
    let plan = translation.plan;
    let changed = !translation.is_unchanged();
    let remark = if changed { misread(&translation.put, plan, way) } else { None };
    let in_vain = here.map(|here| here.in_vain(from)).unwrap_or_default();
    Ok(Step { plan, changed, put: translation.put, remark, in_vain })
}

/// What there is to say of a spelling that the new dialect alone understands.
pub(super) fn already(way: Way) -> String {
    let Way { from, to } = way;
    format!(
        "what it says means nothing in the {from} dialect and is plain in the {to} dialect: it counts as migrated and stays"
    )
}

/// What there is to say of a new spelling that would be misread if it were migrated again.
pub(super) fn misread(put: &Spelling, plan: LoadPlan, way: Way) -> Option<String> {
    let again = put.resolve(way.from).ok()?;
    (again.plan != plan && again.ignored_env.is_empty()).then(|| {
        let from = way.from;
        format!(
            "`{put}` means something else in the {from} dialect: do not migrate this file from there again"
        )
    })
}

trait Clean {
    /// The plan of a spelling that is read whole and without a warning.
    fn filter_clean(&self) -> Result<LoadPlan, ()>;
}

impl<E> Clean for Result<crate::plan::Resolved, E> {
    fn filter_clean(&self) -> Result<LoadPlan, ()> {
        match self {
            Ok(found) if found.ignored_env.is_empty() && found.warnings.iter().all(is_harmless) => {
                Ok(found.plan)
            }
            _ => Err(()),
        }
    }
}

/// A flag over a variable that others share is how such a file is meant to look.
fn is_harmless(warning: &Warning) -> bool {
    matches!(warning, Warning::VariableOverwritten { .. })
}

fn values(settings: &[Setting]) -> Result<Vec<(String, String)>, Problem> {
    let value = |setting: &Setting| match setting.value.known() {
        Some(value) if !is_template(value) => Ok((setting.name.clone(), value.to_owned())),
        _ => Err((setting.at.last().copied(), format!("the value of {} cannot be known", setting.name))),
    };
    settings.iter().map(value).collect()
}

/// What a command says about loading: its flags, and the variables that it alone sees.
pub(super) fn spelled(command: &Command, scope: &Scope) -> Result<Spelling, String> {
    let found = find_flags(command, scope).map_err(|(_, text)| text)?;
    Ok(Spelling { argv: found.argv, env: values(&command.settings).map_err(|(_, text)| text)? })
}

/// The plain words that state a plan, for messages.
pub(super) fn stated(plan: LoadPlan, to: Dialect) -> Option<Spelling> {
    equivalent::stated(plan, to)
}
