//! Bad input: one message that names what was wrong and what is accepted.

use crate::dialects::era;
use loadparity::plan::{Dialect, UsageError, resolve};
use rstest::rstest;

fn error(dialect: Dialect, argv: &[&str], env: &[(&str, &str)]) -> UsageError {
    resolve(dialect, argv, env).expect_err("bad input has no plan")
}

#[rstest]
#[case(Dialect::reference(), "auto, none, mmap, mlock, mmap+mlock, none+mlock, dio, dio+mlock")]
#[case(era("enum-v1"), "none, mmap, mlock, dio")]
#[case(era("enum-v3"), "auto, none, mmap, mlock, mmap+mlock, dio")]
fn a_wrong_or_missing_load_mode_lists_the_words(#[case] dialect: Dialect, #[case] words: &str) {
    for value in ["bogus", "", " none", "none ", "None", "MMAP", "direct-io", "mlock+mmap", "1", "--mlock"] {
        let text = error(dialect, &["-lm", value], &[]).to_string();
        assert_eq!(text, format!("invalid value '{value}' for -lm: accepted are {words}"));
        let text = error(dialect, &[], &[("LLAMA_ARG_LOAD_MODE", value)]).to_string();
        assert_eq!(text, format!("invalid value '{value}' for LLAMA_ARG_LOAD_MODE: accepted are {words}"));
    }
    for name in ["-lm", "--load-mode", "--load_mode"] {
        let text = error(dialect, &["--mlock", name], &[]).to_string();
        let name = name.replace('_', "-");
        assert_eq!(text, format!("{name} needs a value: accepted are {words}"));
    }
}

#[rstest]
#[case("--mlok")]
#[case("model.gguf")]
#[case("")]
#[case("-")]
#[case("--")]
#[case("-mlock")]
#[case("--MLOCK")]
#[case("---mlock")]
#[case("--no-mlock")]
#[case("-mmp")]
#[case("=")]
fn an_unknown_argument_lists_the_flags(#[case] argument: &str) {
    for dialect in Dialect::eras() {
        let found = error(dialect, &[argument], &[]);
        assert_eq!(found, UsageError::InvalidArgument { dialect, argument: argument.to_owned() });
        let text = found.to_string();
        assert!(text.starts_with(&format!("invalid argument '{argument}': ")), "{text}");
        for name in ["--mlock", "--mmap", "--no-mmap", "-ndio", "--direct-io"] {
            let accepts = resolve(dialect, &[name], &[]).is_ok();
            assert_eq!(
                text.split("accepts ").nth(1).unwrap().contains(name),
                accepts,
                "{dialect} {name}: {text}"
            );
        }
    }
}

#[test]
fn a_dialect_without_load_modes_has_no_such_argument() {
    for argv in [&["-lm", "none"][..], &["--load-mode=none"], &["--load_mode", "none"]] {
        let found = error(era("booleans"), argv, &[]);
        assert!(
            matches!(&found, UsageError::InvalidArgument { argument, .. } if argument == argv[0]),
            "{found}"
        );
    }
    let text = error(era("enum-v4"), &["--mmap"], &[]).to_string();
    assert_eq!(text, "invalid argument '--mmap': the enum-v4 dialect accepts -lm MODE, --load-mode MODE");
}

#[test]
fn the_equals_form_is_the_reference_alone() {
    assert!(resolve(Dialect::reference(), &["-lm=dio"], &[]).is_ok());
    assert_eq!(
        error(era("enum-v1"), &["--load_mode=none"], &[]).to_string(),
        "invalid argument '--load_mode=none': the enum-v1 dialect knows no '=' form; \
         write '--load-mode none|mmap|mlock|dio'"
    );
    assert_eq!(
        error(era("booleans"), &["--mlock=1"], &[]).to_string(),
        "invalid argument '--mlock=1': the booleans dialect knows no '=' form; write '--mlock'"
    );
    assert_eq!(
        error(Dialect::reference(), &["--no_mmap=1"], &[]).to_string(),
        "'--no_mmap=1': --no-mmap is a switch and takes no value; write --no-mmap alone"
    );
    let text = error(Dialect::reference(), &["--load-mode="], &[]).to_string();
    assert!(text.starts_with("invalid value '' for --load-mode: accepted are auto, "), "{text}");
}

#[rstest]
#[case("LLAMA_ARG_MMAP")]
#[case("LLAMA_ARG_NO_MMAP")]
#[case("LLAMA_ARG_MLOCK")]
#[case("LLAMA_ARG_DIO")]
#[case("LLAMA_ARG_NO_DIO")]
fn a_variable_that_is_not_boolean_lists_the_words(#[case] variable: &str) {
    for value in ["", "yes", "no", "On", "TRUE", " 1", "2", "-1"] {
        // An error of the environment stands even where the command line would have overridden it.
        for argv in [&[][..], &["-lm", "none"], &["--mmap", "--mlock", "-dio"], &["--bogus"]] {
            assert_eq!(
                error(Dialect::reference(), argv, &[(variable, value)]).to_string(),
                format!(
                    "invalid value '{value}' for the environment variable {variable}: \
                     accepted are 1, true, on, enabled (on) and 0, false, off, disabled (off)"
                )
            );
        }
    }
}

#[test]
fn other_programs_variables_are_passed_over() {
    let env = [("LLAMA_ARG_CTX_SIZE", "4096"), ("MMAP", "x"), ("llama_arg_mmap", "x"), ("", "")];
    assert_eq!(resolve(Dialect::reference(), &[], &env), resolve(Dialect::reference(), &[], &[]));
}
