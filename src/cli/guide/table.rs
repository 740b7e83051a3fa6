//! The guides, command by command.

use super::Guide;

const SUMMARY: (&str, &str) =
    ("$GITHUB_STEP_SUMMARY", "where `--format github` writes its summary; without it, to standard output");
const TEMPORARY: (&str, &str) = (
    "$TMPDIR",
    "where the model inside the program is written to while it is loaded; /tmp, or a directory with direct I/O, without it",
);
const CONFIG: (&str, &str) = ("loadparity.toml", "the options of this folder; `--no-config` leaves it out");
const BASELINE: (&str, &str) =
    ("loadparity.baseline.json", "the baseline of a command, unless `--baseline` names another");
const GOLDEN: (&str, &str) =
    ("fixtures/golden", "the golden code paths of the reference engine, unless `--dir` names another");

/// Why a command that needs no model of the user's cannot have its own.
const NO_ROOM: &str = "the model inside the program cannot be written to a temporary folder";

/// Codes of a command that reads something and prints something.
const PRINTS: &[(u8, &str)] = &[(0, "done"), (2, ""), (70, "")];

/// Every command that has something of its own to say, by name.
pub(in crate::cli) const ALL: &[Guide] = &[
    Guide {
        command: "",
        examples: &[
            ("check the reference engine on this machine", "check"),
            ("check a loader of your own", "check -m model.gguf --dialect auto -- ./loader {model} {flags}"),
            ("see what this machine can do for a model", "doctor model.gguf"),
        ],
        codes: &[(0, ""), (1, ""), (2, ""), (3, ""), (4, ""), (70, "")],
        files: &[CONFIG, TEMPORARY],
        writes: &[],
        reads: &[],
        see: &["strace(1)", "perf-trace(1)"],
    },
    Guide {
        command: "check",
        examples: &[
            ("the whole matrix on the reference engine", "check"),
            (
                "a loader of your own, its dialect found out",
                "check -m model.gguf --dialect auto -- ./loader {model} {flags}",
            ),
            (
                "for CI: annotations, JUnit and JSON in one run",
                "check --format github --format junit=check.xml --format json=check.json",
            ),
            ("the case that failed, and nothing else", "check --only '--load-mode mlock'"),
            ("every fault in turn, for at most a minute", "check --faults --time 60"),
        ],
        codes: &[
            (0, ""),
            (1, ""),
            (2, ""),
            (3, ""),
            (4, "nothing selected: no case has the spelling of `--only`"),
            (70, ""),
        ],
        files: &[CONFIG, TEMPORARY, SUMMARY],
        writes: &["check-2", "faults-1"],
        reads: &["config-1", "dialect-1", "expect-2"],
        see: &["loadparity-compare(1)", "loadparity-merge(1)", "loadparity-explain-rule(1)", "strace(1)"],
    },
    Guide {
        command: "init",
        examples: &[("a first configuration for a loader", "init -- ./loader model.gguf")],
        codes: &[
            (0, "`loadparity.toml` is written"),
            (2, ""),
            (
                3,
                "the command cannot be observed here, brings no weights of the model in, or speaks no dialect that is shipped",
            ),
            (70, ""),
        ],
        files: &[("loadparity.toml", "what is written; one that is there stays without `--force`")],
        writes: &["config-1"],
        reads: &["dialect-1"],
        see: &["loadparity-check(1)", "loadparity-dialects-show(1)"],
    },
    Guide {
        command: "compare",
        examples: &[
            (
                "two builds of a loader, every spelling",
                "compare -m model.gguf --old './old {model} {flags}' --new './new {model} {flags}'",
            ),
            (
                "the same with direct opens refused",
                "compare -m model.gguf --old './old {model} {flags}' --new './new {model} {flags}' --inject open.direct:error=EINVAL",
            ),
        ],
        codes: &[
            (0, "no guarantee is lost and no policy changed"),
            (1, "a difference from policy change on"),
            (2, ""),
            (3, ""),
            (4, ""),
            (70, ""),
        ],
        files: &[SUMMARY],
        writes: &["compare-2"],
        reads: &["dialect-1", "expect-2"],
        see: &["loadparity-check(1)", "loadparity-baseline-verify(1)", "loadparity-diff(1)"],
    },
    Guide {
        command: "merge",
        examples: &[
            (
                "three machines, each of them required",
                "merge linux.json windows.json macos.json --expect linux,windows,macos",
            ),
            ("the artifacts of a workflow", "merge results --expect linux --format github"),
        ],
        codes: &[
            (0, "no machine is divergent and each that was expected is there"),
            (1, ""),
            (2, ""),
            (3, "a result is blocked, or a machine that was expected is not run"),
            (4, "no result is in the folder"),
            (70, ""),
        ],
        files: &[SUMMARY],
        writes: &["merge-2"],
        reads: &["check-2", "faults-1"],
        see: &["loadparity-check(1)"],
    },
    Guide {
        command: "baseline",
        examples: &[
            ("record, then hold against it", "baseline record -- ./loader model.gguf"),
            ("hold against it", "baseline verify"),
        ],
        codes: &[(0, ""), (1, ""), (2, ""), (3, ""), (4, ""), (70, "")],
        files: &[CONFIG, BASELINE, GOLDEN],
        writes: &[],
        reads: &[],
        see: &["loadparity-check(1)"],
    },
    Guide {
        command: "baseline record",
        examples: &[
            ("record what a loader does", "baseline record -m model.gguf -- ./loader {model} {flags}"),
            ("take a change that is meant", "baseline record --update"),
        ],
        codes: &[
            (0, "recorded"),
            (1, "what is there differs; `--update` or `--bless` replaces it"),
            (2, ""),
            (3, ""),
            (4, ""),
            (70, ""),
        ],
        files: &[CONFIG, BASELINE, GOLDEN],
        writes: &["baseline-1"],
        reads: &["config-1", "dialect-1"],
        see: &["loadparity-baseline-verify(1)", "loadparity-compare(1)"],
    },
    Guide {
        command: "baseline verify",
        examples: &[(
            "hold a loader against its baseline",
            "baseline verify -m model.gguf -- ./loader {model} {flags}",
        )],
        codes: &[
            (0, "nothing worse than what is recorded"),
            (1, "a difference from policy change on"),
            (2, ""),
            (3, ""),
            (4, ""),
            (70, ""),
        ],
        files: &[CONFIG, BASELINE, GOLDEN],
        writes: &["compare-2"],
        reads: &["baseline-1", "config-1", "dialect-1"],
        see: &["loadparity-baseline-record(1)", "loadparity-compare(1)"],
    },
    Guide {
        command: "bits",
        examples: &[(
            "one hash over every mode, vector level and number of threads",
            "bits --threads 1,2,4 --json bits.json",
        )],
        codes: &[
            (0, "one value"),
            (1, "different bits"),
            (2, ""),
            (3, "a load could not be tried"),
            (4, "nothing was run"),
            (70, ""),
        ],
        files: &[TEMPORARY],
        writes: &["bits-1"],
        reads: &[],
        see: &["loadparity-docs-determinism(1)"],
    },
    Guide {
        command: "run",
        examples: &[
            ("generate with the model inside the program", "run -p 'In the beginning' -n 16"),
            ("load past the page cache and keep the trace", "run -m model.gguf -dio --trace load.jsonl"),
        ],
        codes: &[(0, "done"), (2, "usage, or a model that cannot be loaded"), (3, NO_ROOM), (70, "")],
        files: &[TEMPORARY],
        writes: &["run-1", "trace-2"],
        reads: &[],
        see: &["loadparity-explain(1)", "loadparity-bench(1)"],
    },
    Guide {
        command: "bench",
        examples: &[
            ("the model inside the program", "bench -r 1"),
            ("loading alone, in three modes", "bench -m model.gguf -p 0 -n 0 -lm mmap,none,dio"),
        ],
        codes: &[
            (0, "measured"),
            (2, "usage, or something that could not be measured"),
            (3, NO_ROOM),
            (4, "nothing to measure"),
            (70, ""),
        ],
        files: &[TEMPORARY],
        writes: &[],
        reads: &[],
        see: &["loadparity-compare-bench(1)", "loadparity-doctor(1)", "hyperfine(1)"],
    },
    Guide {
        command: "compare-bench",
        examples: &[("what became faster", "compare-bench old.json new.json")],
        codes: &[
            (0, "compared; a slower result is no divergence"),
            (2, ""),
            (4, "no row is in both files"),
            (70, ""),
        ],
        files: &[],
        writes: &["compare-bench-1"],
        reads: &[],
        see: &["loadparity-bench(1)"],
    },
    Guide {
        command: "explain",
        examples: &[
            ("what a line means", "explain -- --no-mmap --mlock"),
            ("the line to use after an upgrade", "explain --dialect booleans --to enum-v4 -- --no-mmap"),
        ],
        codes: &[(0, "explained"), (1, "the dialect of `--to` cannot say it"), (2, ""), (70, "")],
        files: &[],
        writes: &["explain-1", "explain-bench-1"],
        reads: &["dialect-1"],
        see: &["loadparity-dialects(1)", "loadparity-migrate(1)"],
    },
    Guide {
        command: "explain-rule",
        examples: &[("a rule with a trace that breaks it", "explain-rule tensors-locked")],
        codes: PRINTS,
        files: &[],
        writes: &["explain-rule-1"],
        reads: &[],
        see: &["loadparity-check(1)", "loadparity-judge(1)"],
    },
    Guide {
        command: "dialects",
        examples: &[
            ("what changed between the dialects", "dialects --only-differences"),
            ("a dialect to start from", "dialects show booleans"),
            (
                "try each row of a dialect on a program",
                "dialects check own.toml -m model.gguf -- ./loader {model} {flags}",
            ),
        ],
        codes: &[
            (0, "done"),
            (1, "the program does not do what the dialect says"),
            (2, ""),
            (3, ""),
            (70, ""),
        ],
        files: &[],
        writes: &["dialects-1"],
        reads: &["dialect-1"],
        see: &["loadparity-explain(1)"],
    },
    Guide {
        command: "migrate",
        examples: &[
            ("see what would change", "migrate --from booleans --to enum-v4 run.sh"),
            ("change it in place", "migrate --from b8681 --to enum-v4 --write run.sh compose.yaml"),
        ],
        codes: &[
            (0, "every load flag is read; changed or nothing to change"),
            (1, "a file has something that cannot be migrated; it stays as it is"),
            (2, ""),
            (70, ""),
        ],
        files: &[],
        writes: &[],
        reads: &["dialect-1"],
        see: &["loadparity-explain(1)", "loadparity-dialects(1)"],
    },
    Guide {
        command: "diff",
        examples: &[("what two recordings do differently", "diff old.jsonl new.jsonl")],
        codes: &[(0, "the same code path"), (1, "different code paths"), (2, ""), (70, "")],
        files: &[],
        writes: &["diff-1"],
        reads: &["trace-1", "trace-2"],
        see: &["loadparity-trace(1)", "loadparity-compare(1)"],
    },
    Guide {
        command: "export",
        examples: &[
            ("a load in Perfetto", "export --to perfetto -o load.json load.jsonl"),
            ("each call as a row", "export --to csv load.jsonl"),
        ],
        codes: PRINTS,
        files: &[],
        writes: &[],
        reads: &["trace-1", "trace-2"],
        see: &["loadparity-trace(1)", "loadparity-import(1)"],
    },
    Guide {
        command: "import",
        examples: &[("strace's text as a trace", "import strace.log --from strace -o load.jsonl")],
        codes: PRINTS,
        files: &[],
        writes: &["import-1", "trace-2"],
        reads: &[],
        see: &["loadparity-judge(1)", "strace(1)"],
    },
    Guide {
        command: "judge",
        examples: &[(
            "a recording held against its flags",
            "judge --dialect enum-v4 --strace strace.log -- --load-mode mlock",
        )],
        codes: &[(0, "no rule is broken"), (1, ""), (2, ""), (3, ""), (70, "")],
        files: &[SUMMARY],
        writes: &["judge-2"],
        reads: &["dialect-1", "trace-1", "trace-2"],
        see: &["loadparity-import(1)", "loadparity-trace(1)", "loadparity-explain-rule(1)"],
    },
    Guide {
        command: "trace",
        examples: &[
            ("what a command does to its model", "trace -- ./loader model.gguf"),
            ("how often, how much and how long, and a picture in time", "trace --summary --view load.jsonl"),
            (
                "keep it, with the third read cut short",
                "trace -o load.jsonl --inject read:short=512:when=3 -- ./loader model.gguf",
            ),
        ],
        codes: &[
            (2, ""),
            (3, "not observed: a model that was named was never opened, or tracing is not permitted here"),
            (70, ""),
            (124, "the command's time was up"),
            (126, "the command cannot be executed"),
            (127, "the command is not there"),
        ],
        files: &[],
        writes: &["trace-2", "calls-1", "timeline-1"],
        reads: &["trace-1", "trace-2"],
        see: &["loadparity-judge(1)", "loadparity-diff(1)", "strace(1)", "ptrace(2)"],
    },
    Guide {
        command: "doctor",
        examples: &[
            ("what works where a model lies", "doctor model.gguf"),
            ("for a program to read, nothing measured", "doctor model.gguf --no-measure --format json"),
        ],
        codes: &[(0, "a mode works here"), (2, ""), (3, "no mode works here"), (70, "")],
        files: &[
            ("/proc/meminfo, /proc/self/cgroup, /sys/fs/cgroup", "memory that is to be had"),
            ("/proc/sys/kernel/yama/ptrace_scope, /proc/self/status", "who may trace whom"),
            ("/sys/devices/system/node, /sys/kernel/mm/transparent_hugepage", "NUMA nodes and huge pages"),
            TEMPORARY,
        ],
        writes: &["doctor-1"],
        reads: &[],
        see: &["loadparity-bench(1)", "getrlimit(2)", "mlock(2)", "open(2)"],
    },
    Guide {
        command: "tokenize",
        examples: &[("the tokens of a text", "tokenize -m model.gguf -p 'some text'")],
        codes: PRINTS,
        files: &[],
        writes: &["tokenize-1"],
        reads: &[],
        see: &["loadparity-run(1)"],
    },
    Guide {
        command: "gguf show",
        examples: &[("the header of a model", "gguf show model.gguf")],
        codes: PRINTS,
        files: &[],
        writes: &["gguf-show-1"],
        reads: &[],
        see: &["loadparity-gguf-make(1)"],
    },
    Guide {
        command: "gguf make",
        examples: &[(
            "a model of a few hundred KiB",
            "gguf make --layers 2 --embd 96 --heads 3 --kv-heads 3 --ffn 192 --vocab 512 -o small.gguf",
        )],
        codes: PRINTS,
        files: &[],
        writes: &[],
        reads: &[],
        see: &["loadparity-gguf-show(1)"],
    },
    Guide {
        command: "gguf split",
        examples: &[("shards of at most 16 tensors", "gguf split --max-tensors 16 model.gguf model")],
        codes: PRINTS,
        files: &[],
        writes: &[],
        reads: &[],
        see: &["loadparity-gguf-merge(1)"],
    },
    Guide {
        command: "gguf merge",
        examples: &[("one file again", "gguf merge model-00001-of-00003.gguf model.gguf")],
        codes: PRINTS,
        files: &[],
        writes: &[],
        reads: &[],
        see: &["loadparity-gguf-split(1)"],
    },
    Guide {
        command: "schema",
        examples: &[("which there are", "schema"), ("the newest of a kind", "schema check")],
        codes: PRINTS,
        files: &[],
        writes: &[],
        reads: &[],
        see: &["loadparity-check(1)"],
    },
    Guide {
        command: "docs",
        examples: &[
            ("man pages into a folder", "docs man --out man1"),
            ("completion for a shell", "docs completions bash"),
            ("whether a checkout is up to date", "docs verify"),
        ],
        codes: &[
            (0, "done"),
            (1, "a page is stale, or one model has more than one value"),
            (2, ""),
            (70, ""),
        ],
        files: &[],
        writes: &[],
        reads: &[],
        see: &["loadparity(1)"],
    },
    Guide {
        command: "docs determinism",
        examples: &[("machines beside one another", "docs determinism --bits linux.json windows.json")],
        codes: &[(0, "one value a model"), (1, "a model has more than one value"), (2, ""), (70, "")],
        files: &[],
        writes: &[],
        reads: &["bits-1"],
        see: &["loadparity-bits(1)"],
    },
];
