//! Every input of the corpus, and what crashed once.

use std::fs;
use std::path::{Path, PathBuf};

use crate::targets::ALL;

/// The folder of the inputs, one folder a target.
fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A panic names the input by what is printed last.
#[test]
fn every_input_of_the_corpus_is_survived() {
    for (name, target) in ALL {
        let folder = corpus().join(name);
        let inputs = names(&folder);
        assert!(!inputs.is_empty(), "{name} has no input");
        for input in inputs {
            println!("{name}/{input}");
            target(&fs::read(folder.join(input)).expect("an input"));
        }
    }
}

/// A target that the fuzzer does not have would be replayed and never fuzzed, and one without a folder never replayed.
#[test]
fn every_target_has_a_program_and_a_folder() {
    let wanted: Vec<String> = ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&corpus()), wanted);
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let files: Vec<String> = wanted.iter().map(|name| format!("{name}.rs")).collect();
    assert_eq!(names(&programs), files);
    let manifest = fs::read_to_string(programs.with_file_name("Cargo.toml")).expect("the manifest");
    for name in &wanted {
        let text = fs::read_to_string(programs.join(format!("{name}.rs"))).expect("a program");
        assert!(text.contains(&format!("targets::{name}(")), "{name}.rs runs another target");
        assert!(
            manifest.contains(&format!("name = \"{name}\"\n")),
            "{name} is no program of fuzz/Cargo.toml"
        );
    }
}
