# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_loadparity_global_optspecs
    string join \n h/help V/version
end

function __fish_loadparity_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_loadparity_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_loadparity_using_subcommand
    set -l cmd (__fish_loadparity_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c loadparity -n "__fish_loadparity_needs_command" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_needs_command" -s V -l version -d 'Print version'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "check" -d 'Prove that every way of asking for a load mode does what it says, the same way: the whole matrix on the reference engine, or on any command at its system calls (Linux)'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "init" -d 'Write a first `loadparity.toml` for a loader, from what its help, its behaviour and its model show'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "compare" -d 'Tell what changed between two commands that load models, spelling by spelling, and what each difference comes to (Linux)'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "merge" -d 'Set the results of several machines beside one another, in one matrix'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "baseline" -d 'Record or verify golden code paths, of the reference engine or of a command of your own (Linux)'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "bits" -d 'Show that load mode, vector level and threads change no bit of the output'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "run" -d 'Load a model and generate text'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "bench" -d 'Measure loading, prompts and generation, as llama-bench does'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "compare-bench" -d 'Tell what became faster between two result files of `bench` or llama-bench'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "explain" -d 'Show what load flags and variables mean, and how every dialect says the same'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "explain-rule" -d 'Show one rule: what must hold, what a decision needs, and a trace that keeps it and one that breaks it'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "dialects" -d 'Show what load flags mean in every dialect, and what was lost on the way'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "migrate" -d 'Rewrite scripts, units, Dockerfiles, manifests, presets and other files in another dialect: a diff, or in place'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "diff" -d 'Compare two traces, each difference classified'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "import" -d 'Turn a printed log or strace\'s text into a trace'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "judge" -d 'Hold a recording of any loader against what a dialect predicts of its flags, and against what its log claims'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "trace" -d 'Record what any command does to model files, at its system calls (Linux), or show a recording'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "export" -d 'Turn a recording into a format of other programs: trace events for Perfetto and Chrome, CSV, a picture'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "doctor" -d 'Try what this machine can do for a load mode, on one file: which modes work, degrade or fail, and how fast'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "tokenize" -d 'Turn text into tokens'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "gguf" -d 'Show or make model files'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "schema" -d 'List the JSON Schemas of what the program writes as JSON, or print one'
complete -c loadparity -n "__fish_loadparity_needs_command" -f -a "docs" -d 'Print or renew what is made from the program\'s own tables: pages, man pages and completions'
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -s m -l model -d 'The model; without it, the small one inside the program. For a command it may be of any layout, and may repeat: for files with weights that the first does not name' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l layout -d 'Where the weights lie in the model\'s files: auto (as the content says; all bytes of a file of unknown format), gguf, safetensors, npy, zip (.npz, PyTorch), onnx, or opaque (all bytes)' -r -F -a "auto\t''
gguf\t''
safetensors\t''
npy\t''
zip\t''
onnx\t''
opaque\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l dialect -d 'The dialect that spellings are read in; `auto` finds out what a command speaks' -r -F -a "auto\t''
reference\t''
booleans\t''
dio-default\t''
enum-v1\t''
enum-v2\t''
enum-v3\t''
enum-v4\t''
enum-v4-lazy\t''
llama-cpp-python\t''
llama-cpp-python-server\t''
node-llama-cpp\t''
ollama\t''
koboldcpp-1.76\t''
koboldcpp\t''
llamafile\t''
textgen\t''
lmstudio\t''
llama-cpp-rs\t''
whisper.cpp\t''
stable-diffusion.cpp\t''
load-mode-numbers-v1\t''
load-mode-numbers\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l level -d 'How far to go: plans, code paths, tensor bytes, output. A level that is named has to be observed; without it, as far as the subject shows' -r -f -a "P1\t''
P2\t''
P3\t''
P4\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -s p -l prompt -d 'The prompt to generate from in every case' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -s n -l n-predict -d 'Tokens to generate in every case' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -s s -l seed -d 'Seed of the sampler' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l temp -d 'Temperature of the sampler; 0 takes the likeliest token' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -s t -l threads -d 'Threads for generating; they do not change the result' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l cpu -d 'Vector instructions to use; they do not change the result' -r -f -a "scalar\t''
avx2\t''
avx512\t''
neon\t''
neon-dotprod\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l inject -d 'A fault to inject in every case, such as `open.direct:error=EINVAL`; may repeat' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l format -d '`terminal`, `json`, `html`, `markdown`, `junit` or `github`, each with `=FILE` to write there; may repeat' -r -f -a "terminal\t''
json\t''
html\t''
markdown\t''
junit\t''
github\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l color -d 'Whether the report on standard output is coloured; `auto` colours a terminal, unless `NO_COLOR` is set' -r -F -a "auto\t'On a terminal that takes them'
always\t'In a file and a pipe too'
never\t'Never'"
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l faults -d 'Make the subject\'s own calls fail instead, every one in turn: `single` faults, `pairs` too, or `full` until no new state appears' -r -f -a "single\t'One at a time'
pairs\t'One at a time, and pairs'
full\t'As many as open a new state'"
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l depth -d 'Faults in one schedule at most, instead of what `--faults` says' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l cases -d 'Schedules of faults to run at most' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l time -d 'Seconds in which schedules of faults are begun' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l state -d 'Keep in this file where the exploration stopped, and go on there if the file is there; bounds count anew' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l only-fault -d 'Only this fault of a schedule, with `--faults` and `--only`; may repeat for a pair' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l platform -d 'Load on this simulated machine instead of this one; an unknown name lists them' -r -f -a "ext4-512\t''
ext4-4kn\t''
xfs\t''
xfs-4kn\t''
btrfs\t''
btrfs-compressed\t''
tmpfs\t''
tmpfs-before-6.6\t''
squashfs\t''
overlay-ext4\t''
overlay-tmpfs\t''
erofs\t''
f2fs\t''
dm-crypt\t''
zfs-2.3\t''
zfs-before-0.8\t''
fuse\t''
fuse-refuses\t''
fuse-odd-counts\t''
fuse-interrupts\t''
nfs\t''
9p\t''
no-locks\t''
few-locks\t''
ext4-64k-pages\t''
ext4-16k-pages\t''
apfs\t''
ntfs\t''
ntfs-512\t''
ntfs-working-set\t''
refs\t''
windows-no-prefetch\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l only -d 'Only this case, in the words of a shell (the empty text is no flag at all), with the case that represents its plan; may repeat' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l partition -d 'Run one part of the campaign, such as `2/4`; `merge` joins the parts' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l jobs -d 'Run so many cases side by side; what shares the page cache and the limits is then not observed' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l config -d 'Take what the line does not say from this file; without it, from `loadparity.toml` in the current folder, if there is one' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l retries -d 'How often a command is run again before what it writes and does is believed [default: 2]' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l settle -d 'Milliseconds to wait before every run of a command' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l timeout -d 'End a run of a command after this many seconds [default: 120]' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l cwd -d 'Run a command in this folder; its model is then named by its whole path' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l expect -d 'Known divergences of a command, each with its reason; one that is gone fails the run' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l no-run -d 'Generate nothing: levels up to P3, for weights of a type that the engine cannot compute with'
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l exhaustive -d 'Also really load every ordered triple of flags'
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l quick -d 'Really load one spelling of each plan only, and resolve lines of two parts and not of three: for an emulator, where a load takes seconds'
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l open -d 'Open the HTML report in a browser: that of `--format html=FILE`, or one in the temporary folder'
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l force -d 'Let reports and traces replace a model or another file that the command line names, or go to a device'
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -s v -l verbose -d 'Say more: every code path, every normalisation, every line of a difference'
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -s q -l quiet -d 'Say only what is not a pass, and the verdict; no progress'
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l claims-check -d 'The command claims to check what it loads: a changed byte, a file that is cut short while it is mapped and one that is replaced between two opens must not pass without a word'
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l list -d 'List the cases, a line each, and run none'
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l fail-fast -d 'Stop at the first broken rule'
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l allow-unmet -d 'Pass over a fault of `--inject` that meets no call; without this it is not observed, exit code 3'
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l no-config -d 'Read no file of options'
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -l no-memory -d 'Do not compare a command\'s memory with the model file: P3 is then not observed'
complete -c loadparity -n "__fish_loadparity_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c loadparity -n "__fish_loadparity_using_subcommand init" -s m -l model -d 'The model; without it, the file with weights among the words of the command, or the only one in the folder' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand init" -l layout -d 'Where the weights lie in the model\'s files: auto (as the content says; all bytes of a file of unknown format), gguf, safetensors, npy, zip (.npz, PyTorch), onnx, or opaque (all bytes)' -r -F -a "auto\t''
gguf\t''
safetensors\t''
npy\t''
zip\t''
onnx\t''
opaque\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand init" -l dialect -d 'The dialect of the command; without it, what its help and its behaviour show' -r -F -a "auto\t''
reference\t''
booleans\t''
dio-default\t''
enum-v1\t''
enum-v2\t''
enum-v3\t''
enum-v4\t''
enum-v4-lazy\t''
llama-cpp-python\t''
llama-cpp-python-server\t''
node-llama-cpp\t''
ollama\t''
koboldcpp-1.76\t''
koboldcpp\t''
llamafile\t''
textgen\t''
lmstudio\t''
llama-cpp-rs\t''
whisper.cpp\t''
stable-diffusion.cpp\t''
load-mode-numbers-v1\t''
load-mode-numbers\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand init" -l retries -d 'How often a command is run again before what it writes and does is believed [default: 2]' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand init" -l settle -d 'Milliseconds to wait before every run of a command' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand init" -l timeout -d 'End a run of a command after this many seconds [default: 120]' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand init" -l cwd -d 'Run a command in this folder; its model is then named by its whole path' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand init" -l expect -d 'Known divergences of a command, each with its reason; one that is gone fails the run' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand init" -l force -d 'Replace a file that is there'
complete -c loadparity -n "__fish_loadparity_using_subcommand init" -l no-memory -d 'Do not compare a command\'s memory with the model file: P3 is then not observed'
complete -c loadparity -n "__fish_loadparity_using_subcommand init" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -s m -l model -d 'The model; may repeat, for files with weights that the first does not name' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -l layout -d 'Where the weights lie in the model\'s files: auto (as the content says; all bytes of a file of unknown format), gguf, safetensors, npy, zip (.npz, PyTorch), onnx, or opaque (all bytes)' -r -F -a "auto\t''
gguf\t''
safetensors\t''
npy\t''
zip\t''
onnx\t''
opaque\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -l old -d 'The command that is known, in the words of a shell, with `{model}` and `{flags}` in their places' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -l new -d 'The command that is new' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -l dialect -d 'Ask in the spellings of this dialect; without it, in those of every dialect of llama.cpp' -r -F -a "reference\t''
booleans\t''
dio-default\t''
enum-v1\t''
enum-v2\t''
enum-v3\t''
enum-v4\t''
enum-v4-lazy\t''
llama-cpp-python\t''
llama-cpp-python-server\t''
node-llama-cpp\t''
ollama\t''
koboldcpp-1.76\t''
koboldcpp\t''
llamafile\t''
textgen\t''
lmstudio\t''
llama-cpp-rs\t''
whisper.cpp\t''
stable-diffusion.cpp\t''
load-mode-numbers-v1\t''
load-mode-numbers\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -l inject -d 'A fault to inject into both, in every run, such as `open.direct:error=EINVAL`; may repeat' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -l level -d 'What has to be observed: P2 for the calls alone, P4 for the output too; without it, either bytes or outputs' -r -f -a "P2\t''
P4\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -l only -d 'Only this spelling, in the words of a shell; may repeat' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -l jobs -d 'Run so many cases side by side; what shares the page cache and the limits is then not observed' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -l retries -d 'How often a command is run again before what it writes and does is believed [default: 2]' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -l settle -d 'Milliseconds to wait before every run of a command' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -l timeout -d 'End a run of a command after this many seconds [default: 120]' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -l cwd -d 'Run a command in this folder; its model is then named by its whole path' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -l expect -d 'Known divergences of a command, each with its reason; one that is gone fails the run' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -l color -d 'Whether the report on standard output is coloured; `auto` colours a terminal, unless `NO_COLOR` is set' -r -F -a "auto\t'On a terminal that takes them'
always\t'In a file and a pipe too'
never\t'Never'"
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -l format -d '`terminal`, `json`, `html`, `markdown`, `junit` or `github`, each with `=FILE` to write there; may repeat' -r -f -a "terminal\t''
json\t''
html\t''
markdown\t''
junit\t''
github\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -l fail-fast -d 'Stop at the first broken rule'
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -l allow-unmet -d 'Pass over a fault of `--inject` that meets no call; without this it is not observed, exit code 3'
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -l no-memory -d 'Do not compare a command\'s memory with the model file: P3 is then not observed'
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -s v -l verbose -d 'Say more: every code path, every normalisation, every line of a difference'
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -s q -l quiet -d 'Say only what is not a pass, and the verdict; no progress'
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -l open -d 'Open the HTML report in a browser: that of `--format html=FILE`, or one in the temporary folder'
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -l force -d 'Let reports and traces replace a model or another file that the command line names, or go to a device'
complete -c loadparity -n "__fish_loadparity_using_subcommand compare" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c loadparity -n "__fish_loadparity_using_subcommand merge" -l expect -d 'Platforms that have to be among them, such as `linux,windows,macos/aarch64`; one that is missing is not run, which is no pass' -r -f -a "linux\t''
windows\t''
macos\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand merge" -l format -d '`terminal`, `json`, `html`, `markdown`, `junit` or `github`, each with `=FILE` to write there; may repeat' -r -f -a "terminal\t''
json\t''
html\t''
markdown\t''
junit\t''
github\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand merge" -l color -d 'Whether the report on standard output is coloured; `auto` colours a terminal, unless `NO_COLOR` is set' -r -F -a "auto\t'On a terminal that takes them'
always\t'In a file and a pipe too'
never\t'Never'"
complete -c loadparity -n "__fish_loadparity_using_subcommand merge" -s v -l verbose -d 'Say more: every code path, every normalisation, every line of a difference'
complete -c loadparity -n "__fish_loadparity_using_subcommand merge" -s q -l quiet -d 'Say only what is not a pass, and the verdict; no progress'
complete -c loadparity -n "__fish_loadparity_using_subcommand merge" -l open -d 'Open the HTML report in a browser: that of `--format html=FILE`, or one in the temporary folder'
complete -c loadparity -n "__fish_loadparity_using_subcommand merge" -l force -d 'Let reports and traces replace a model or another file that the command line names, or go to a device'
complete -c loadparity -n "__fish_loadparity_using_subcommand merge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and not __fish_seen_subcommand_from record verify" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and not __fish_seen_subcommand_from record verify" -f -a "record" -d 'Write the golden paths that do not exist yet: of the reference engine, or of the command behind `--` (Linux)'
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and not __fish_seen_subcommand_from record verify" -f -a "verify" -d 'Compare with the golden paths; a missing or stale one is a difference. Of a command, each spelling is told with what its change comes to, as `compare` does (Linux)'
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -l dir -d 'The folder of the golden paths of the reference engine' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -l profile -d 'Only this machine, such as `linux` or `sim-windows`; may repeat. Without it: this platform and every simulated one' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -l baseline -d 'The file of a command\'s golden paths [default: loadparity.baseline.json]' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -s m -l model -d 'The model that the command loads; may repeat, for files with weights that the first does not name' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -l layout -d 'Where the weights lie in the model\'s files: auto (as the content says; all bytes of a file of unknown format), gguf, safetensors, npy, zip (.npz, PyTorch), onnx, or opaque (all bytes)' -r -F -a "auto\t''
gguf\t''
safetensors\t''
npy\t''
zip\t''
onnx\t''
opaque\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -l dialect -d 'The dialect that the command\'s spellings are read in' -r -F -a "reference\t''
booleans\t''
dio-default\t''
enum-v1\t''
enum-v2\t''
enum-v3\t''
enum-v4\t''
enum-v4-lazy\t''
llama-cpp-python\t''
llama-cpp-python-server\t''
node-llama-cpp\t''
ollama\t''
koboldcpp-1.76\t''
koboldcpp\t''
llamafile\t''
textgen\t''
lmstudio\t''
llama-cpp-rs\t''
whisper.cpp\t''
stable-diffusion.cpp\t''
load-mode-numbers-v1\t''
load-mode-numbers\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -l level -d 'What has to be observed of the command: P2 the calls, P3 the bytes too, P4 the output too. Without it, P4' -r -f -a "P2\t''
P3\t''
P4\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -l only -d 'Only this spelling of the command, in the words of a shell; may repeat' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -l config -d 'Take what the line does not say from this file; without it, from `loadparity.toml` in the current folder, if there is one' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -l color -d 'Whether the report on standard output is coloured; `auto` colours a terminal, unless `NO_COLOR` is set' -r -F -a "auto\t'On a terminal that takes them'
always\t'In a file and a pipe too'
never\t'Never'"
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -l retries -d 'How often a command is run again before what it writes and does is believed [default: 2]' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -l settle -d 'Milliseconds to wait before every run of a command' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -l timeout -d 'End a run of a command after this many seconds [default: 120]' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -l cwd -d 'Run a command in this folder; its model is then named by its whole path' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -l expect -d 'Known divergences of a command, each with its reason; one that is gone fails the run' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -l format -d '`terminal`, `json`, `html`, `markdown`, `junit` or `github`, each with `=FILE` to write there; may repeat' -r -f -a "terminal\t''
json\t''
html\t''
markdown\t''
junit\t''
github\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -l bless -l update -d 'Also rewrite those that differ; look at the difference before you commit it'
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -l all -d 'Of a command, every spelling that `check` runs, and not one of each plan'
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -l no-config -d 'Read no file of options'
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -s v -l verbose -d 'Say more: every code path, every normalisation, every line of a difference'
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -s q -l quiet -d 'Say only what is not a pass, and the verdict; no progress'
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -l no-memory -d 'Do not compare a command\'s memory with the model file: P3 is then not observed'
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -l force -d 'Let reports and traces replace a model or another file that the command line names, or go to a device'
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from record" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -l dir -d 'The folder of the golden paths of the reference engine' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -l profile -d 'Only this machine, such as `linux` or `sim-windows`; may repeat. Without it: this platform and every simulated one' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -l baseline -d 'The file of a command\'s golden paths [default: loadparity.baseline.json]' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -s m -l model -d 'The model that the command loads; may repeat, for files with weights that the first does not name' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -l layout -d 'Where the weights lie in the model\'s files: auto (as the content says; all bytes of a file of unknown format), gguf, safetensors, npy, zip (.npz, PyTorch), onnx, or opaque (all bytes)' -r -F -a "auto\t''
gguf\t''
safetensors\t''
npy\t''
zip\t''
onnx\t''
opaque\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -l dialect -d 'The dialect that the command\'s spellings are read in' -r -F -a "reference\t''
booleans\t''
dio-default\t''
enum-v1\t''
enum-v2\t''
enum-v3\t''
enum-v4\t''
enum-v4-lazy\t''
llama-cpp-python\t''
llama-cpp-python-server\t''
node-llama-cpp\t''
ollama\t''
koboldcpp-1.76\t''
koboldcpp\t''
llamafile\t''
textgen\t''
lmstudio\t''
llama-cpp-rs\t''
whisper.cpp\t''
stable-diffusion.cpp\t''
load-mode-numbers-v1\t''
load-mode-numbers\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -l level -d 'What has to be observed of the command: P2 the calls, P3 the bytes too, P4 the output too. Without it, P4' -r -f -a "P2\t''
P3\t''
P4\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -l only -d 'Only this spelling of the command, in the words of a shell; may repeat' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -l config -d 'Take what the line does not say from this file; without it, from `loadparity.toml` in the current folder, if there is one' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -l color -d 'Whether the report on standard output is coloured; `auto` colours a terminal, unless `NO_COLOR` is set' -r -F -a "auto\t'On a terminal that takes them'
always\t'In a file and a pipe too'
never\t'Never'"
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -l retries -d 'How often a command is run again before what it writes and does is believed [default: 2]' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -l settle -d 'Milliseconds to wait before every run of a command' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -l timeout -d 'End a run of a command after this many seconds [default: 120]' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -l cwd -d 'Run a command in this folder; its model is then named by its whole path' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -l expect -d 'Known divergences of a command, each with its reason; one that is gone fails the run' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -l format -d '`terminal`, `json`, `html`, `markdown`, `junit` or `github`, each with `=FILE` to write there; may repeat' -r -f -a "terminal\t''
json\t''
html\t''
markdown\t''
junit\t''
github\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -l no-config -d 'Read no file of options'
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Say more: every code path, every normalisation, every line of a difference'
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Say only what is not a pass, and the verdict; no progress'
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -l no-memory -d 'Do not compare a command\'s memory with the model file: P3 is then not observed'
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -l force -d 'Let reports and traces replace a model or another file that the command line names, or go to a device'
complete -c loadparity -n "__fish_loadparity_using_subcommand baseline; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c loadparity -n "__fish_loadparity_using_subcommand bits" -s m -l model -d 'The models; without one, the small one inside the program' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand bits" -s p -l prompt -d 'The text to go on from' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand bits" -s n -l n-predict -d 'Tokens to generate' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand bits" -s s -l seed -d 'Seed of the sampler' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand bits" -s t -l threads -d 'Numbers of threads to generate with' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand bits" -l name -d 'How people call this machine, for a page about several' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand bits" -l json -d 'Also write every value to this file' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand bits" -l force -d 'Let reports and traces replace a model or another file that the command line names, or go to a device'
complete -c loadparity -n "__fish_loadparity_using_subcommand bits" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -s m -l model -d 'The model; without it, the small one inside the program' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l dialect -d 'The dialect that the load flags are read in' -r -F -a "reference\t''
booleans\t''
dio-default\t''
enum-v1\t''
enum-v2\t''
enum-v3\t''
enum-v4\t''
enum-v4-lazy\t''
llama-cpp-python\t''
llama-cpp-python-server\t''
node-llama-cpp\t''
ollama\t''
koboldcpp-1.76\t''
koboldcpp\t''
llamafile\t''
textgen\t''
lmstudio\t''
llama-cpp-rs\t''
whisper.cpp\t''
stable-diffusion.cpp\t''
load-mode-numbers-v1\t''
load-mode-numbers\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -s p -l prompt -d 'The text to go on from' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -s f -l file -d 'Read the prompt from a file' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -s n -l n-predict -l predict -d 'Tokens to generate; -1 goes on until the model ends the text or the context is full' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -s c -l ctx-size -d 'Tokens of context; 0 is what the model was trained with' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -s s -l seed -d 'Seed of the sampler' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l top-k -d 'Draw from the K likeliest tokens only; 0 is all' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l typical -l typical-p -d 'Draw from the tokens of about the expected surprise that together reach this probability' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l top-p -d 'Draw from the likeliest tokens that together reach this probability' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l min-p -d 'Drop tokens less likely than this share of the likeliest' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l repeat-penalty -d 'Make recent tokens less likely; 1 is off' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l frequency-penalty -d 'Make recent tokens less likely, the more often they occur' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l presence-penalty -d 'Make recent tokens less likely, however often they occur' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -s l -l logit-bias -d 'Make a token likelier or less likely: `15043+1`, `15043-1`, `15043-inf`; may repeat' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -s r -l reverse-prompt -l stop -d 'End the text before this string; may repeat' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l repeat-last-n -d 'How many recent tokens that is; 0 is none, -1 all' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -s t -l threads -d 'Threads for generating; they do not change the result' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l cpu -d 'Vector instructions to use; they do not change the result' -r -f -a "scalar\t''
avx2\t''
avx512\t''
neon\t''
neon-dotprod\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l trace -d 'Write every operation on the platform seam to this file' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l inject -d 'Inject a fault, such as `read.direct:error=EINVAL:when=2`; may repeat' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l temp -l temperature -o temp -d 'Temperature; 0 takes the likeliest token' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l threads-batch -o tb -d 'Threads for the prompt, if not as many' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -s b -l batch-size -l ubatch-size -o ub -d 'Tokens of the prompt that go through the layers together; they do not change the result' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l system-prompt -o sys -d 'The system\'s message of a conversation' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l load-mode -o lm -d 'Load the weights in this mode [env: LLAMA_ARG_LOAD_MODE]' -r -F -a "auto\t'mmap where the platform maps well, none elsewhere'
none\t'Buffered reads into memory of our own'
mmap\t'Map the file (the default)'
mlock\t'Map the file and lock it into memory'
mmap+mlock\t'Map the file and lock it into memory'
none+mlock\t'Read into memory and lock it'
dio\t'Reads past the page cache; buffered when refused'
dio+mlock\t'As dio, and lock the memory'"
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l lazy-mode -o lzm -d 'Leave tables of which single rows are used to this mode, whatever the load mode [env: LLAMA_ARG_LAZY_MODE]' -r -f -a "off\t'Every tensor as the load mode says (the default)'
auto\t'Large where the platform maps well, off elsewhere'
large\t'Map tables of embeddings of more than 4 GiB in every load mode, bring their rows in on demand and lock none'
all\t'The same of tables of any size'"
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l ignore-eos -d 'Go on after an end-of-generation token'
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l force -d 'Let reports and traces replace a model or another file that the command line names, or go to a device'
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l no-run -d 'Load the model and generate nothing: for weights of a type that the engine cannot compute with'
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l vocab-only -d 'Read the header alone, and show the prompt\'s tokens'
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l json -d 'Print one JSON document instead of the text'
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l conversation -o cnv -d 'Take the prompt for a message, and put it before the model by its chat template'
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l no-conversation -o no-cnv -l no-cnv -d 'Take the prompt for plain text, which is the default'
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l no-repack -o nr -d 'Taken for llama.cpp\'s sake: weights are used as they lie in the file, never packed anew'
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l mlock -d 'Lock the weights into memory; deprecated, the same as --load-mode mlock [env: LLAMA_ARG_MLOCK]'
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l mmap -d 'Map the file; deprecated, the same as --load-mode mmap [env: LLAMA_ARG_MMAP]'
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l no-mmap -d 'Read the file into memory; deprecated, the same as --load-mode none [env: LLAMA_ARG_NO_MMAP]'
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l direct-io -o dio -d 'Read past the page cache; deprecated, the same as --load-mode dio [env: LLAMA_ARG_DIO]'
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -l no-direct-io -o ndio -d 'Do not read past the page cache; deprecated, the same as --load-mode mmap [env: LLAMA_ARG_NO_DIO]'
complete -c loadparity -n "__fish_loadparity_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -s m -l model -d 'The model; without it, the small one inside the program. May repeat' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -l dialect -d 'The dialect that the load flags are read in, by llama-bench\'s rules' -r -F -a "reference\t''
booleans\t''
dio-default\t''
enum-v1\t''
enum-v2\t''
enum-v3\t''
enum-v4\t''
enum-v4-lazy\t''
llama-cpp-python\t''
llama-cpp-python-server\t''
node-llama-cpp\t''
ollama\t''
koboldcpp-1.76\t''
koboldcpp\t''
llamafile\t''
textgen\t''
lmstudio\t''
llama-cpp-rs\t''
whisper.cpp\t''
stable-diffusion.cpp\t''
load-mode-numbers-v1\t''
load-mode-numbers\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -s p -l n-prompt -d 'Tokens of the prompt tests; lists and ranges, `512`, `1,2`, `0-512+128`, `1-64*2`; 0 is no test. 512, and 128 of the model inside the program, if not said' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -s n -l n-gen -d 'Tokens of the generation tests' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -s d -l n-depth -d 'Tokens that stand in the context before a test begins' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -s b -l batch-size -d 'Tokens of a prompt that are handed over at once' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -s t -l threads -d 'Threads; as many as the machine has, if not said' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -s r -l repetitions -d 'How often each test runs' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -l load-repetitions -d 'How often each load runs cold and how often warm; 0 measures no load, and as often as the tests if not said' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -s o -l output -d 'What goes to standard output: csv, json, jsonl, md or sql' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -l delay -d 'Seconds of rest before each test' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -l cpu -d 'Vector instructions to use' -r -f -a "scalar\t''
avx2\t''
avx512\t''
neon\t''
neon-dotprod\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -l build-commit -d 'What the results call this build; the version of this program, if not said' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -l prompt-gen -o pg -d 'A prompt and a generation in one test' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -l ubatch-size -o ub -d 'Tokens that go through the layers together' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -l output-err -o oe -d 'What goes to standard error besides' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -l mmap -o mmp -d 'Map the file (1), or read the file into memory (0); lists multiply; deprecated, 1 is the same as -lm mmap and 0 as -lm none' -r -f -a "1\t''
true\t''
on\t''
enabled\t''
0\t''
false\t''
off\t''
disabled\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -l direct-io -o dio -d 'Read past the page cache (1), or do not read past the page cache (0); lists multiply; deprecated, 1 is the same as -lm dio and 0 as -lm mmap' -r -f -a "1\t''
true\t''
on\t''
enabled\t''
0\t''
false\t''
off\t''
disabled\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -l load-mode -o lm -d 'Load the weights in this mode; they queue' -r -F -a "auto\t'mmap where the platform maps well, none elsewhere'
none\t'Buffered reads into memory of our own'
mmap\t'Map the file (the default)'
mlock\t'Map the file and lock it into memory'
mmap+mlock\t'Map the file and lock it into memory'
none+mlock\t'Read into memory and lock it'
dio\t'Reads past the page cache; buffered when refused'
dio+mlock\t'As dio, and lock the memory'"
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -l no-warmup -d 'Run no test unmeasured first'
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -l progress -d 'Tell on standard error what is measured'
complete -c loadparity -n "__fish_loadparity_using_subcommand bench" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c loadparity -n "__fish_loadparity_using_subcommand compare-bench" -s o -l output -d 'How to print it' -r -f -a "md\t'A table in Markdown'
json\t'One JSON object on one line'"
complete -c loadparity -n "__fish_loadparity_using_subcommand compare-bench" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c loadparity -n "__fish_loadparity_using_subcommand explain" -l dialect -d 'The rules to read the flags by' -r -F -a "reference\t''
booleans\t''
dio-default\t''
enum-v1\t''
enum-v2\t''
enum-v3\t''
enum-v4\t''
enum-v4-lazy\t''
llama-cpp-python\t''
llama-cpp-python-server\t''
node-llama-cpp\t''
ollama\t''
koboldcpp-1.76\t''
koboldcpp\t''
llamafile\t''
textgen\t''
lmstudio\t''
llama-cpp-rs\t''
whisper.cpp\t''
stable-diffusion.cpp\t''
load-mode-numbers-v1\t''
load-mode-numbers\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand explain" -l to -d 'Also give the line to use after an upgrade to this dialect; exit code 1 when there is none' -r -F -a "reference\t''
booleans\t''
dio-default\t''
enum-v1\t''
enum-v2\t''
enum-v3\t''
enum-v4\t''
enum-v4-lazy\t''
llama-cpp-python\t''
llama-cpp-python-server\t''
node-llama-cpp\t''
ollama\t''
koboldcpp-1.76\t''
koboldcpp\t''
llamafile\t''
textgen\t''
lmstudio\t''
llama-cpp-rs\t''
whisper.cpp\t''
stable-diffusion.cpp\t''
load-mode-numbers-v1\t''
load-mode-numbers\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand explain" -l tool -d 'Whose grammar to read the flags by' -r -f -a "common\t'The common parser: cli, completion, server and the like'
bench\t'llama-bench, where flags take lists and a line asks for several loads'"
complete -c loadparity -n "__fish_loadparity_using_subcommand explain" -l env -d 'A variable of the environment to explain; may repeat. The real environment is not read' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand explain" -l format -d 'How to print it' -r -f -a "terminal\t'Lines for a person'
json\t'One JSON object on one line'"
complete -c loadparity -n "__fish_loadparity_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c loadparity -n "__fish_loadparity_using_subcommand explain-rule" -l format -d 'How to print it' -r -f -a "terminal\t'Lines for a person'
json\t'One JSON object on one line'"
complete -c loadparity -n "__fish_loadparity_using_subcommand explain-rule" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c loadparity -n "__fish_loadparity_using_subcommand dialects; and not __fish_seen_subcommand_from list show check diff" -l base -d 'The dialect that the others are compared with' -r -F -a "reference\t''
booleans\t''
dio-default\t''
enum-v1\t''
enum-v2\t''
enum-v3\t''
enum-v4\t''
enum-v4-lazy\t''
llama-cpp-python\t''
llama-cpp-python-server\t''
node-llama-cpp\t''
ollama\t''
koboldcpp-1.76\t''
koboldcpp\t''
llamafile\t''
textgen\t''
lmstudio\t''
llama-cpp-rs\t''
whisper.cpp\t''
stable-diffusion.cpp\t''
load-mode-numbers-v1\t''
load-mode-numbers\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand dialects; and not __fish_seen_subcommand_from list show check diff" -l format -d '`terminal`, `markdown` or `json`, each with `=FILE` to write there; may repeat' -r -f -a "terminal\t''
json\t''
html\t''
markdown\t''
junit\t''
github\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand dialects; and not __fish_seen_subcommand_from list show check diff" -l only-differences -d 'Leave out the spellings that mean the same everywhere'
complete -c loadparity -n "__fish_loadparity_using_subcommand dialects; and not __fish_seen_subcommand_from list show check diff" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand dialects; and not __fish_seen_subcommand_from list show check diff" -f -a "list" -d 'List the shipped dialects'
complete -c loadparity -n "__fish_loadparity_using_subcommand dialects; and not __fish_seen_subcommand_from list show check diff" -f -a "show" -d 'Print the file of a dialect, to read or to start from'
complete -c loadparity -n "__fish_loadparity_using_subcommand dialects; and not __fish_seen_subcommand_from list show check diff" -f -a "check" -d 'Check a dialect file; with a command, check that the command does what the file says, as `check --dialect FILE` does'
complete -c loadparity -n "__fish_loadparity_using_subcommand dialects; and not __fish_seen_subcommand_from list show check diff" -f -a "diff" -d 'Show what a dialect can ask for and how another says it'
complete -c loadparity -n "__fish_loadparity_using_subcommand dialects; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand dialects; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand dialects; and __fish_seen_subcommand_from check" -s m -l model -d 'The model that the command loads' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand dialects; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand dialects; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand migrate" -l from -d 'The rules the files are written for' -r -F -a "reference\t''
booleans\t''
dio-default\t''
enum-v1\t''
enum-v2\t''
enum-v3\t''
enum-v4\t''
enum-v4-lazy\t''
llama-cpp-python\t''
llama-cpp-python-server\t''
node-llama-cpp\t''
ollama\t''
koboldcpp-1.76\t''
koboldcpp\t''
llamafile\t''
textgen\t''
lmstudio\t''
llama-cpp-rs\t''
whisper.cpp\t''
stable-diffusion.cpp\t''
load-mode-numbers-v1\t''
load-mode-numbers\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand migrate" -l to -d 'The rules they are to be written for' -r -F -a "reference\t''
booleans\t''
dio-default\t''
enum-v1\t''
enum-v2\t''
enum-v3\t''
enum-v4\t''
enum-v4-lazy\t''
llama-cpp-python\t''
llama-cpp-python-server\t''
node-llama-cpp\t''
ollama\t''
koboldcpp-1.76\t''
koboldcpp\t''
llamafile\t''
textgen\t''
lmstudio\t''
llama-cpp-rs\t''
whisper.cpp\t''
stable-diffusion.cpp\t''
load-mode-numbers-v1\t''
load-mode-numbers\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand migrate" -l kind -d 'What the files are, instead of what their names and contents say' -r -f -a "shell\t''
systemd\t''
dockerfile\t''
compose\t''
preset\t''
kubernetes\t''
llama-swap\t''
workflow\t''
yaml\t''
json\t''
plist\t''
makefile\t''
justfile\t''
procfile\t''
supervisord\t''
env\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand migrate" -l write -d 'Change the files, and print nothing of them'
complete -c loadparity -n "__fish_loadparity_using_subcommand migrate" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand diff" -l format -d 'How to print the comparison' -r -f -a "terminal\t'For people'
json\t'One JSON object'"
complete -c loadparity -n "__fish_loadparity_using_subcommand diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c loadparity -n "__fish_loadparity_using_subcommand import" -l from -d 'What the text is; found out where it is not said' -r -f -a "pr20834\t''
strace\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand import" -s m -l model -d 'A file that is a model whatever its name says, as strace\'s text names it; may repeat' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand import" -s o -l output -d 'Where the trace goes' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand import" -l format -d 'How to print what became of the lines' -r -f -a "terminal\t'Lines for a person'
json\t'One JSON object on one line'"
complete -c loadparity -n "__fish_loadparity_using_subcommand import" -l force -d 'Let reports and traces replace a model or another file that the command line names, or go to a device'
complete -c loadparity -n "__fish_loadparity_using_subcommand import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c loadparity -n "__fish_loadparity_using_subcommand judge" -l dialect -d 'The rules that the recorded loader reads its flags by' -r -F -a "reference\t''
booleans\t''
dio-default\t''
enum-v1\t''
enum-v2\t''
enum-v3\t''
enum-v4\t''
enum-v4-lazy\t''
llama-cpp-python\t''
llama-cpp-python-server\t''
node-llama-cpp\t''
ollama\t''
koboldcpp-1.76\t''
koboldcpp\t''
llamafile\t''
textgen\t''
lmstudio\t''
llama-cpp-rs\t''
whisper.cpp\t''
stable-diffusion.cpp\t''
load-mode-numbers-v1\t''
load-mode-numbers\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand judge" -l strace -d 'A recording by strace' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand judge" -l trace -d 'A trace file' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand judge" -l log -d 'What the loader printed' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand judge" -s m -l model -d 'The model it loaded; then the rules are about its tensors. May repeat, for files with weights that the first does not name' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand judge" -l layout -d 'Where the weights lie in the model\'s files: auto (as the content says; all bytes of a file of unknown format), gguf, safetensors, npy, zip (.npz, PyTorch), onnx, or opaque (all bytes)' -r -F -a "auto\t''
gguf\t''
safetensors\t''
npy\t''
zip\t''
onnx\t''
opaque\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand judge" -l env -d 'A variable of the loader\'s environment; may repeat' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand judge" -l tool -d 'Whose flags they are; `auto` takes switches with a value (`-mmp 0`, `-dio 1`) and lists of load modes for llama-bench\'s' -r -F -a "auto\t'As the flags look'
common\t'The parser that most of llama.cpp\'s programs share'
bench\t'llama-bench'"
complete -c loadparity -n "__fish_loadparity_using_subcommand judge" -l format -d '`terminal`, `json`, `html`, `markdown`, `junit` or `github`, each with `=FILE` to write there; may repeat' -r -f -a "terminal\t''
json\t''
html\t''
markdown\t''
junit\t''
github\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand judge" -l color -d 'Whether the report on standard output is coloured; `auto` colours a terminal, unless `NO_COLOR` is set' -r -F -a "auto\t'On a terminal that takes them'
always\t'In a file and a pipe too'
never\t'Never'"
complete -c loadparity -n "__fish_loadparity_using_subcommand judge" -s v -l verbose -d 'Say more: every code path, every normalisation, every line of a difference'
complete -c loadparity -n "__fish_loadparity_using_subcommand judge" -s q -l quiet -d 'Say only what is not a pass, and the verdict; no progress'
complete -c loadparity -n "__fish_loadparity_using_subcommand judge" -l open -d 'Open the HTML report in a browser: that of `--format html=FILE`, or one in the temporary folder'
complete -c loadparity -n "__fish_loadparity_using_subcommand judge" -l force -d 'Let reports and traces replace a model or another file that the command line names, or go to a device'
complete -c loadparity -n "__fish_loadparity_using_subcommand judge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c loadparity -n "__fish_loadparity_using_subcommand trace" -s o -l output -d 'Write the trace to this file instead of a summary to standard error' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand trace" -l inject -d 'Inject a fault into the command\'s system calls, such as `read:short=512:when=3`; may repeat' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand trace" -s m -l model -d 'Count this file as a model, whatever it holds, and the files that it names; may repeat. GGUF files always are' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand trace" -l layout -d 'Where the weights lie in the model\'s files: auto (as the content says; all bytes of a file of unknown format), gguf, safetensors, npy, zip (.npz, PyTorch), onnx, or opaque (all bytes)' -r -F -a "auto\t''
gguf\t''
safetensors\t''
npy\t''
zip\t''
onnx\t''
opaque\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand trace" -l timeout -d 'End the command and all that came of it after this many seconds' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand trace" -l format -d 'How to print what a recording holds: `json` with --summary or --view' -r -f -a "terminal\t'Lines for a person'
json\t'One JSON object on one line'"
complete -c loadparity -n "__fish_loadparity_using_subcommand trace" -l force -d 'Let reports and traces replace a model or another file that the command line names, or go to a device'
complete -c loadparity -n "__fish_loadparity_using_subcommand trace" -l every-syscall -d 'Stop on every system call instead of installing a filter; slow'
complete -c loadparity -n "__fish_loadparity_using_subcommand trace" -l summary -d 'Show how often each call was made, with its bytes, time and errors'
complete -c loadparity -n "__fish_loadparity_using_subcommand trace" -l view -d 'Show the load in time: phases, the offsets of each file upward, a line a thread'
complete -c loadparity -n "__fish_loadparity_using_subcommand trace" -l ascii -d 'Draw in ASCII alone'
complete -c loadparity -n "__fish_loadparity_using_subcommand trace" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c loadparity -n "__fish_loadparity_using_subcommand export" -l to -d 'What to make of it' -r -f -a "chrome\t'Trace events in JSON, as Chrome\'s tracing page opens them'
perfetto\t'The same, which Perfetto\'s page and trace processor open too'
csv\t'A table, a line a call'
svg\t'The load in time as a picture'"
complete -c loadparity -n "__fish_loadparity_using_subcommand export" -s o -l output -d 'Write it to this file instead of standard output' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand export" -l force -d 'Let reports and traces replace a model or another file that the command line names, or go to a device'
complete -c loadparity -n "__fish_loadparity_using_subcommand export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c loadparity -n "__fish_loadparity_using_subcommand doctor" -l format -d 'How to print it' -r -f -a "terminal\t'Lines for a person'
json\t'One JSON object on one line'"
complete -c loadparity -n "__fish_loadparity_using_subcommand doctor" -l no-measure -d 'Measure nothing: the file\'s pages stay in the page cache, and nothing large is read or locked'
complete -c loadparity -n "__fish_loadparity_using_subcommand doctor" -l json -d 'The same as `--format json`'
complete -c loadparity -n "__fish_loadparity_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c loadparity -n "__fish_loadparity_using_subcommand tokenize" -s m -l model -d 'Model whose vocabulary to use' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand tokenize" -s p -l prompt -d 'Text to tokenize' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand tokenize" -s f -l file -d 'File whose bytes to tokenize' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand tokenize" -l no-add-special -d 'Leave out the tokens that the model wants at the beginning and the end'
complete -c loadparity -n "__fish_loadparity_using_subcommand tokenize" -l no-parse-special -d 'Take the text of control tokens for ordinary text'
complete -c loadparity -n "__fish_loadparity_using_subcommand tokenize" -l json -d 'Print a JSON object with the `ids` instead of a line for each token'
complete -c loadparity -n "__fish_loadparity_using_subcommand tokenize" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and not __fish_seen_subcommand_from show make split merge" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and not __fish_seen_subcommand_from show make split merge" -f -a "show" -d 'Print a model\'s metadata, tensors and totals'
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and not __fish_seen_subcommand_from show make split merge" -f -a "make" -d 'Make a model of any size, with seeded weights'
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and not __fish_seen_subcommand_from show make split merge" -f -a "split" -d 'Cut a model into shards'
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and not __fish_seen_subcommand_from show make split merge" -f -a "merge" -d 'Put the shards of a model together'
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from show" -l format -d 'Text abbreviates; JSON has everything' -r -f -a "text\t''
json\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from make" -l arch -d 'Architecture: llama, granite, qwen2 or qwen3' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from make" -l layers -d 'Transformer blocks' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from make" -l embd -d 'Width of the residual stream' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from make" -l heads -d 'Attention heads' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from make" -l kv-heads -d 'Key and value heads' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from make" -l ffn -d 'Width of the feed-forward network' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from make" -l vocab -d 'Tokens of the vocabulary, at least 258' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from make" -l ctx -d 'Context length' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from make" -l type -d 'Type of the matrices: f32, f16, bf16, q4_0, q4_1, q5_0, q5_1, q8_0, q2_K, q3_K, q4_K, q5_K, q6_K, iq4_nl, iq4_xs or q4_k_m' -r -f -a "f32\t''
f16\t''
bf16\t''
q8_0\t''
q4_0\t''
q4_1\t''
q5_0\t''
q5_1\t''
q2_K\t''
q3_K\t''
q4_K\t''
q5_K\t''
q6_K\t''
iq4_nl\t''
iq4_xs\t''
q4_k_m\t''"
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from make" -l seed -d 'Seed of the weights' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from make" -s o -l output -d 'The file to make' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from make" -l tied -d 'Use the token embedding as the output matrix too'
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from make" -l sparse -d 'Leave the matrices as holes but for a short prefix: gigabytes that take no space'
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from make" -l force -d 'Replace the file if it exists'
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from make" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from split" -l max-tensors -d 'The most tensors of a shard' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from split" -l max-size -d 'The most bytes of tensors of a shard: a number with M or G' -r
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from split" -l force -d 'Replace files that exist'
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from split" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from merge" -l force -d 'Replace the file if it exists'
complete -c loadparity -n "__fish_loadparity_using_subcommand gguf; and __fish_seen_subcommand_from merge" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand schema" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and not __fish_seen_subcommand_from cli platform regressions rules readme json determinism man completions verify write" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and not __fish_seen_subcommand_from cli platform regressions rules readme json determinism man completions verify write" -f -a "cli" -d 'Print `docs/cli.md`: every command, option, load flag and exit code'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and not __fish_seen_subcommand_from cli platform regressions rules readme json determinism man completions verify write" -f -a "platform" -d 'Print `PLATFORM.md`: every interaction with the environment'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and not __fish_seen_subcommand_from cli platform regressions rules readme json determinism man completions verify write" -f -a "regressions" -d 'Print `docs/regressions.md`: regressions that really happened, run again'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and not __fish_seen_subcommand_from cli platform regressions rules readme json determinism man completions verify write" -f -a "rules" -d 'Print `docs/rules.md`: every rule, with a trace that keeps it and one that breaks it'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and not __fish_seen_subcommand_from cli platform regressions rules readme json determinism man completions verify write" -f -a "readme" -d 'Print `README.md` with its generated sections renewed'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and not __fish_seen_subcommand_from cli platform regressions rules readme json determinism man completions verify write" -f -a "json" -d 'Print `docs/json.md` with its generated sections renewed'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and not __fish_seen_subcommand_from cli platform regressions rules readme json determinism man completions verify write" -f -a "determinism" -d 'Print `docs/determinism.md`; exit code 1 if a model has more than one value'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and not __fish_seen_subcommand_from cli platform regressions rules readme json determinism man completions verify write" -f -a "man" -d 'Write a man page for each command'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and not __fish_seen_subcommand_from cli platform regressions rules readme json determinism man completions verify write" -f -a "completions" -d 'Print a completion script'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and not __fish_seen_subcommand_from cli platform regressions rules readme json determinism man completions verify write" -f -a "verify" -d 'Compare all that is generated and kept in a checkout with what the program makes; exit code 1 if it differs'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and not __fish_seen_subcommand_from cli platform regressions rules readme json determinism man completions verify write" -f -a "write" -d 'Renew all that is generated and kept in a checkout'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and __fish_seen_subcommand_from cli" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and __fish_seen_subcommand_from platform" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and __fish_seen_subcommand_from regressions" -l root -d 'The folder of the checkout' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and __fish_seen_subcommand_from regressions" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and __fish_seen_subcommand_from rules" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and __fish_seen_subcommand_from readme" -l root -d 'The folder of the checkout' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and __fish_seen_subcommand_from readme" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and __fish_seen_subcommand_from json" -l root -d 'The folder of the checkout' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and __fish_seen_subcommand_from json" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and __fish_seen_subcommand_from determinism" -l bits -d 'What `loadparity bits --json` wrote on each machine' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and __fish_seen_subcommand_from determinism" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and __fish_seen_subcommand_from man" -l out -d 'The folder to write them to; it is made if it is not there' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and __fish_seen_subcommand_from man" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and __fish_seen_subcommand_from completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and __fish_seen_subcommand_from verify" -l root -d 'The folder of the checkout' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and __fish_seen_subcommand_from write" -l root -d 'The folder of the checkout' -r -F
complete -c loadparity -n "__fish_loadparity_using_subcommand docs; and __fish_seen_subcommand_from write" -s h -l help -d 'Print help'
