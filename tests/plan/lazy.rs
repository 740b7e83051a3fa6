//! The second dimension: lazy modes make exceptions by tensor, beside the load mode and without a say in it.

use loadparity::plan::equivalent::{in_environment, spelling_for, stated};
use loadparity::plan::spelling::{flags, lazy_flags, lazy_units, units};
use loadparity::plan::{
    Dialect, Exception, Exceptions, LoadPlan, OnRefused, Spelling, Treatment, era, resolve,
};

/// Tables of embeddings of more than so many bytes, mapped on demand.
fn tables(tensors: &'static str, larger_than: u64, optional: bool) -> Exceptions {
    Exceptions::of(vec![Exception { tensors, larger_than, treatment: Treatment::Lazy, optional }])
}

fn plan(dialect: Dialect, line: &str) -> LoadPlan {
    let words: Vec<&str> = line.split_whitespace().collect();
    resolve(dialect, &words, &[]).unwrap_or_else(|error| panic!("{line}: {error}")).plan
}

#[test]
fn a_lazy_mode_stands_beside_every_load_mode() {
    let all = tables("*token_embd.weight", 0, false);
    let reference = Dialect::reference();
    for flag in flags(reference) {
        let whole = flag.resolve(reference).unwrap().plan;
        assert!(whole.exceptions.is_empty(), "{flag}");
        for words in [[&flag, &Spelling::flags(["-lzm", "all"])], [&Spelling::flags(["-lzm", "all"]), &flag]]
        {
            let both = Spelling::join(&words).resolve(reference).unwrap();
            assert_eq!(both.plan, whole.except(all), "{flag}");
            assert_eq!(both.load_mode, None, "a load mode says nothing of exceptions");
            assert!(both.overridden.is_empty(), "{flag}: {:?}", both.overridden);
        }
    }
}

#[test]
fn the_last_lazy_mode_counts_and_the_line_beats_the_environment() {
    let reference = Dialect::reference();
    let found = resolve(reference, &["--lazy_mode=all", "-lm", "none", "-lzm", "off"], &[]).unwrap();
    assert_eq!(found.plan, LoadPlan::read(false));
    let warnings: Vec<String> = found.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, ["--lazy-mode all has no effect: -lzm off overrides it"]);
    let env = [("LLAMA_ARG_LAZY_MODE", "all")];
    let set = resolve(reference, &["--mlock"], &env).unwrap();
    assert_eq!(set.plan, LoadPlan::map(true).except(tables("*token_embd.weight", 0, false)));
    let beaten = resolve(reference, &["-lzm", "large"], &env).unwrap();
    assert_eq!(beaten.plan.exceptions, tables("*token_embd.weight", 4 << 30, false));
}

#[test]
fn a_word_that_is_no_lazy_mode_names_those_that_are() {
    let error = |argv: &[&str], env: &[(&str, &str)]| {
        resolve(era("enum-v4-lazy"), argv, env).unwrap_err().to_string()
    };
    let accepted = "accepted are on, auto, off";
    assert_eq!(error(&["-lzm", "large"], &[]), format!("invalid value 'large' for -lzm: {accepted}"));
    assert_eq!(
        error(&[], &[("LLAMA_ARG_LAZY_MODE", "1")]),
        format!("invalid value '1' for LLAMA_ARG_LAZY_MODE: {accepted}")
    );
    let load = error(&["-lm", "all"], &[]);
    assert!(load.starts_with("invalid value 'all' for -lm: accepted are auto, none"), "{load}");
}

#[test]
fn eras_know_nothing_of_it_and_the_dialect_that_does_is_lazy_by_default() {
    for dialect in Dialect::eras().into_iter().filter(|dialect| *dialect != Dialect::reference()) {
        assert!(lazy_units(dialect).is_empty(), "{dialect}");
        for unit in units(dialect) {
            assert!(unit.resolve(dialect).unwrap().plan.exceptions.is_empty(), "{dialect}: {unit}");
        }
    }
    let lazy = era("enum-v4-lazy");
    let tables = |larger_than, optional| tables("per_layer_token_embd.weight", larger_than, optional);
    assert_eq!(plan(lazy, "-lm dio"), LoadPlan::direct(false, OnRefused::Read).except(tables(4 << 30, true)));
    assert_eq!(plan(lazy, "-lm none -lzm on"), LoadPlan::read(false).except(tables(0, false)));
    assert_eq!(plan(lazy, "--lazy_mode off"), LoadPlan::AUTO);
    // Of the load as a whole both say the same.
    for flag in flags(era("enum-v4")) {
        let (with, without) = (flag.resolve(lazy).unwrap().plan, flag.resolve(era("enum-v4")).unwrap().plan);
        assert_eq!(with.without_exceptions(), without, "{flag}");
    }
    let modes: Vec<String> = lazy_flags(lazy).iter().map(ToString::to_string).collect();
    assert_eq!(modes, ["-lzm on", "-lzm auto", "-lzm off"]);
}

