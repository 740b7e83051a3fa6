# Sourced after common.sh: what is done alike on this machine and on the foreign ones.
results=$cross_root/target/results
mkdir -p "$results"

step() { printf '\n== %s\n' "$*"; }

# host_program : loadparity for this machine, built by its own compiler, so before any other target is
# set up. CROSS_HOST names one that is built already.
host_program() {
    host=${CROSS_HOST:-}
    [ -z "$host" ] || return 0
    (cd "$cross_root" && cargo build --release --locked)
    host=${CARGO_TARGET_DIR:-$cross_root/target}/release/loadparity
}
here() { "$host" "$@"; }

# checked NAME RUN : the main job by RUN, one result a model: $results/NAME-MODEL.json. The whole matrix
# for the embedded model; one spelling of each plan for the others, and one token in each case: an
# emulator takes minutes for what takes seconds here. CROSS_QUICK=1 is quick with the embedded one too.
checked() {
    local name=$1 run=$2 model code=0
    rm -f "$results/$name"-*.json
    one_checked embedded ${CROSS_QUICK:+--quick} || code=$?
    for model in fixtures/models/*.gguf; do
        one_checked "$(basename "$model" .gguf)" --quick -m "$model" || code=$?
    done
    echo "$name: $(ls "$results/$name"-*.json | wc -l) models checked"
    return $code
}

# one_checked MODEL [ARG...] : one of them. An emulator that does not start its program, once, is no verdict of
# the program: what left no result is run a second time, and both are said.
one_checked() {
    local result=$results/$name-$1.json code=0 attempt
    for attempt in 1 2; do
        code=0
        "$run" check "${@:2}" -n 1 --format "json=$result" || code=$?
        [ "$code" -eq 0 ] || echo "$name: check of $1 ended with $code" "$([ -e "$result" ] || echo "and left no result")"
        [ ! -e "$result" ] || break
    done
    return $code
}

# same_bits NAME RUN TITLE : every load mode, vector level and number of threads: $results/bits-NAME.json
same_bits() {
    "$2" bits -m fixtures/models/*.gguf --name "$3" --json "$results/bits-$1.json"
}

# foreign VERB [ARG...] : what the script of a foreign machine is asked for. Wants `name`, `title`,
# `target`, `tests` (arguments for cargo-nextest) and, as functions, `set_up` and `there`: loadparity on
# that machine, whose program is $guest.
foreign() {
    local what=${1:-all}
    [ $# -eq 0 ] || shift
    cd "$cross_root"
    if [ "$what" = all ] || [ "$what" = check ]; then
        host_program
        step "check on this machine, to compare with"
        checked host here
    fi
    set_up
    if [ "$what" != test ]; then
        # With a test, so that the dependencies are those of the tests and nothing is built twice.
        "$CROSS_CARGO" build --locked --target "$target" --bin loadparity --test house
        guest=$CARGO_TARGET_DIR/$target/debug/loadparity
        [ -e "$guest" ] || guest=$guest.exe
    fi
    case $what in all | check | results)
        step "check, $title"
        checked "$name" there
    esac
    case $what in all | check)
        step "both machines"
        here merge "$results"/host-*.json "$results/$name"-*.json --expect "$expect"
    esac
    case $what in all | check | bits)
        step "every load mode, vector level and number of threads, $title"
        same_bits "$name" there "$title"
    esac
    if [ "$what" = baseline ]; then
        there baseline "$@"
        return
    fi
    case $what in all | test)
        step "tests, $title"
        command -v cargo-nextest > /dev/null || not_run "the tests need cargo-nextest: cargo install cargo-nextest --locked"
        cargo-nextest nextest run --locked --no-fail-fast --target "$target" --profile emulated "${tests[@]}" "$@"
    esac
}
