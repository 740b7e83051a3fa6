//! Running a row of the catalogue, with all rules or with one switched off.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use loadparity::check::{Bounds, Breadth, Campaign, Expectations, Faults, Matrix, Wanted};
use loadparity::engine::Generation;
use loadparity::gguf::{MakeSpec, MatrixType, make};
use loadparity::plan::{Dialect, Spelling};
use loadparity::platform::{FaultSpec, Lockable, Sim, SimFile, SimProfile, SimSystem};
use loadparity::rules::{Evidence, Level, Profile, Rule, judge};
use loadparity::subject::{Case, Depth, NotAvailable, ReferenceEngine, Setting, Subject, Truth};
use serde_json::{Value, json};

use crate::notation::evidence;
use crate::planted::{Asked, Plant, Planted};
use crate::support;
use crate::support::saboteur::wrap;

/// What came of a row.
#[derive(Clone, Debug, Default)]
pub struct Came {
    /// The rules of the findings.
    pub broken: BTreeSet<Rule>,
    /// The rules that were not observed.
    pub not_observed: BTreeSet<Rule>,
    /// Whether it is a pass: no finding, and nothing missing that would have to be seen.
    pub pass: bool,
}

/// A rule that is switched off, if any.
pub type Off = Option<Rule>;

fn profile_of(own: &'static Profile, off: Off) -> &'static Profile {
    off.map_or(own, |rule| Box::leak(Box::new(own.without(rule))))
}

/// A subject that is held to its profile with a rule switched off.
struct Held<'a> {
    inner: &'a dyn Subject,
    profile: &'static Profile,
}

impl Subject for Held<'_> {
    fn name(&self) -> String {
        self.inner.name()
    }
    fn platform(&self) -> &'static str {
        self.inner.platform()
    }
    fn page_size(&self) -> u64 {
        self.inner.page_size()
    }
    fn profile(&self) -> &'static Profile {
        self.profile
    }
    fn is_command(&self) -> bool {
        self.inner.is_command()
    }
    fn settings(&self, setting: &Setting<'_>) -> String {
        self.inner.settings(setting)
    }
    fn observe(
        &self,
        case: &Case,
        faults: &[FaultSpec],
        setting: &Setting<'_>,
    ) -> Result<Evidence, NotAvailable> {
        self.inner.observe(case, faults, setting)
    }
    fn check_line(&self, options: &[String], setting: &Setting<'_>) -> String {
        self.inner.check_line(options, setting)
    }
}

/// Spelling and variables as a shell reads them.
fn spelling(line: &str) -> Spelling {
    let words = shlex::split(line).unwrap();
    let (env, argv): (Vec<_>, Vec<_>) = words.into_iter().partition(|w| w.starts_with("LLAMA_ARG_"));
    let pair = |word: String| word.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())).unwrap();
    Spelling { argv, env: env.into_iter().map(pair).collect() }
}

/// The models that the rows are run on.
pub struct Bench {
    folder: tempfile::TempDir,
    small: PathBuf,
    truth: Truth,
    machines: Vec<(&'static str, Value)>,
    #[cfg(target_os = "linux")]
    whole: crate::loader_support::Model,
    #[cfg(target_os = "linux")]
    shards: crate::loader_support::Model,
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let small = folder.path().join("small.gguf");
        let spec = MakeSpec {
            layers: 1,
            embd: 32,
            heads: 2,
            kv_heads: 1,
            ffn: 64,
            vocab: 512,
            matrices: MatrixType::Q8_0,
            ..MakeSpec::default()
        };
        let mut bytes = Vec::new();
        make(&spec, &mut bytes, &mut |_, _| ()).unwrap();
        std::fs::write(&small, &bytes).unwrap();
        let truth = Truth::of_file(&small).unwrap();
        let mut bench = Self {
            folder,
            small,
            truth,
            machines: Vec::new(),
            #[cfg(target_os = "linux")]
            whole: crate::loader_support::model(),
            #[cfg(target_os = "linux")]
            shards: crate::loader_support::shards(),
        };
        let profiles = [
            ("linux", SimProfile::linux_4k()),
            ("windows", SimProfile::windows()),
            ("macos", SimProfile::macos_16k()),
        ];
        bench.machines = profiles.map(|(os, profile)| (os, bench.machine(os, profile, &bytes))).into();
        bench
    }

