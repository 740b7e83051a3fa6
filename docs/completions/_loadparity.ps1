
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'loadparity' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'loadparity'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'loadparity' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Prove that every way of asking for a load mode does what it says, the same way: the whole matrix on the reference engine, or on any command at its system calls (Linux)')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Write a first `loadparity.toml` for a loader, from what its help, its behaviour and its model show')
            [CompletionResult]::new('compare', 'compare', [CompletionResultType]::ParameterValue, 'Tell what changed between two commands that load models, spelling by spelling, and what each difference comes to (Linux)')
            [CompletionResult]::new('merge', 'merge', [CompletionResultType]::ParameterValue, 'Set the results of several machines beside one another, in one matrix')
            [CompletionResult]::new('baseline', 'baseline', [CompletionResultType]::ParameterValue, 'Record or verify golden code paths, of the reference engine or of a command of your own (Linux)')
            [CompletionResult]::new('bits', 'bits', [CompletionResultType]::ParameterValue, 'Show that load mode, vector level and threads change no bit of the output')
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Load a model and generate text')
            [CompletionResult]::new('bench', 'bench', [CompletionResultType]::ParameterValue, 'Measure loading, prompts and generation, as llama-bench does')
            [CompletionResult]::new('compare-bench', 'compare-bench', [CompletionResultType]::ParameterValue, 'Tell what became faster between two result files of `bench` or llama-bench')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Show what load flags and variables mean, and how every dialect says the same')
            [CompletionResult]::new('explain-rule', 'explain-rule', [CompletionResultType]::ParameterValue, 'Show one rule: what must hold, what a decision needs, and a trace that keeps it and one that breaks it')
            [CompletionResult]::new('dialects', 'dialects', [CompletionResultType]::ParameterValue, 'Show what load flags mean in every dialect, and what was lost on the way')
            [CompletionResult]::new('migrate', 'migrate', [CompletionResultType]::ParameterValue, 'Rewrite scripts, units, Dockerfiles, manifests, presets and other files in another dialect: a diff, or in place')
            [CompletionResult]::new('diff', 'diff', [CompletionResultType]::ParameterValue, 'Compare two traces, each difference classified')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Turn a printed log or strace''s text into a trace')
            [CompletionResult]::new('judge', 'judge', [CompletionResultType]::ParameterValue, 'Hold a recording of any loader against what a dialect predicts of its flags, and against what its log claims')
            [CompletionResult]::new('trace', 'trace', [CompletionResultType]::ParameterValue, 'Record what any command does to model files, at its system calls (Linux), or show a recording')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Turn a recording into a format of other programs: trace events for Perfetto and Chrome, CSV, a picture')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Try what this machine can do for a load mode, on one file: which modes work, degrade or fail, and how fast')
            [CompletionResult]::new('tokenize', 'tokenize', [CompletionResultType]::ParameterValue, 'Turn text into tokens')
            [CompletionResult]::new('gguf', 'gguf', [CompletionResultType]::ParameterValue, 'Show or make model files')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'List the JSON Schemas of what the program writes as JSON, or print one')
            [CompletionResult]::new('docs', 'docs', [CompletionResultType]::ParameterValue, 'Print or renew what is made from the program''s own tables: pages, man pages and completions')
            break
        }
        'loadparity;check' {
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'The model; without it, the small one inside the program. For a command it may be of any layout, and may repeat: for files with weights that the first does not name')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'The model; without it, the small one inside the program. For a command it may be of any layout, and may repeat: for files with weights that the first does not name')
            [CompletionResult]::new('--layout', '--layout', [CompletionResultType]::ParameterName, 'Where the weights lie in the model''s files: auto (as the content says; all bytes of a file of unknown format), gguf, safetensors, npy, zip (.npz, PyTorch), onnx, or opaque (all bytes)')
            [CompletionResult]::new('--dialect', '--dialect', [CompletionResultType]::ParameterName, 'The dialect that spellings are read in; `auto` finds out what a command speaks')
            [CompletionResult]::new('--level', '--level', [CompletionResultType]::ParameterName, 'How far to go: plans, code paths, tensor bytes, output. A level that is named has to be observed; without it, as far as the subject shows')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The prompt to generate from in every case')
            [CompletionResult]::new('--prompt', '--prompt', [CompletionResultType]::ParameterName, 'The prompt to generate from in every case')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Tokens to generate in every case')
            [CompletionResult]::new('--n-predict', '--n-predict', [CompletionResultType]::ParameterName, 'Tokens to generate in every case')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Seed of the sampler')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Seed of the sampler')
            [CompletionResult]::new('--temp', '--temp', [CompletionResultType]::ParameterName, 'Temperature of the sampler; 0 takes the likeliest token')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Threads for generating; they do not change the result')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads for generating; they do not change the result')
            [CompletionResult]::new('--cpu', '--cpu', [CompletionResultType]::ParameterName, 'Vector instructions to use; they do not change the result')
            [CompletionResult]::new('--inject', '--inject', [CompletionResultType]::ParameterName, 'A fault to inject in every case, such as `open.direct:error=EINVAL`; may repeat')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, '`terminal`, `json`, `html`, `markdown`, `junit` or `github`, each with `=FILE` to write there; may repeat')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Whether the report on standard output is coloured; `auto` colours a terminal, unless `NO_COLOR` is set')
            [CompletionResult]::new('--faults', '--faults', [CompletionResultType]::ParameterName, 'Make the subject''s own calls fail instead, every one in turn: `single` faults, `pairs` too, or `full` until no new state appears')
            [CompletionResult]::new('--depth', '--depth', [CompletionResultType]::ParameterName, 'Faults in one schedule at most, instead of what `--faults` says')
            [CompletionResult]::new('--cases', '--cases', [CompletionResultType]::ParameterName, 'Schedules of faults to run at most')
            [CompletionResult]::new('--time', '--time', [CompletionResultType]::ParameterName, 'Seconds in which schedules of faults are begun')
            [CompletionResult]::new('--state', '--state', [CompletionResultType]::ParameterName, 'Keep in this file where the exploration stopped, and go on there if the file is there; bounds count anew')
            [CompletionResult]::new('--only-fault', '--only-fault', [CompletionResultType]::ParameterName, 'Only this fault of a schedule, with `--faults` and `--only`; may repeat for a pair')
            [CompletionResult]::new('--platform', '--platform', [CompletionResultType]::ParameterName, 'Load on this simulated machine instead of this one; an unknown name lists them')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Only this case, in the words of a shell (the empty text is no flag at all), with the case that represents its plan; may repeat')
            [CompletionResult]::new('--partition', '--partition', [CompletionResultType]::ParameterName, 'Run one part of the campaign, such as `2/4`; `merge` joins the parts')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Run so many cases side by side; what shares the page cache and the limits is then not observed')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Take what the line does not say from this file; without it, from `loadparity.toml` in the current folder, if there is one')
            [CompletionResult]::new('--retries', '--retries', [CompletionResultType]::ParameterName, 'How often a command is run again before what it writes and does is believed [default: 2]')
            [CompletionResult]::new('--settle', '--settle', [CompletionResultType]::ParameterName, 'Milliseconds to wait before every run of a command')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End a run of a command after this many seconds [default: 120]')
            [CompletionResult]::new('--cwd', '--cwd', [CompletionResultType]::ParameterName, 'Run a command in this folder; its model is then named by its whole path')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'Known divergences of a command, each with its reason; one that is gone fails the run')
            [CompletionResult]::new('--no-run', '--no-run', [CompletionResultType]::ParameterName, 'Generate nothing: levels up to P3, for weights of a type that the engine cannot compute with')
            [CompletionResult]::new('--exhaustive', '--exhaustive', [CompletionResultType]::ParameterName, 'Also really load every ordered triple of flags')
            [CompletionResult]::new('--quick', '--quick', [CompletionResultType]::ParameterName, 'Really load one spelling of each plan only, and resolve lines of two parts and not of three: for an emulator, where a load takes seconds')
            [CompletionResult]::new('--open', '--open', [CompletionResultType]::ParameterName, 'Open the HTML report in a browser: that of `--format html=FILE`, or one in the temporary folder')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Let reports and traces replace a model or another file that the command line names, or go to a device')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: every code path, every normalisation, every line of a difference')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: every code path, every normalisation, every line of a difference')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say only what is not a pass, and the verdict; no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say only what is not a pass, and the verdict; no progress')
            [CompletionResult]::new('--claims-check', '--claims-check', [CompletionResultType]::ParameterName, 'The command claims to check what it loads: a changed byte, a file that is cut short while it is mapped and one that is replaced between two opens must not pass without a word')
            [CompletionResult]::new('--list', '--list', [CompletionResultType]::ParameterName, 'List the cases, a line each, and run none')
            [CompletionResult]::new('--fail-fast', '--fail-fast', [CompletionResultType]::ParameterName, 'Stop at the first broken rule')
            [CompletionResult]::new('--allow-unmet', '--allow-unmet', [CompletionResultType]::ParameterName, 'Pass over a fault of `--inject` that meets no call; without this it is not observed, exit code 3')
            [CompletionResult]::new('--no-config', '--no-config', [CompletionResultType]::ParameterName, 'Read no file of options')
            [CompletionResult]::new('--no-memory', '--no-memory', [CompletionResultType]::ParameterName, 'Do not compare a command''s memory with the model file: P3 is then not observed')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'loadparity;init' {
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'The model; without it, the file with weights among the words of the command, or the only one in the folder')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'The model; without it, the file with weights among the words of the command, or the only one in the folder')
            [CompletionResult]::new('--layout', '--layout', [CompletionResultType]::ParameterName, 'Where the weights lie in the model''s files: auto (as the content says; all bytes of a file of unknown format), gguf, safetensors, npy, zip (.npz, PyTorch), onnx, or opaque (all bytes)')
            [CompletionResult]::new('--dialect', '--dialect', [CompletionResultType]::ParameterName, 'The dialect of the command; without it, what its help and its behaviour show')
            [CompletionResult]::new('--retries', '--retries', [CompletionResultType]::ParameterName, 'How often a command is run again before what it writes and does is believed [default: 2]')
            [CompletionResult]::new('--settle', '--settle', [CompletionResultType]::ParameterName, 'Milliseconds to wait before every run of a command')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End a run of a command after this many seconds [default: 120]')
            [CompletionResult]::new('--cwd', '--cwd', [CompletionResultType]::ParameterName, 'Run a command in this folder; its model is then named by its whole path')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'Known divergences of a command, each with its reason; one that is gone fails the run')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace a file that is there')
            [CompletionResult]::new('--no-memory', '--no-memory', [CompletionResultType]::ParameterName, 'Do not compare a command''s memory with the model file: P3 is then not observed')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;compare' {
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'The model; may repeat, for files with weights that the first does not name')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'The model; may repeat, for files with weights that the first does not name')
            [CompletionResult]::new('--layout', '--layout', [CompletionResultType]::ParameterName, 'Where the weights lie in the model''s files: auto (as the content says; all bytes of a file of unknown format), gguf, safetensors, npy, zip (.npz, PyTorch), onnx, or opaque (all bytes)')
            [CompletionResult]::new('--old', '--old', [CompletionResultType]::ParameterName, 'The command that is known, in the words of a shell, with `{model}` and `{flags}` in their places')
            [CompletionResult]::new('--new', '--new', [CompletionResultType]::ParameterName, 'The command that is new')
            [CompletionResult]::new('--dialect', '--dialect', [CompletionResultType]::ParameterName, 'Ask in the spellings of this dialect; without it, in those of every dialect of llama.cpp')
            [CompletionResult]::new('--inject', '--inject', [CompletionResultType]::ParameterName, 'A fault to inject into both, in every run, such as `open.direct:error=EINVAL`; may repeat')
            [CompletionResult]::new('--level', '--level', [CompletionResultType]::ParameterName, 'What has to be observed: P2 for the calls alone, P4 for the output too; without it, either bytes or outputs')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Only this spelling, in the words of a shell; may repeat')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Run so many cases side by side; what shares the page cache and the limits is then not observed')
            [CompletionResult]::new('--retries', '--retries', [CompletionResultType]::ParameterName, 'How often a command is run again before what it writes and does is believed [default: 2]')
            [CompletionResult]::new('--settle', '--settle', [CompletionResultType]::ParameterName, 'Milliseconds to wait before every run of a command')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End a run of a command after this many seconds [default: 120]')
            [CompletionResult]::new('--cwd', '--cwd', [CompletionResultType]::ParameterName, 'Run a command in this folder; its model is then named by its whole path')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'Known divergences of a command, each with its reason; one that is gone fails the run')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Whether the report on standard output is coloured; `auto` colours a terminal, unless `NO_COLOR` is set')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, '`terminal`, `json`, `html`, `markdown`, `junit` or `github`, each with `=FILE` to write there; may repeat')
            [CompletionResult]::new('--fail-fast', '--fail-fast', [CompletionResultType]::ParameterName, 'Stop at the first broken rule')
            [CompletionResult]::new('--allow-unmet', '--allow-unmet', [CompletionResultType]::ParameterName, 'Pass over a fault of `--inject` that meets no call; without this it is not observed, exit code 3')
            [CompletionResult]::new('--no-memory', '--no-memory', [CompletionResultType]::ParameterName, 'Do not compare a command''s memory with the model file: P3 is then not observed')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: every code path, every normalisation, every line of a difference')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: every code path, every normalisation, every line of a difference')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say only what is not a pass, and the verdict; no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say only what is not a pass, and the verdict; no progress')
            [CompletionResult]::new('--open', '--open', [CompletionResultType]::ParameterName, 'Open the HTML report in a browser: that of `--format html=FILE`, or one in the temporary folder')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Let reports and traces replace a model or another file that the command line names, or go to a device')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'loadparity;merge' {
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'Platforms that have to be among them, such as `linux,windows,macos/aarch64`; one that is missing is not run, which is no pass')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, '`terminal`, `json`, `html`, `markdown`, `junit` or `github`, each with `=FILE` to write there; may repeat')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Whether the report on standard output is coloured; `auto` colours a terminal, unless `NO_COLOR` is set')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: every code path, every normalisation, every line of a difference')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: every code path, every normalisation, every line of a difference')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say only what is not a pass, and the verdict; no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say only what is not a pass, and the verdict; no progress')
            [CompletionResult]::new('--open', '--open', [CompletionResultType]::ParameterName, 'Open the HTML report in a browser: that of `--format html=FILE`, or one in the temporary folder')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Let reports and traces replace a model or another file that the command line names, or go to a device')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'loadparity;baseline' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('record', 'record', [CompletionResultType]::ParameterValue, 'Write the golden paths that do not exist yet: of the reference engine, or of the command behind `--` (Linux)')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Compare with the golden paths; a missing or stale one is a difference. Of a command, each spelling is told with what its change comes to, as `compare` does (Linux)')
            break
        }
        'loadparity;baseline;record' {
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The folder of the golden paths of the reference engine')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Only this machine, such as `linux` or `sim-windows`; may repeat. Without it: this platform and every simulated one')
            [CompletionResult]::new('--baseline', '--baseline', [CompletionResultType]::ParameterName, 'The file of a command''s golden paths [default: loadparity.baseline.json]')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'The model that the command loads; may repeat, for files with weights that the first does not name')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'The model that the command loads; may repeat, for files with weights that the first does not name')
            [CompletionResult]::new('--layout', '--layout', [CompletionResultType]::ParameterName, 'Where the weights lie in the model''s files: auto (as the content says; all bytes of a file of unknown format), gguf, safetensors, npy, zip (.npz, PyTorch), onnx, or opaque (all bytes)')
            [CompletionResult]::new('--dialect', '--dialect', [CompletionResultType]::ParameterName, 'The dialect that the command''s spellings are read in')
            [CompletionResult]::new('--level', '--level', [CompletionResultType]::ParameterName, 'What has to be observed of the command: P2 the calls, P3 the bytes too, P4 the output too. Without it, P4')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Only this spelling of the command, in the words of a shell; may repeat')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Take what the line does not say from this file; without it, from `loadparity.toml` in the current folder, if there is one')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Whether the report on standard output is coloured; `auto` colours a terminal, unless `NO_COLOR` is set')
            [CompletionResult]::new('--retries', '--retries', [CompletionResultType]::ParameterName, 'How often a command is run again before what it writes and does is believed [default: 2]')
            [CompletionResult]::new('--settle', '--settle', [CompletionResultType]::ParameterName, 'Milliseconds to wait before every run of a command')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End a run of a command after this many seconds [default: 120]')
            [CompletionResult]::new('--cwd', '--cwd', [CompletionResultType]::ParameterName, 'Run a command in this folder; its model is then named by its whole path')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'Known divergences of a command, each with its reason; one that is gone fails the run')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, '`terminal`, `json`, `html`, `markdown`, `junit` or `github`, each with `=FILE` to write there; may repeat')
            [CompletionResult]::new('--bless', '--bless', [CompletionResultType]::ParameterName, 'Also rewrite those that differ; look at the difference before you commit it')
            [CompletionResult]::new('--update', '--update', [CompletionResultType]::ParameterName, 'Also rewrite those that differ; look at the difference before you commit it')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Of a command, every spelling that `check` runs, and not one of each plan')
            [CompletionResult]::new('--no-config', '--no-config', [CompletionResultType]::ParameterName, 'Read no file of options')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: every code path, every normalisation, every line of a difference')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: every code path, every normalisation, every line of a difference')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say only what is not a pass, and the verdict; no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say only what is not a pass, and the verdict; no progress')
            [CompletionResult]::new('--no-memory', '--no-memory', [CompletionResultType]::ParameterName, 'Do not compare a command''s memory with the model file: P3 is then not observed')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Let reports and traces replace a model or another file that the command line names, or go to a device')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'loadparity;baseline;verify' {
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The folder of the golden paths of the reference engine')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Only this machine, such as `linux` or `sim-windows`; may repeat. Without it: this platform and every simulated one')
            [CompletionResult]::new('--baseline', '--baseline', [CompletionResultType]::ParameterName, 'The file of a command''s golden paths [default: loadparity.baseline.json]')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'The model that the command loads; may repeat, for files with weights that the first does not name')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'The model that the command loads; may repeat, for files with weights that the first does not name')
            [CompletionResult]::new('--layout', '--layout', [CompletionResultType]::ParameterName, 'Where the weights lie in the model''s files: auto (as the content says; all bytes of a file of unknown format), gguf, safetensors, npy, zip (.npz, PyTorch), onnx, or opaque (all bytes)')
            [CompletionResult]::new('--dialect', '--dialect', [CompletionResultType]::ParameterName, 'The dialect that the command''s spellings are read in')
            [CompletionResult]::new('--level', '--level', [CompletionResultType]::ParameterName, 'What has to be observed of the command: P2 the calls, P3 the bytes too, P4 the output too. Without it, P4')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Only this spelling of the command, in the words of a shell; may repeat')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Take what the line does not say from this file; without it, from `loadparity.toml` in the current folder, if there is one')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Whether the report on standard output is coloured; `auto` colours a terminal, unless `NO_COLOR` is set')
            [CompletionResult]::new('--retries', '--retries', [CompletionResultType]::ParameterName, 'How often a command is run again before what it writes and does is believed [default: 2]')
            [CompletionResult]::new('--settle', '--settle', [CompletionResultType]::ParameterName, 'Milliseconds to wait before every run of a command')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End a run of a command after this many seconds [default: 120]')
            [CompletionResult]::new('--cwd', '--cwd', [CompletionResultType]::ParameterName, 'Run a command in this folder; its model is then named by its whole path')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'Known divergences of a command, each with its reason; one that is gone fails the run')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, '`terminal`, `json`, `html`, `markdown`, `junit` or `github`, each with `=FILE` to write there; may repeat')
            [CompletionResult]::new('--no-config', '--no-config', [CompletionResultType]::ParameterName, 'Read no file of options')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: every code path, every normalisation, every line of a difference')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: every code path, every normalisation, every line of a difference')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say only what is not a pass, and the verdict; no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say only what is not a pass, and the verdict; no progress')
            [CompletionResult]::new('--no-memory', '--no-memory', [CompletionResultType]::ParameterName, 'Do not compare a command''s memory with the model file: P3 is then not observed')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Let reports and traces replace a model or another file that the command line names, or go to a device')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'loadparity;bits' {
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'The models; without one, the small one inside the program')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'The models; without one, the small one inside the program')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The text to go on from')
            [CompletionResult]::new('--prompt', '--prompt', [CompletionResultType]::ParameterName, 'The text to go on from')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Tokens to generate')
            [CompletionResult]::new('--n-predict', '--n-predict', [CompletionResultType]::ParameterName, 'Tokens to generate')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Seed of the sampler')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Seed of the sampler')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Numbers of threads to generate with')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Numbers of threads to generate with')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'How people call this machine, for a page about several')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Also write every value to this file')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Let reports and traces replace a model or another file that the command line names, or go to a device')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;run' {
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'The model; without it, the small one inside the program')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'The model; without it, the small one inside the program')
            [CompletionResult]::new('--dialect', '--dialect', [CompletionResultType]::ParameterName, 'The dialect that the load flags are read in')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The text to go on from')
            [CompletionResult]::new('--prompt', '--prompt', [CompletionResultType]::ParameterName, 'The text to go on from')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Read the prompt from a file')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'Read the prompt from a file')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Tokens to generate; -1 goes on until the model ends the text or the context is full')
            [CompletionResult]::new('--n-predict', '--n-predict', [CompletionResultType]::ParameterName, 'Tokens to generate; -1 goes on until the model ends the text or the context is full')
            [CompletionResult]::new('--predict', '--predict', [CompletionResultType]::ParameterName, 'Tokens to generate; -1 goes on until the model ends the text or the context is full')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Tokens of context; 0 is what the model was trained with')
            [CompletionResult]::new('--ctx-size', '--ctx-size', [CompletionResultType]::ParameterName, 'Tokens of context; 0 is what the model was trained with')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Seed of the sampler')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Seed of the sampler')
            [CompletionResult]::new('--top-k', '--top-k', [CompletionResultType]::ParameterName, 'Draw from the K likeliest tokens only; 0 is all')
            [CompletionResult]::new('--typical', '--typical', [CompletionResultType]::ParameterName, 'Draw from the tokens of about the expected surprise that together reach this probability')
            [CompletionResult]::new('--typical-p', '--typical-p', [CompletionResultType]::ParameterName, 'Draw from the tokens of about the expected surprise that together reach this probability')
            [CompletionResult]::new('--top-p', '--top-p', [CompletionResultType]::ParameterName, 'Draw from the likeliest tokens that together reach this probability')
            [CompletionResult]::new('--min-p', '--min-p', [CompletionResultType]::ParameterName, 'Drop tokens less likely than this share of the likeliest')
            [CompletionResult]::new('--repeat-penalty', '--repeat-penalty', [CompletionResultType]::ParameterName, 'Make recent tokens less likely; 1 is off')
            [CompletionResult]::new('--frequency-penalty', '--frequency-penalty', [CompletionResultType]::ParameterName, 'Make recent tokens less likely, the more often they occur')
            [CompletionResult]::new('--presence-penalty', '--presence-penalty', [CompletionResultType]::ParameterName, 'Make recent tokens less likely, however often they occur')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Make a token likelier or less likely: `15043+1`, `15043-1`, `15043-inf`; may repeat')
            [CompletionResult]::new('--logit-bias', '--logit-bias', [CompletionResultType]::ParameterName, 'Make a token likelier or less likely: `15043+1`, `15043-1`, `15043-inf`; may repeat')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'End the text before this string; may repeat')
            [CompletionResult]::new('--reverse-prompt', '--reverse-prompt', [CompletionResultType]::ParameterName, 'End the text before this string; may repeat')
            [CompletionResult]::new('--stop', '--stop', [CompletionResultType]::ParameterName, 'End the text before this string; may repeat')
            [CompletionResult]::new('--repeat-last-n', '--repeat-last-n', [CompletionResultType]::ParameterName, 'How many recent tokens that is; 0 is none, -1 all')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Threads for generating; they do not change the result')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads for generating; they do not change the result')
            [CompletionResult]::new('--cpu', '--cpu', [CompletionResultType]::ParameterName, 'Vector instructions to use; they do not change the result')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Write every operation on the platform seam to this file')
            [CompletionResult]::new('--inject', '--inject', [CompletionResultType]::ParameterName, 'Inject a fault, such as `read.direct:error=EINVAL:when=2`; may repeat')
            [CompletionResult]::new('--temp', '--temp', [CompletionResultType]::ParameterName, 'Temperature; 0 takes the likeliest token')
            [CompletionResult]::new('--temperature', '--temperature', [CompletionResultType]::ParameterName, 'Temperature; 0 takes the likeliest token')
            [CompletionResult]::new('-temp', '-temp', [CompletionResultType]::ParameterName, 'Temperature; 0 takes the likeliest token')
            [CompletionResult]::new('--threads-batch', '--threads-batch', [CompletionResultType]::ParameterName, 'Threads for the prompt, if not as many')
            [CompletionResult]::new('-tb', '-tb', [CompletionResultType]::ParameterName, 'Threads for the prompt, if not as many')
            [CompletionResult]::new('-b', '-b', [CompletionResultType]::ParameterName, 'Tokens of the prompt that go through the layers together; they do not change the result')
            [CompletionResult]::new('--batch-size', '--batch-size', [CompletionResultType]::ParameterName, 'Tokens of the prompt that go through the layers together; they do not change the result')
            [CompletionResult]::new('--ubatch-size', '--ubatch-size', [CompletionResultType]::ParameterName, 'Tokens of the prompt that go through the layers together; they do not change the result')
            [CompletionResult]::new('-ub', '-ub', [CompletionResultType]::ParameterName, 'Tokens of the prompt that go through the layers together; they do not change the result')
            [CompletionResult]::new('--system-prompt', '--system-prompt', [CompletionResultType]::ParameterName, 'The system''s message of a conversation')
            [CompletionResult]::new('-sys', '-sys', [CompletionResultType]::ParameterName, 'The system''s message of a conversation')
            [CompletionResult]::new('--load-mode', '--load-mode', [CompletionResultType]::ParameterName, 'Load the weights in this mode [env: LLAMA_ARG_LOAD_MODE]')
            [CompletionResult]::new('-lm', '-lm', [CompletionResultType]::ParameterName, 'Load the weights in this mode [env: LLAMA_ARG_LOAD_MODE]')
            [CompletionResult]::new('--lazy-mode', '--lazy-mode', [CompletionResultType]::ParameterName, 'Leave tables of which single rows are used to this mode, whatever the load mode [env: LLAMA_ARG_LAZY_MODE]')
            [CompletionResult]::new('-lzm', '-lzm', [CompletionResultType]::ParameterName, 'Leave tables of which single rows are used to this mode, whatever the load mode [env: LLAMA_ARG_LAZY_MODE]')
            [CompletionResult]::new('--ignore-eos', '--ignore-eos', [CompletionResultType]::ParameterName, 'Go on after an end-of-generation token')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Let reports and traces replace a model or another file that the command line names, or go to a device')
            [CompletionResult]::new('--no-run', '--no-run', [CompletionResultType]::ParameterName, 'Load the model and generate nothing: for weights of a type that the engine cannot compute with')
            [CompletionResult]::new('--vocab-only', '--vocab-only', [CompletionResultType]::ParameterName, 'Read the header alone, and show the prompt''s tokens')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON document instead of the text')
            [CompletionResult]::new('--conversation', '--conversation', [CompletionResultType]::ParameterName, 'Take the prompt for a message, and put it before the model by its chat template')
            [CompletionResult]::new('-cnv', '-cnv', [CompletionResultType]::ParameterName, 'Take the prompt for a message, and put it before the model by its chat template')
            [CompletionResult]::new('--no-conversation', '--no-conversation', [CompletionResultType]::ParameterName, 'Take the prompt for plain text, which is the default')
            [CompletionResult]::new('-no-cnv', '-no-cnv', [CompletionResultType]::ParameterName, 'Take the prompt for plain text, which is the default')
            [CompletionResult]::new('--no-cnv', '--no-cnv', [CompletionResultType]::ParameterName, 'Take the prompt for plain text, which is the default')
            [CompletionResult]::new('--no-repack', '--no-repack', [CompletionResultType]::ParameterName, 'Taken for llama.cpp''s sake: weights are used as they lie in the file, never packed anew')
            [CompletionResult]::new('-nr', '-nr', [CompletionResultType]::ParameterName, 'Taken for llama.cpp''s sake: weights are used as they lie in the file, never packed anew')
            [CompletionResult]::new('--mlock', '--mlock', [CompletionResultType]::ParameterName, 'Lock the weights into memory; deprecated, the same as --load-mode mlock [env: LLAMA_ARG_MLOCK]')
            [CompletionResult]::new('--mmap', '--mmap', [CompletionResultType]::ParameterName, 'Map the file; deprecated, the same as --load-mode mmap [env: LLAMA_ARG_MMAP]')
            [CompletionResult]::new('--no-mmap', '--no-mmap', [CompletionResultType]::ParameterName, 'Read the file into memory; deprecated, the same as --load-mode none [env: LLAMA_ARG_NO_MMAP]')
            [CompletionResult]::new('--direct-io', '--direct-io', [CompletionResultType]::ParameterName, 'Read past the page cache; deprecated, the same as --load-mode dio [env: LLAMA_ARG_DIO]')
            [CompletionResult]::new('-dio', '-dio', [CompletionResultType]::ParameterName, 'Read past the page cache; deprecated, the same as --load-mode dio [env: LLAMA_ARG_DIO]')
            [CompletionResult]::new('--no-direct-io', '--no-direct-io', [CompletionResultType]::ParameterName, 'Do not read past the page cache; deprecated, the same as --load-mode mmap [env: LLAMA_ARG_NO_DIO]')
            [CompletionResult]::new('-ndio', '-ndio', [CompletionResultType]::ParameterName, 'Do not read past the page cache; deprecated, the same as --load-mode mmap [env: LLAMA_ARG_NO_DIO]')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'loadparity;bench' {
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'The model; without it, the small one inside the program. May repeat')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'The model; without it, the small one inside the program. May repeat')
            [CompletionResult]::new('--dialect', '--dialect', [CompletionResultType]::ParameterName, 'The dialect that the load flags are read in, by llama-bench''s rules')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Tokens of the prompt tests; lists and ranges, `512`, `1,2`, `0-512+128`, `1-64*2`; 0 is no test. 512, and 128 of the model inside the program, if not said')
            [CompletionResult]::new('--n-prompt', '--n-prompt', [CompletionResultType]::ParameterName, 'Tokens of the prompt tests; lists and ranges, `512`, `1,2`, `0-512+128`, `1-64*2`; 0 is no test. 512, and 128 of the model inside the program, if not said')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Tokens of the generation tests')
            [CompletionResult]::new('--n-gen', '--n-gen', [CompletionResultType]::ParameterName, 'Tokens of the generation tests')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Tokens that stand in the context before a test begins')
            [CompletionResult]::new('--n-depth', '--n-depth', [CompletionResultType]::ParameterName, 'Tokens that stand in the context before a test begins')
            [CompletionResult]::new('-b', '-b', [CompletionResultType]::ParameterName, 'Tokens of a prompt that are handed over at once')
            [CompletionResult]::new('--batch-size', '--batch-size', [CompletionResultType]::ParameterName, 'Tokens of a prompt that are handed over at once')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Threads; as many as the machine has, if not said')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads; as many as the machine has, if not said')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'How often each test runs')
            [CompletionResult]::new('--repetitions', '--repetitions', [CompletionResultType]::ParameterName, 'How often each test runs')
            [CompletionResult]::new('--load-repetitions', '--load-repetitions', [CompletionResultType]::ParameterName, 'How often each load runs cold and how often warm; 0 measures no load, and as often as the tests if not said')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'What goes to standard output: csv, json, jsonl, md or sql')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'What goes to standard output: csv, json, jsonl, md or sql')
            [CompletionResult]::new('--delay', '--delay', [CompletionResultType]::ParameterName, 'Seconds of rest before each test')
            [CompletionResult]::new('--cpu', '--cpu', [CompletionResultType]::ParameterName, 'Vector instructions to use')
            [CompletionResult]::new('--build-commit', '--build-commit', [CompletionResultType]::ParameterName, 'What the results call this build; the version of this program, if not said')
            [CompletionResult]::new('--prompt-gen', '--prompt-gen', [CompletionResultType]::ParameterName, 'A prompt and a generation in one test')
            [CompletionResult]::new('-pg', '-pg', [CompletionResultType]::ParameterName, 'A prompt and a generation in one test')
            [CompletionResult]::new('--ubatch-size', '--ubatch-size', [CompletionResultType]::ParameterName, 'Tokens that go through the layers together')
            [CompletionResult]::new('-ub', '-ub', [CompletionResultType]::ParameterName, 'Tokens that go through the layers together')
            [CompletionResult]::new('--output-err', '--output-err', [CompletionResultType]::ParameterName, 'What goes to standard error besides')
            [CompletionResult]::new('-oe', '-oe', [CompletionResultType]::ParameterName, 'What goes to standard error besides')
            [CompletionResult]::new('--mmap', '--mmap', [CompletionResultType]::ParameterName, 'Map the file (1), or read the file into memory (0); lists multiply; deprecated, 1 is the same as -lm mmap and 0 as -lm none')
            [CompletionResult]::new('-mmp', '-mmp', [CompletionResultType]::ParameterName, 'Map the file (1), or read the file into memory (0); lists multiply; deprecated, 1 is the same as -lm mmap and 0 as -lm none')
            [CompletionResult]::new('--direct-io', '--direct-io', [CompletionResultType]::ParameterName, 'Read past the page cache (1), or do not read past the page cache (0); lists multiply; deprecated, 1 is the same as -lm dio and 0 as -lm mmap')
            [CompletionResult]::new('-dio', '-dio', [CompletionResultType]::ParameterName, 'Read past the page cache (1), or do not read past the page cache (0); lists multiply; deprecated, 1 is the same as -lm dio and 0 as -lm mmap')
            [CompletionResult]::new('--load-mode', '--load-mode', [CompletionResultType]::ParameterName, 'Load the weights in this mode; they queue')
            [CompletionResult]::new('-lm', '-lm', [CompletionResultType]::ParameterName, 'Load the weights in this mode; they queue')
            [CompletionResult]::new('--no-warmup', '--no-warmup', [CompletionResultType]::ParameterName, 'Run no test unmeasured first')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Tell on standard error what is measured')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'loadparity;compare-bench' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'loadparity;explain' {
            [CompletionResult]::new('--dialect', '--dialect', [CompletionResultType]::ParameterName, 'The rules to read the flags by')
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'Also give the line to use after an upgrade to this dialect; exit code 1 when there is none')
            [CompletionResult]::new('--tool', '--tool', [CompletionResultType]::ParameterName, 'Whose grammar to read the flags by')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'A variable of the environment to explain; may repeat. The real environment is not read')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'loadparity;explain-rule' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'loadparity;dialects' {
            [CompletionResult]::new('--base', '--base', [CompletionResultType]::ParameterName, 'The dialect that the others are compared with')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, '`terminal`, `markdown` or `json`, each with `=FILE` to write there; may repeat')
            [CompletionResult]::new('--only-differences', '--only-differences', [CompletionResultType]::ParameterName, 'Leave out the spellings that mean the same everywhere')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the shipped dialects')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Print the file of a dialect, to read or to start from')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check a dialect file; with a command, check that the command does what the file says, as `check --dialect FILE` does')
            [CompletionResult]::new('diff', 'diff', [CompletionResultType]::ParameterValue, 'Show what a dialect can ask for and how another says it')
            break
        }
        'loadparity;dialects;list' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;dialects;show' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;dialects;check' {
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'The model that the command loads')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'The model that the command loads')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;dialects;diff' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;migrate' {
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'The rules the files are written for')
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'The rules they are to be written for')
            [CompletionResult]::new('--kind', '--kind', [CompletionResultType]::ParameterName, 'What the files are, instead of what their names and contents say')
            [CompletionResult]::new('--write', '--write', [CompletionResultType]::ParameterName, 'Change the files, and print nothing of them')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;diff' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print the comparison')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'loadparity;import' {
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'What the text is; found out where it is not said')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'A file that is a model whatever its name says, as strace''s text names it; may repeat')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'A file that is a model whatever its name says, as strace''s text names it; may repeat')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Where the trace goes')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Where the trace goes')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print what became of the lines')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Let reports and traces replace a model or another file that the command line names, or go to a device')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'loadparity;judge' {
            [CompletionResult]::new('--dialect', '--dialect', [CompletionResultType]::ParameterName, 'The rules that the recorded loader reads its flags by')
            [CompletionResult]::new('--strace', '--strace', [CompletionResultType]::ParameterName, 'A recording by strace')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'A trace file')
            [CompletionResult]::new('--log', '--log', [CompletionResultType]::ParameterName, 'What the loader printed')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'The model it loaded; then the rules are about its tensors. May repeat, for files with weights that the first does not name')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'The model it loaded; then the rules are about its tensors. May repeat, for files with weights that the first does not name')
            [CompletionResult]::new('--layout', '--layout', [CompletionResultType]::ParameterName, 'Where the weights lie in the model''s files: auto (as the content says; all bytes of a file of unknown format), gguf, safetensors, npy, zip (.npz, PyTorch), onnx, or opaque (all bytes)')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'A variable of the loader''s environment; may repeat')
            [CompletionResult]::new('--tool', '--tool', [CompletionResultType]::ParameterName, 'Whose flags they are; `auto` takes switches with a value (`-mmp 0`, `-dio 1`) and lists of load modes for llama-bench''s')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, '`terminal`, `json`, `html`, `markdown`, `junit` or `github`, each with `=FILE` to write there; may repeat')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Whether the report on standard output is coloured; `auto` colours a terminal, unless `NO_COLOR` is set')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: every code path, every normalisation, every line of a difference')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: every code path, every normalisation, every line of a difference')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say only what is not a pass, and the verdict; no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say only what is not a pass, and the verdict; no progress')
            [CompletionResult]::new('--open', '--open', [CompletionResultType]::ParameterName, 'Open the HTML report in a browser: that of `--format html=FILE`, or one in the temporary folder')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Let reports and traces replace a model or another file that the command line names, or go to a device')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'loadparity;trace' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the trace to this file instead of a summary to standard error')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the trace to this file instead of a summary to standard error')
            [CompletionResult]::new('--inject', '--inject', [CompletionResultType]::ParameterName, 'Inject a fault into the command''s system calls, such as `read:short=512:when=3`; may repeat')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Count this file as a model, whatever it holds, and the files that it names; may repeat. GGUF files always are')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'Count this file as a model, whatever it holds, and the files that it names; may repeat. GGUF files always are')
            [CompletionResult]::new('--layout', '--layout', [CompletionResultType]::ParameterName, 'Where the weights lie in the model''s files: auto (as the content says; all bytes of a file of unknown format), gguf, safetensors, npy, zip (.npz, PyTorch), onnx, or opaque (all bytes)')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End the command and all that came of it after this many seconds')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print what a recording holds: `json` with --summary or --view')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Let reports and traces replace a model or another file that the command line names, or go to a device')
            [CompletionResult]::new('--every-syscall', '--every-syscall', [CompletionResultType]::ParameterName, 'Stop on every system call instead of installing a filter; slow')
            [CompletionResult]::new('--summary', '--summary', [CompletionResultType]::ParameterName, 'Show how often each call was made, with its bytes, time and errors')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'Show the load in time: phases, the offsets of each file upward, a line a thread')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw in ASCII alone')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'loadparity;export' {
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'What to make of it')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write it to this file instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write it to this file instead of standard output')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Let reports and traces replace a model or another file that the command line names, or go to a device')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'loadparity;doctor' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--no-measure', '--no-measure', [CompletionResultType]::ParameterName, 'Measure nothing: the file''s pages stay in the page cache, and nothing large is read or locked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as `--format json`')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'loadparity;tokenize' {
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Model whose vocabulary to use')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'Model whose vocabulary to use')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Text to tokenize')
            [CompletionResult]::new('--prompt', '--prompt', [CompletionResultType]::ParameterName, 'Text to tokenize')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'File whose bytes to tokenize')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'File whose bytes to tokenize')
            [CompletionResult]::new('--no-add-special', '--no-add-special', [CompletionResultType]::ParameterName, 'Leave out the tokens that the model wants at the beginning and the end')
            [CompletionResult]::new('--no-parse-special', '--no-parse-special', [CompletionResultType]::ParameterName, 'Take the text of control tokens for ordinary text')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print a JSON object with the `ids` instead of a line for each token')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;gguf' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Print a model''s metadata, tensors and totals')
            [CompletionResult]::new('make', 'make', [CompletionResultType]::ParameterValue, 'Make a model of any size, with seeded weights')
            [CompletionResult]::new('split', 'split', [CompletionResultType]::ParameterValue, 'Cut a model into shards')
            [CompletionResult]::new('merge', 'merge', [CompletionResultType]::ParameterValue, 'Put the shards of a model together')
            break
        }
        'loadparity;gguf;show' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Text abbreviates; JSON has everything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;gguf;make' {
            [CompletionResult]::new('--arch', '--arch', [CompletionResultType]::ParameterName, 'Architecture: llama, granite, qwen2 or qwen3')
            [CompletionResult]::new('--layers', '--layers', [CompletionResultType]::ParameterName, 'Transformer blocks')
            [CompletionResult]::new('--embd', '--embd', [CompletionResultType]::ParameterName, 'Width of the residual stream')
            [CompletionResult]::new('--heads', '--heads', [CompletionResultType]::ParameterName, 'Attention heads')
            [CompletionResult]::new('--kv-heads', '--kv-heads', [CompletionResultType]::ParameterName, 'Key and value heads')
            [CompletionResult]::new('--ffn', '--ffn', [CompletionResultType]::ParameterName, 'Width of the feed-forward network')
            [CompletionResult]::new('--vocab', '--vocab', [CompletionResultType]::ParameterName, 'Tokens of the vocabulary, at least 258')
            [CompletionResult]::new('--ctx', '--ctx', [CompletionResultType]::ParameterName, 'Context length')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'Type of the matrices: f32, f16, bf16, q4_0, q4_1, q5_0, q5_1, q8_0, q2_K, q3_K, q4_K, q5_K, q6_K, iq4_nl, iq4_xs or q4_k_m')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Seed of the weights')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The file to make')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The file to make')
            [CompletionResult]::new('--tied', '--tied', [CompletionResultType]::ParameterName, 'Use the token embedding as the output matrix too')
            [CompletionResult]::new('--sparse', '--sparse', [CompletionResultType]::ParameterName, 'Leave the matrices as holes but for a short prefix: gigabytes that take no space')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace the file if it exists')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;gguf;split' {
            [CompletionResult]::new('--max-tensors', '--max-tensors', [CompletionResultType]::ParameterName, 'The most tensors of a shard')
            [CompletionResult]::new('--max-size', '--max-size', [CompletionResultType]::ParameterName, 'The most bytes of tensors of a shard: a number with M or G')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace files that exist')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;gguf;merge' {
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace the file if it exists')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;schema' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;docs' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('cli', 'cli', [CompletionResultType]::ParameterValue, 'Print `docs/cli.md`: every command, option, load flag and exit code')
            [CompletionResult]::new('platform', 'platform', [CompletionResultType]::ParameterValue, 'Print `PLATFORM.md`: every interaction with the environment')
            [CompletionResult]::new('regressions', 'regressions', [CompletionResultType]::ParameterValue, 'Print `docs/regressions.md`: regressions that really happened, run again')
            [CompletionResult]::new('rules', 'rules', [CompletionResultType]::ParameterValue, 'Print `docs/rules.md`: every rule, with a trace that keeps it and one that breaks it')
            [CompletionResult]::new('readme', 'readme', [CompletionResultType]::ParameterValue, 'Print `README.md` with its generated sections renewed')
            [CompletionResult]::new('json', 'json', [CompletionResultType]::ParameterValue, 'Print `docs/json.md` with its generated sections renewed')
            [CompletionResult]::new('determinism', 'determinism', [CompletionResultType]::ParameterValue, 'Print `docs/determinism.md`; exit code 1 if a model has more than one value')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Write a man page for each command')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a completion script')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Compare all that is generated and kept in a checkout with what the program makes; exit code 1 if it differs')
            [CompletionResult]::new('write', 'write', [CompletionResultType]::ParameterValue, 'Renew all that is generated and kept in a checkout')
            break
        }
        'loadparity;docs;cli' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;docs;platform' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;docs;regressions' {
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder of the checkout')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;docs;rules' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;docs;readme' {
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder of the checkout')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;docs;json' {
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder of the checkout')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;docs;determinism' {
            [CompletionResult]::new('--bits', '--bits', [CompletionResultType]::ParameterName, 'What `loadparity bits --json` wrote on each machine')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;docs;man' {
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'The folder to write them to; it is made if it is not there')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;docs;completions' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'loadparity;docs;verify' {
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder of the checkout')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'loadparity;docs;write' {
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder of the checkout')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