#[test]
fn a_plan_with_exceptions_is_said_in_both_dimensions() {
    let lazy = era("enum-v4-lazy");
    let shown = |spelling: Option<Spelling>| spelling.map(|spelling| spelling.to_string());
    let on = tables("per_layer_token_embd.weight", 0, false);
    assert_eq!(
        shown(spelling_for(LoadPlan::read(true).except(on), lazy)).as_deref(),
        Some("--load-mode mlock --lazy-mode on")
    );
    // None at all has to be said where some are the default, and some where none are.
    assert_eq!(shown(spelling_for(LoadPlan::AUTO, lazy)).as_deref(), Some("--lazy-mode off"));
    assert_eq!(
        shown(in_environment(LoadPlan::AUTO, lazy)).as_deref(),
        Some("LLAMA_ARG_LOAD_MODE=auto LLAMA_ARG_LAZY_MODE=off")
    );
    let by_default = lazy.rules().exceptions;
    assert_eq!(shown(stated(LoadPlan::AUTO.except(by_default), lazy)).as_deref(), Some("--load-mode auto"));
    assert_eq!(spelling_for(LoadPlan::read(false).except(on), era("enum-v4")), None);
    assert_eq!(spelling_for(LoadPlan::read(false).except(on), Dialect::reference()), None);
}

const OWN: &str = r#"schema = "loadparity.dialect/1"
name = "own"
about = "a loader that passes experts on to a device"
[[lazy-mode]]
name = "experts"
exceptions = [
    { tensors = "blk.*_exps.*", larger-than = 1048576, treatment = "staged" },
    { larger-than = 4294967296, treatment = "lazy" },
]
[[lazy-mode]]
name = "none"
[combine]
rule = "switches"
lazy = "experts"
[[flag]]
sets = "lazy"
on = ["--place"]
"#;

#[test]
fn a_file_states_exceptions_by_name_and_by_size() {
    let own = Dialect::read(OWN).unwrap();
    let found = plan(own, "").exceptions;
    assert_eq!(found.to_string(), "blk.*_exps.* over 1 MiB staged, * over 4 GiB lazy");
    let of = |name: &str, bytes| found.find(name, bytes).map(|exception| exception.treatment);
    assert_eq!(of("blk.3.ffn_up_exps.weight", 2 << 20), Some(Treatment::Staged));
    assert_eq!(of("blk.3.ffn_up_exps.weight", 1 << 20), None);
    assert_eq!(of("output.weight", 5 << 30), Some(Treatment::Lazy));
    assert_eq!(plan(own, "--place none"), LoadPlan::map(false));
}

#[test]
fn what_a_file_cannot_mean_is_refused_with_its_place() {
    let error = |old: &str, new: &str| {
        assert!(OWN.contains(old), "{old}");
        Dialect::read(&OWN.replacen(old, new, 1)).unwrap_err().to_string()
    };
    for (old, new, expected) in [
        ("larger-than = 4294967296, ", "", "8:5: an exception of every tensor leaves nothing to the plan"),
        (
            "lazy = \"experts\"",
            "lazy = \"expert\"",
            "14:8: there is no lazy mode 'expert' in this file; did you mean 'experts'?",
        ),
        ("name = \"none\"", "name = \"experts\"", "11:8: the lazy mode 'experts' stands twice"),
        (
            "sets = \"lazy\"",
            "sets = \"lock\"\ntakes = \"lazy\"",
            "17:9: a load mode is the value of a flag that sets 'mode', a lazy mode of one",
        ),
        ("on = [\"--place\"]", "off = [\"--place\"]", "15:1: a mode has no negative form"),
        (
            "on = [\"--place\"]",
            "on = [\"--\"]",
            "17:7: '--' ends the options of a command line and cannot be a flag",
        ),
        ("\"staged\"", "\"stagd\"", "did you mean 'staged'?"),
    ] {
        let text = error(old, new);
        assert!(text.contains(expected), "{new}: {text}");
    }
    let unused = OWN
        .replace("lazy = \"experts\"\n", "")
        .replace("[[flag]]\nsets = \"lazy\"\non = [\"--place\"]\n", "");
    let text = Dialect::read(&unused).unwrap_err().to_string();
    assert!(text.contains("5:8: lazy modes are listed, and no flag sets 'lazy'"), "{text}");
}