    /// The result of a check on a simulated machine, put down as one of this operating system.
    fn machine(&self, os: &str, profile: SimProfile, bytes: &[u8]) -> Value {
        let profile = SimProfile { lock_limit: Lockable::Bytes(1 << 30), ..profile };
        let sim = Sim::new(profile).with_file("small.gguf", SimFile::new(bytes.to_vec()));
        let engine = ReferenceEngine::new(Arc::new(sim), Path::new("small.gguf"));
        let dialect = dialect("enum-v4");
        let generation = Generation { n_predict: 1, ..Generation::default() };
        let setting = Setting {
            dialect,
            depth: Depth::Output,
            generation: &generation,
            truth: &self.truth,
            patience: None,
        };
        let never = AtomicBool::new(false);
        let campaign = campaign(&engine, setting, Vec::new(), &never, "small.gguf");
        let matrix = matrix(campaign, Level::P4, Vec::new());
        let mut document = serde_json::to_value(matrix.run(&mut |_| ()).unwrap()).unwrap();
        assert_eq!(document["finished"]["exit_code"], 0, "{}", document["finished"]);
        document["started"]["platform"] = json!(os);
        document
    }

    /// What comes of a row.
    pub fn run(&self, row: &Planted, off: Off) -> Came {
        match row.plant {
            Plant::Trace(plan, profile, lines) => {
                let judged = judge(plan, &evidence(lines), profile_of(profile, off));
                let broken: BTreeSet<Rule> = judged.findings.iter().map(|finding| finding.rule).collect();
                let not_observed: BTreeSet<Rule> =
                    judged.not_observed.iter().map(|missing| missing.rule).collect();
                Came { pass: broken.is_empty() && not_observed.is_empty(), broken, not_observed }
            }
            Plant::Seam(sabotage, asked) => {
                let system = SimSystem::named("ext4-4kn").unwrap();
                let file = SimFile::new(std::fs::read(&self.small).unwrap());
                let engine = ReferenceEngine::simulated(system.profile, file, &self.small)
                    .with_wrap(Box::new(move |inner| wrap(inner, sabotage)));
                let engine = match asked {
                    Asked::Under(_, fault) => engine.with_faults(vec![fault.parse().unwrap()]),
                    _ => engine,
                };
                self.asked(&engine, &self.truth, Dialect::reference(), asked, off)
            }
            Plant::Dialect(from, to) => {
                let text = Dialect::reference().text().unwrap();
                assert!(text.contains(from), "the dialect has no {from:?}");
                let text = text.replace(from, to).replace("name = \"reference\"", "name = \"planted\"");
                let system = SimSystem::named("ext4-4kn").unwrap();
                let file = SimFile::new(std::fs::read(&self.small).unwrap());
                let engine = ReferenceEngine::simulated(system.profile, file, &self.small);
                let dialect = Dialect::read(&text).unwrap();
                self.asked(&engine, &self.truth, dialect, Asked::Check(&["--load-mode mmap"]), off)
            }
            Plant::Machine(change) => self.merged(change, off),
            #[cfg(target_os = "linux")]
            Plant::Loader(variant, asked) => {
                self.command(&self.whole, &crate::loader_support::command(variant), asked, off)
            }
            #[cfg(target_os = "linux")]
            Plant::Shards(variant, asked) => {
                self.command(&self.shards, &crate::loader_support::command(variant), asked, off)
            }
            #[cfg(target_os = "linux")]
            Plant::Script(script, asked) => {
                self.command(&self.whole, &crate::loader_support::behind(script, "honest"), asked, off)
            }
            #[cfg(target_os = "linux")]
            Plant::Build(variant, only) => {
                use crate::loader_support::command;
                let told = self.whole.compare(&["--only", only], &command("honest"), &command(variant));
                of_document(&told.document, off)
            }
            #[cfg(target_os = "linux")]
            Plant::List => {
                let list = self.folder.path().join("known.json");
                let text = r#"{"schema":"loadparity.expect/2","known":[{"rule":"plan-taken","pattern":"*","count":1,"reason":"it was"}]}"#;
                std::fs::write(&list, text).unwrap();
                let args = ["--quick", "--expect", list.to_str().unwrap()];
                of_document(&self.whole.check(&args, &crate::loader_support::command("honest")).document, off)
            }
            #[cfg(not(target_os = "linux"))]
            _ => panic!("{} is of Linux", row.name),
        }
    }

    #[cfg(target_os = "linux")]
    fn command(
        &self,
        model: &crate::loader_support::Model,
        command: &[String],
        asked: Asked,
        off: Off,
    ) -> Came {
        use loadparity::subject::{ExternalCommand, Template};
        let truth = Truth::of_file(&model.path).unwrap();
        let words = command.iter().map(std::ffi::OsString::from).collect();
        let command =
            ExternalCommand::new(Template::new(words, false).unwrap(), &model.path, Duration::from_secs(60));
        let command = match asked {
            Asked::Under(_, fault) => command.with_faults(vec![fault.parse().unwrap()]),
            _ => command,
        };
        // A dialect that has spellings to refuse is needed for that alone.
        self.asked(&command, &truth, dialect("booleans"), asked, off)
    }

