_loadparity() {
    local i cur prev opts cmd
    COMPREPLY=()
    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
        cur="$2"
    else
        cur="${COMP_WORDS[COMP_CWORD]}"
    fi
    prev="$3"
    cmd=""
    opts=""

    for i in "${COMP_WORDS[@]:0:COMP_CWORD}"
    do
        case "${cmd},${i}" in
            ",$1")
                cmd="loadparity"
                ;;
            loadparity,baseline)
                cmd="loadparity__subcmd__baseline"
                ;;
            loadparity,bench)
                cmd="loadparity__subcmd__bench"
                ;;
            loadparity,bits)
                cmd="loadparity__subcmd__bits"
                ;;
            loadparity,check)
                cmd="loadparity__subcmd__check"
                ;;
            loadparity,compare)
                cmd="loadparity__subcmd__compare"
                ;;
            loadparity,compare-bench)
                cmd="loadparity__subcmd__compare__subcmd__bench"
                ;;
            loadparity,dialects)
                cmd="loadparity__subcmd__dialects"
                ;;
            loadparity,diff)
                cmd="loadparity__subcmd__diff"
                ;;
            loadparity,docs)
                cmd="loadparity__subcmd__docs"
                ;;
            loadparity,doctor)
                cmd="loadparity__subcmd__doctor"
                ;;
            loadparity,explain)
                cmd="loadparity__subcmd__explain"
                ;;
            loadparity,explain-rule)
                cmd="loadparity__subcmd__explain__subcmd__rule"
                ;;
            loadparity,export)
                cmd="loadparity__subcmd__export"
                ;;
            loadparity,gguf)
                cmd="loadparity__subcmd__gguf"
                ;;
            loadparity,import)
                cmd="loadparity__subcmd__import"
                ;;
            loadparity,init)
                cmd="loadparity__subcmd__init"
                ;;
            loadparity,judge)
                cmd="loadparity__subcmd__judge"
                ;;
            loadparity,merge)
                cmd="loadparity__subcmd__merge"
                ;;
            loadparity,migrate)
                cmd="loadparity__subcmd__migrate"
                ;;
            loadparity,run)
                cmd="loadparity__subcmd__run"
                ;;
            loadparity,schema)
                cmd="loadparity__subcmd__schema"
                ;;
            loadparity,tokenize)
                cmd="loadparity__subcmd__tokenize"
                ;;
            loadparity,trace)
                cmd="loadparity__subcmd__trace"
                ;;
            loadparity__subcmd__baseline,record)
                cmd="loadparity__subcmd__baseline__subcmd__record"
                ;;
            loadparity__subcmd__baseline,verify)
                cmd="loadparity__subcmd__baseline__subcmd__verify"
                ;;
            loadparity__subcmd__dialects,check)
                cmd="loadparity__subcmd__dialects__subcmd__check"
                ;;
            loadparity__subcmd__dialects,diff)
                cmd="loadparity__subcmd__dialects__subcmd__diff"
                ;;
            loadparity__subcmd__dialects,list)
                cmd="loadparity__subcmd__dialects__subcmd__list"
                ;;
            loadparity__subcmd__dialects,show)
                cmd="loadparity__subcmd__dialects__subcmd__show"
                ;;
            loadparity__subcmd__docs,cli)
                cmd="loadparity__subcmd__docs__subcmd__cli"
                ;;
            loadparity__subcmd__docs,completions)
                cmd="loadparity__subcmd__docs__subcmd__completions"
                ;;
            loadparity__subcmd__docs,determinism)
                cmd="loadparity__subcmd__docs__subcmd__determinism"
                ;;
            loadparity__subcmd__docs,json)
                cmd="loadparity__subcmd__docs__subcmd__json"
                ;;
            loadparity__subcmd__docs,man)
                cmd="loadparity__subcmd__docs__subcmd__man"
                ;;
            loadparity__subcmd__docs,platform)
                cmd="loadparity__subcmd__docs__subcmd__platform"
                ;;
            loadparity__subcmd__docs,readme)
                cmd="loadparity__subcmd__docs__subcmd__readme"
                ;;
            loadparity__subcmd__docs,regressions)
                cmd="loadparity__subcmd__docs__subcmd__regressions"
                ;;
            loadparity__subcmd__docs,rules)
                cmd="loadparity__subcmd__docs__subcmd__rules"
                ;;
            loadparity__subcmd__docs,verify)
                cmd="loadparity__subcmd__docs__subcmd__verify"
                ;;
            loadparity__subcmd__docs,write)
                cmd="loadparity__subcmd__docs__subcmd__write"
                ;;
            loadparity__subcmd__gguf,make)
                cmd="loadparity__subcmd__gguf__subcmd__make"
                ;;
            loadparity__subcmd__gguf,merge)
                cmd="loadparity__subcmd__gguf__subcmd__merge"
                ;;
            loadparity__subcmd__gguf,show)
                cmd="loadparity__subcmd__gguf__subcmd__show"
                ;;
            loadparity__subcmd__gguf,split)
                cmd="loadparity__subcmd__gguf__subcmd__split"
                ;;
            *)
                ;;
        esac
    done

    case "${cmd}" in
        loadparity)
            opts="-h -V --help --version check init compare merge baseline bits run bench compare-bench explain explain-rule dialects migrate diff import judge trace export doctor tokenize gguf schema docs"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 1 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__baseline)
            opts="-h --help record verify"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__baseline__subcmd__record)
            opts="-m -v -q -h --dir --profile --update --bless --all --baseline --model --layout --dialect --level --only --config --no-config --verbose --quiet --color --retries --settle --timeout --no-memory --cwd --expect --format --force --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --dir)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --profile)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --baseline)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --model)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -m)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --layout)
                    COMPREPLY=($(compgen -W "auto gguf safetensors npy zip onnx opaque" -- "${cur}"))
                    return 0
                    ;;
                --dialect)
                    COMPREPLY=($(compgen -W "reference booleans dio-default enum-v1 enum-v2 enum-v3 enum-v4 enum-v4-lazy llama-cpp-python llama-cpp-python-server node-llama-cpp ollama koboldcpp-1.76 koboldcpp llamafile textgen lmstudio llama-cpp-rs whisper.cpp stable-diffusion.cpp load-mode-numbers-v1 load-mode-numbers" -- "${cur}"))
                    return 0
                    ;;
                --level)
                    COMPREPLY=($(compgen -W "P2 P3 P4" -- "${cur}"))
                    return 0
                    ;;
                --only)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --color)
                    COMPREPLY=($(compgen -W "auto always never" -- "${cur}"))
                    return 0
                    ;;
                --retries)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --settle)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --timeout)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cwd)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --expect)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "terminal json html markdown junit github" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__baseline__subcmd__verify)
            opts="-m -v -q -h --dir --profile --baseline --model --layout --dialect --level --only --config --no-config --verbose --quiet --color --retries --settle --timeout --no-memory --cwd --expect --format --force --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --dir)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --profile)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --baseline)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --model)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -m)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --layout)
                    COMPREPLY=($(compgen -W "auto gguf safetensors npy zip onnx opaque" -- "${cur}"))
                    return 0
                    ;;
                --dialect)
                    COMPREPLY=($(compgen -W "reference booleans dio-default enum-v1 enum-v2 enum-v3 enum-v4 enum-v4-lazy llama-cpp-python llama-cpp-python-server node-llama-cpp ollama koboldcpp-1.76 koboldcpp llamafile textgen lmstudio llama-cpp-rs whisper.cpp stable-diffusion.cpp load-mode-numbers-v1 load-mode-numbers" -- "${cur}"))
                    return 0
                    ;;
                --level)
                    COMPREPLY=($(compgen -W "P2 P3 P4" -- "${cur}"))
                    return 0
                    ;;
                --only)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --color)
                    COMPREPLY=($(compgen -W "auto always never" -- "${cur}"))
                    return 0
                    ;;
                --retries)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --settle)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --timeout)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cwd)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --expect)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "terminal json html markdown junit github" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__bench)
            opts="-m -p -n -d -b -t -r -o -h --model --dialect --n-prompt --n-gen --n-depth --batch-size --threads --repetitions --load-repetitions --output --no-warmup --delay --progress --cpu --build-commit -pg --prompt-gen -ub --ubatch-size -oe --output-err -mmp --mmap -dio --direct-io -lm --load-mode --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --model)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -m)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --dialect)
                    COMPREPLY=($(compgen -W "reference booleans dio-default enum-v1 enum-v2 enum-v3 enum-v4 enum-v4-lazy llama-cpp-python llama-cpp-python-server node-llama-cpp ollama koboldcpp-1.76 koboldcpp llamafile textgen lmstudio llama-cpp-rs whisper.cpp stable-diffusion.cpp load-mode-numbers-v1 load-mode-numbers" -- "${cur}"))
                    return 0
                    ;;
                --n-prompt)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -p)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --n-gen)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -n)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --n-depth)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -d)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --batch-size)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -b)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --threads)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -t)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --repetitions)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -r)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --load-repetitions)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --output)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -o)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --delay)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cpu)
                    COMPREPLY=($(compgen -W "scalar avx2 avx512 neon neon-dotprod" -- "${cur}"))
                    return 0
                    ;;
                --build-commit)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --prompt-gen)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -pg)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --ubatch-size)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -ub)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --output-err)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -oe)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --mmap)
                    COMPREPLY=($(compgen -W "1 true on enabled 0 false off disabled" -- "${cur}"))
                    return 0
                    ;;
                -mmp)
                    COMPREPLY=($(compgen -W "1 true on enabled 0 false off disabled" -- "${cur}"))
                    return 0
                    ;;
                --direct-io)
                    COMPREPLY=($(compgen -W "1 true on enabled 0 false off disabled" -- "${cur}"))
                    return 0
                    ;;
                -dio)
                    COMPREPLY=($(compgen -W "1 true on enabled 0 false off disabled" -- "${cur}"))
                    return 0
                    ;;
                --load-mode)
                    COMPREPLY=($(compgen -W "auto none mmap mlock mmap+mlock none+mlock dio dio+mlock" -- "${cur}"))
                    return 0
                    ;;
                -lm)
                    COMPREPLY=($(compgen -W "auto none mmap mlock mmap+mlock none+mlock dio dio+mlock" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__bits)
            opts="-m -p -n -s -t -h --model --prompt --n-predict --seed --threads --name --json --force --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --model)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -m)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --prompt)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -p)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --n-predict)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -n)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --seed)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -s)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --threads)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -t)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --name)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --json)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__check)
            opts="-m -p -n -s -t -v -q -h --model --layout --dialect --level --no-run --exhaustive --quick --prompt --n-predict --seed --temp --threads --cpu --inject --format --open --force --verbose --quiet --color --faults --depth --cases --time --state --claims-check --only-fault --platform --only --list --partition --fail-fast --jobs --allow-unmet --config --no-config --retries --settle --timeout --no-memory --cwd --expect --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --model)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -m)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --layout)
                    COMPREPLY=($(compgen -W "auto gguf safetensors npy zip onnx opaque" -- "${cur}"))
                    return 0
                    ;;
                --dialect)
                    COMPREPLY=($(compgen -W "auto reference booleans dio-default enum-v1 enum-v2 enum-v3 enum-v4 enum-v4-lazy llama-cpp-python llama-cpp-python-server node-llama-cpp ollama koboldcpp-1.76 koboldcpp llamafile textgen lmstudio llama-cpp-rs whisper.cpp stable-diffusion.cpp load-mode-numbers-v1 load-mode-numbers" -- "${cur}"))
                    return 0
                    ;;
                --level)
                    COMPREPLY=($(compgen -W "P1 P2 P3 P4" -- "${cur}"))
                    return 0
                    ;;
                --prompt)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -p)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --n-predict)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -n)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --seed)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -s)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --temp)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --threads)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -t)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cpu)
                    COMPREPLY=($(compgen -W "scalar avx2 avx512 neon neon-dotprod" -- "${cur}"))
                    return 0
                    ;;
                --inject)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "terminal json html markdown junit github" -- "${cur}"))
                    return 0
                    ;;
                --color)
                    COMPREPLY=($(compgen -W "auto always never" -- "${cur}"))
                    return 0
                    ;;
                --faults)
                    COMPREPLY=($(compgen -W "single pairs full" -- "${cur}"))
                    return 0
                    ;;
                --depth)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cases)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --time)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --state)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --only-fault)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --platform)
                    COMPREPLY=($(compgen -W "ext4-512 ext4-4kn xfs xfs-4kn btrfs btrfs-compressed tmpfs tmpfs-before-6.6 squashfs overlay-ext4 overlay-tmpfs erofs f2fs dm-crypt zfs-2.3 zfs-before-0.8 fuse fuse-refuses fuse-odd-counts fuse-interrupts nfs 9p no-locks few-locks ext4-64k-pages ext4-16k-pages apfs ntfs ntfs-512 ntfs-working-set refs windows-no-prefetch" -- "${cur}"))
                    return 0
                    ;;
                --only)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --partition)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --jobs)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --retries)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --settle)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --timeout)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cwd)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --expect)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__compare)
            opts="-m -v -q -h --model --layout --old --new --dialect --inject --level --only --fail-fast --jobs --allow-unmet --retries --settle --timeout --no-memory --cwd --expect --verbose --quiet --color --format --open --force --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --model)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -m)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --layout)
                    COMPREPLY=($(compgen -W "auto gguf safetensors npy zip onnx opaque" -- "${cur}"))
                    return 0
                    ;;
                --old)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --new)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --dialect)
                    COMPREPLY=($(compgen -W "reference booleans dio-default enum-v1 enum-v2 enum-v3 enum-v4 enum-v4-lazy llama-cpp-python llama-cpp-python-server node-llama-cpp ollama koboldcpp-1.76 koboldcpp llamafile textgen lmstudio llama-cpp-rs whisper.cpp stable-diffusion.cpp load-mode-numbers-v1 load-mode-numbers" -- "${cur}"))
                    return 0
                    ;;
                --inject)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --level)
                    COMPREPLY=($(compgen -W "P2 P4" -- "${cur}"))
                    return 0
                    ;;
                --only)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --jobs)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --retries)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --settle)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --timeout)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cwd)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --expect)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --color)
                    COMPREPLY=($(compgen -W "auto always never" -- "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "terminal json html markdown junit github" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__compare__subcmd__bench)
            opts="-o -h --output --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --output)
                    COMPREPLY=($(compgen -W "md json" -- "${cur}"))
                    return 0
                    ;;
                -o)
                    COMPREPLY=($(compgen -W "md json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__dialects)
            opts="-h --base --only-differences --format --help list show check diff"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --base)
                    COMPREPLY=($(compgen -W "reference booleans dio-default enum-v1 enum-v2 enum-v3 enum-v4 enum-v4-lazy llama-cpp-python llama-cpp-python-server node-llama-cpp ollama koboldcpp-1.76 koboldcpp llamafile textgen lmstudio llama-cpp-rs whisper.cpp stable-diffusion.cpp load-mode-numbers-v1 load-mode-numbers" -- "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "terminal json html markdown junit github" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__dialects__subcmd__check)
            opts="-m -h --model --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --model)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -m)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__dialects__subcmd__diff)
            opts="-h --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__dialects__subcmd__list)
            opts="-h --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__dialects__subcmd__show)
            opts="-h --help reference booleans dio-default enum-v1 enum-v2 enum-v3 enum-v4 enum-v4-lazy llama-cpp-python llama-cpp-python-server node-llama-cpp ollama koboldcpp-1.76 koboldcpp llamafile textgen lmstudio llama-cpp-rs whisper.cpp stable-diffusion.cpp load-mode-numbers-v1 load-mode-numbers"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__diff)
            opts="-h --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --format)
                    COMPREPLY=($(compgen -W "terminal json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__docs)
            opts="-h --help cli platform regressions rules readme json determinism man completions verify write"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__docs__subcmd__cli)
            opts="-h --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__docs__subcmd__completions)
            opts="-h --help bash zsh fish powershell"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__docs__subcmd__determinism)
            opts="-h --bits --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --bits)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__docs__subcmd__json)
            opts="-h --root --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --root)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__docs__subcmd__man)
            opts="-h --out --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --out)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__docs__subcmd__platform)
            opts="-h --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__docs__subcmd__readme)
            opts="-h --root --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --root)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__docs__subcmd__regressions)
            opts="-h --root --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --root)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__docs__subcmd__rules)
            opts="-h --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__docs__subcmd__verify)
            opts="-h --root --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --root)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__docs__subcmd__write)
            opts="-h --root --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --root)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__doctor)
            opts="-h --no-measure --format --json --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --format)
                    COMPREPLY=($(compgen -W "terminal json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__explain)
            opts="-h --dialect --to --tool --env --format --help --mlock --mmap --no-mmap -dio --direct-io -ndio --no-direct-io -lm --load-mode -lzm --lazy-mode"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --dialect)
                    COMPREPLY=($(compgen -W "reference booleans dio-default enum-v1 enum-v2 enum-v3 enum-v4 enum-v4-lazy llama-cpp-python llama-cpp-python-server node-llama-cpp ollama koboldcpp-1.76 koboldcpp llamafile textgen lmstudio llama-cpp-rs whisper.cpp stable-diffusion.cpp load-mode-numbers-v1 load-mode-numbers" -- "${cur}"))
                    return 0
                    ;;
                --to)
                    COMPREPLY=($(compgen -W "reference booleans dio-default enum-v1 enum-v2 enum-v3 enum-v4 enum-v4-lazy llama-cpp-python llama-cpp-python-server node-llama-cpp ollama koboldcpp-1.76 koboldcpp llamafile textgen lmstudio llama-cpp-rs whisper.cpp stable-diffusion.cpp load-mode-numbers-v1 load-mode-numbers" -- "${cur}"))
                    return 0
                    ;;
                --tool)
                    COMPREPLY=($(compgen -W "common bench" -- "${cur}"))
                    return 0
                    ;;
                --env)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "terminal json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__explain__subcmd__rule)
            opts="-h --format --help completes no-crash ends-in-time plan-equivalent plan-alias plan-order plan-taken usage-refused weights-loaded tensors-mapped mapped-not-read no-file-mapping tensors-read read-once reads-buffered direct-attempted direct-held direct-aligned fallback-reported tensors-locked unrequested-lock kernel-agrees opened-read-only never-written mapped-read-only reads-inside-file resources-released same-path same-bytes same-output fault-met known-divergence fault-output fault-crash fault-hang fault-reported transient-survived data-kept guarantee-kept policy-kept machine-parity same-model same-grouping same-semantic-path same-tensors same-logits"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --format)
                    COMPREPLY=($(compgen -W "terminal json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__export)
            opts="-o -h --to --output --force --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --to)
                    COMPREPLY=($(compgen -W "chrome perfetto csv svg" -- "${cur}"))
                    return 0
                    ;;
                --output)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -o)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__gguf)
            opts="-h --help show make split merge"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__gguf__subcmd__make)
            opts="-o -h --arch --layers --embd --heads --kv-heads --ffn --vocab --ctx --type --seed --tied --sparse --output --force --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --arch)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --layers)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --embd)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --heads)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --kv-heads)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --ffn)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --vocab)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --ctx)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --type)
                    COMPREPLY=($(compgen -W "f32 f16 bf16 q8_0 q4_0 q4_1 q5_0 q5_1 q2_K q3_K q4_K q5_K q6_K iq4_nl iq4_xs q4_k_m" -- "${cur}"))
                    return 0
                    ;;
                --seed)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --output)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -o)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__gguf__subcmd__merge)
            opts="-h --force --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__gguf__subcmd__show)
            opts="-h --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --format)
                    COMPREPLY=($(compgen -W "text json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__gguf__subcmd__split)
            opts="-h --max-tensors --max-size --force --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --max-tensors)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --max-size)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__import)
            opts="-m -o -h --from --model --output --force --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --from)
                    COMPREPLY=($(compgen -W "pr20834 strace" -- "${cur}"))
                    return 0
                    ;;
                --model)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -m)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --output)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -o)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "terminal json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__init)
            opts="-m -h --model --layout --dialect --force --retries --settle --timeout --no-memory --cwd --expect --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --model)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -m)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --layout)
                    COMPREPLY=($(compgen -W "auto gguf safetensors npy zip onnx opaque" -- "${cur}"))
                    return 0
                    ;;
                --dialect)
                    COMPREPLY=($(compgen -W "auto reference booleans dio-default enum-v1 enum-v2 enum-v3 enum-v4 enum-v4-lazy llama-cpp-python llama-cpp-python-server node-llama-cpp ollama koboldcpp-1.76 koboldcpp llamafile textgen lmstudio llama-cpp-rs whisper.cpp stable-diffusion.cpp load-mode-numbers-v1 load-mode-numbers" -- "${cur}"))
                    return 0
                    ;;
                --retries)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --settle)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --timeout)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cwd)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --expect)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__judge)
            opts="-m -v -q -h --dialect --strace --trace --log --model --layout --env --tool --format --verbose --quiet --color --open --force --help --mlock --mmap --no-mmap -dio --direct-io -ndio --no-direct-io -lm --load-mode -lzm --lazy-mode"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --dialect)
                    COMPREPLY=($(compgen -W "reference booleans dio-default enum-v1 enum-v2 enum-v3 enum-v4 enum-v4-lazy llama-cpp-python llama-cpp-python-server node-llama-cpp ollama koboldcpp-1.76 koboldcpp llamafile textgen lmstudio llama-cpp-rs whisper.cpp stable-diffusion.cpp load-mode-numbers-v1 load-mode-numbers" -- "${cur}"))
                    return 0
                    ;;
                --strace)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --trace)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --log)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --model)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -m)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --layout)
                    COMPREPLY=($(compgen -W "auto gguf safetensors npy zip onnx opaque" -- "${cur}"))
                    return 0
                    ;;
                --env)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --tool)
                    COMPREPLY=($(compgen -W "auto common bench" -- "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "terminal json html markdown junit github" -- "${cur}"))
                    return 0
                    ;;
                --color)
                    COMPREPLY=($(compgen -W "auto always never" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__merge)
            opts="-v -q -h --expect --format --verbose --quiet --color --open --force --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --expect)
                    COMPREPLY=($(compgen -W "linux windows macos" -- "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "terminal json html markdown junit github" -- "${cur}"))
                    return 0
                    ;;
                --color)
                    COMPREPLY=($(compgen -W "auto always never" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__migrate)
            opts="-h --from --to --write --kind --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --from)
                    COMPREPLY=($(compgen -W "reference booleans dio-default enum-v1 enum-v2 enum-v3 enum-v4 enum-v4-lazy llama-cpp-python llama-cpp-python-server node-llama-cpp ollama koboldcpp-1.76 koboldcpp llamafile textgen lmstudio llama-cpp-rs whisper.cpp stable-diffusion.cpp load-mode-numbers-v1 load-mode-numbers" -- "${cur}"))
                    return 0
                    ;;
                --to)
                    COMPREPLY=($(compgen -W "reference booleans dio-default enum-v1 enum-v2 enum-v3 enum-v4 enum-v4-lazy llama-cpp-python llama-cpp-python-server node-llama-cpp ollama koboldcpp-1.76 koboldcpp llamafile textgen lmstudio llama-cpp-rs whisper.cpp stable-diffusion.cpp load-mode-numbers-v1 load-mode-numbers" -- "${cur}"))
                    return 0
                    ;;
                --kind)
                    COMPREPLY=($(compgen -W "shell systemd dockerfile compose preset kubernetes llama-swap workflow yaml json plist makefile justfile procfile supervisord env" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__run)
            opts="-m -p -f -n -c -s -l -r -t -b -h --model --dialect --prompt --file --predict --n-predict --ctx-size --seed --top-k --typical-p --typical --top-p --min-p --repeat-penalty --frequency-penalty --presence-penalty --logit-bias --stop --reverse-prompt --repeat-last-n --threads --cpu --ignore-eos --trace --force --inject --no-run --vocab-only --json --temperature -temp --temp -tb --threads-batch --ubatch-size -ub --batch-size -cnv --conversation -no-cnv --no-cnv --no-conversation -sys --system-prompt -nr --no-repack --mlock --mmap --no-mmap -dio --direct-io -ndio --no-direct-io -lm --load-mode -lzm --lazy-mode --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --model)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -m)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --dialect)
                    COMPREPLY=($(compgen -W "reference booleans dio-default enum-v1 enum-v2 enum-v3 enum-v4 enum-v4-lazy llama-cpp-python llama-cpp-python-server node-llama-cpp ollama koboldcpp-1.76 koboldcpp llamafile textgen lmstudio llama-cpp-rs whisper.cpp stable-diffusion.cpp load-mode-numbers-v1 load-mode-numbers" -- "${cur}"))
                    return 0
                    ;;
                --prompt)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -p)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --file)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --n-predict)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --predict)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -n)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --ctx-size)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --seed)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -s)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --top-k)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --typical)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --typical-p)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --top-p)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --min-p)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --repeat-penalty)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --frequency-penalty)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --presence-penalty)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --logit-bias)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -l)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --reverse-prompt)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --stop)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -r)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --repeat-last-n)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --threads)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -t)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cpu)
                    COMPREPLY=($(compgen -W "scalar avx2 avx512 neon neon-dotprod" -- "${cur}"))
                    return 0
                    ;;
                --trace)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --inject)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --temp)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --temperature)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -temp)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --threads-batch)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -tb)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --batch-size)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --ubatch-size)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -ub)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -b)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --system-prompt)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -sys)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --load-mode)
                    COMPREPLY=($(compgen -W "auto none mmap mlock mmap+mlock none+mlock dio dio+mlock" -- "${cur}"))
                    return 0
                    ;;
                -lm)
                    COMPREPLY=($(compgen -W "auto none mmap mlock mmap+mlock none+mlock dio dio+mlock" -- "${cur}"))
                    return 0
                    ;;
                --lazy-mode)
                    COMPREPLY=($(compgen -W "off auto large all" -- "${cur}"))
                    return 0
                    ;;
                -lzm)
                    COMPREPLY=($(compgen -W "off auto large all" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__schema)
            opts="-h --help check-2 faults-1 compare-2 merge-2 judge-2 expect-2 dialect-1 config-1 baseline-1 bits-1 run-1 compare-bench-1 explain-1 explain-bench-1 explain-rule-1 dialects-1 calls-1 timeline-1 diff-1 import-1 trace-1 trace-2 doctor-1 tokenize-1 gguf-show-1"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__tokenize)
            opts="-m -p -f -h --model --prompt --file --no-add-special --no-parse-special --json --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --model)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -m)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --prompt)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -p)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --file)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        loadparity__subcmd__trace)
            opts="-o -m -h --output --force --inject --model --layout --timeout --every-syscall --summary --view --ascii --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --output)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -o)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --inject)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --model)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -m)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --layout)
                    COMPREPLY=($(compgen -W "auto gguf safetensors npy zip onnx opaque" -- "${cur}"))
                    return 0
                    ;;
                --timeout)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "terminal json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
    esac
}

if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -F _loadparity -o nosort -o bashdefault -o default loadparity
else
    complete -F _loadparity -o bashdefault -o default loadparity
fi
