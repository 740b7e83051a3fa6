# Sourced: the results of this machine beside those of a foreign one, for every model there is.
# Wants $results (a folder) and, as functions, `here` and `there`: loadparity on either machine.

# checked NAME RUN : the main job for every model by RUN, one result each: $results/NAME-MODEL.json. One
# token is generated in each case: an emulator takes minutes for what takes seconds here.
checked() {
    local name=$1 run=$2 model
    rm -f "$results/$name"-*.json
    "$run" check -n 1 --format "json=$results/$name-embedded.json"
    for model in fixtures/models/*.gguf; do
        "$run" check -m "$model" -n 1 --format "json=$results/$name-$(basename "$model" .gguf).json"
    done
}

# same_levels LEVEL... : the logits of every model at each CPU level of the foreign machine, against
# this machine's own. `check` compares the level that is found by itself.
same_levels() {
    local model level own foreign failed=0
    for model in fixtures/models/*.gguf; do
        own=$(logits here "$model")
        [ -n "$own" ] || { echo "$model: no logits here" >&2; return 1; }
        for level in "$@"; do
            foreign=$(logits there "$model" --cpu "$level")
            [ "$own" = "$foreign" ] || { echo "$model, $level: logits $foreign, here $own" >&2; failed=1; }
        done
        echo "$(basename "$model"): $own at $*"
    done
    return $failed
}

logits() {
    local run=$1 model=$2
    shift 2
    "$run" run -m "$model" -p "In the beginning" -n 8 --json "$@" 2> /dev/null |
        grep -o '"logits": *"[0-9a-f]*"' | grep -o '[0-9a-f]\{64\}'
}