    fn asked(&self, subject: &dyn Subject, truth: &Truth, dialect: Dialect, asked: Asked, off: Off) -> Came {
        let subject = Held { inner: subject, profile: profile_of(subject.profile(), off) };
        let command = subject.is_command();
        let depth = if command { Depth::Output } else { Depth::Bytes };
        let generation = Generation::default();
        let setting = Setting { dialect, depth, generation: &generation, truth, patience: None };
        let never = AtomicBool::new(false);
        let (only, faults, depth): (Vec<&str>, Vec<FaultSpec>, u32) = match asked {
            Asked::Check(only) => (only.to_vec(), Vec::new(), 0),
            Asked::Under(only, fault) => (vec![only], vec![fault.parse().unwrap()], 0),
            Asked::Faults(only) => (vec![only], Vec::new(), 1),
            Asked::Both(one, other) => (vec![one, other], Vec::new(), 1),
            Asked::Pairs(only) => (vec![only], Vec::new(), 2),
        };
        let only = only.into_iter().map(spelling).collect();
        let campaign = campaign(&subject, setting, only, &never, "model.gguf");
        if depth == 0 {
            let level = if command { Level::P4 } else { Level::P3 };
            let document = matrix(campaign, level, faults).run(&mut |_| ()).unwrap();
            return of_document(&serde_json::to_value(document).unwrap(), None);
        }
        let bounds = Bounds {
            depth: Some(depth),
            cases: Some(2000),
            time: Duration::from_secs(60),
            claims_check: false,
        };
        let faults =
            Faults { campaign, worlds: Vec::new(), bounds, only_faults: Vec::new(), jobs: 1, part: None };
        let document = faults.run(&mut |_| ()).unwrap();
        of_document(&serde_json::to_value(document).unwrap(), None)
    }

    /// The result of one of three machines changed, and all merged.
    fn merged(&self, change: fn(&mut Value), off: Off) -> Came {
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap();
        let mut line = support::loadparity();
        line.arg("merge").args(["--format", "json"]);
        for (os, document) in &self.machines {
            let mut document = document.clone();
            if *os == "windows" {
                change(&mut document);
            }
            let path = folder.path().join(format!("{os}.json"));
            std::fs::write(&path, document.to_string()).unwrap();
            line.arg(path);
        }
        of_document(&support::schemas::parsed(&line.output().unwrap().stdout), off)
    }
}

/// What a document comes to. Rules that compare runs, builds or machines have no profile that holds them: one of
/// these is off where its findings are left out.
fn of_document(document: &Value, off: Off) -> Came {
    let rule = |value: &Value| Rule::from_id(value["rule"].as_str().unwrap()).unwrap();
    let failures = document["failures"].as_array().unwrap().iter();
    let all: BTreeSet<Rule> = failures.filter(|f| f["expected"].is_null()).map(rule).collect();
    let broken: BTreeSet<Rule> = all.iter().copied().filter(|rule| Some(*rule) != off).collect();
    let of_groups = document["groups"].as_array().into_iter().flatten();
    let missing = of_groups.flat_map(|group| group["not_observed"].as_array().into_iter().flatten());
    let not_observed = missing.map(rule).collect();
    let left_out = broken.is_empty() && !all.is_empty();
    Came { pass: left_out || document["finished"]["exit_code"] == 0, broken, not_observed }
}

fn dialect(name: &str) -> Dialect {
    Dialect::shipped().into_iter().find(|dialect| dialect.name() == name).unwrap()
}

fn campaign<'a>(
    subject: &'a dyn Subject,
    setting: Setting<'a>,
    only: Vec<Spelling>,
    interrupted: &'a AtomicBool,
    model: &str,
) -> Campaign<'a> {
    Campaign {
        subject,
        model_name: model.to_owned(),
        setting,
        notes: Vec::new(),
        only,
        retries: 1,
        fail_fast: true,
        timelines: false,
        expected: Expectations::default(),
        interrupted,
    }
}

fn matrix(campaign: Campaign<'_>, level: Level, faults: Vec<FaultSpec>) -> Matrix<'_> {
    let wanted = Wanted { level, named: level < Level::P4 };
    Matrix { campaign, wanted, breadth: Breadth::Plans, jobs: 1, part: None, faults, allow_unmet: false }
}
