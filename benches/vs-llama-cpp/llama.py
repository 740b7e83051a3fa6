"""llama.cpp's side: loads a model through llama-cpp-python's low-level interface, and times what llama-bench times.

Usage: llama.py MODEL LOAD_MODE PROMPT_TOKENS GENERATED_TOKENS THREADS REPETITIONS

Prints one JSON object: the load in milliseconds, tokens a second of each repetition, and this process's memory just
before the load, which is Python's and not llama.cpp's. Everything not named here is as llama.cpp has it by default.
"""

import ctypes
import json
import sys
import time

import llama_cpp.llama_cpp as library


def status():
    """Resident memory in KiB: the highest so far, and what is anonymous."""
    with open("/proc/self/status") as lines:
        fields = dict(line.split(":", 1) for line in lines)
    return {name: int(fields[name].split()[0]) for name in ("VmHWM", "RssAnon")}


def timed(work):
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def decode(context, tokens):
    array = (library.llama_token * len(tokens))(*tokens)
    if library.llama_decode(context, library.llama_batch_get_one(array, len(tokens))) != 0:
        sys.exit("llama_decode failed")
    library.llama_synchronize(context)


def repetitions(model, tokens, one_by_one, threads, count):
    """Tokens a second for going through as many tokens, in one batch or one by one, each time from an empty context."""
    params = library.llama_context_default_params()
    params.n_ctx = params.n_batch = max(tokens, 1)
    params.n_threads = params.n_threads_batch = threads
    context = library.llama_init_from_model(model, params)
    if not context:
        sys.exit("no context could be made")
    words = library.llama_vocab_n_tokens(library.llama_model_get_vocab(model))
    some = [(i * 7919 + 1) % (words - 2) for i in range(tokens)]
    batches = [[token] for token in some] if one_by_one else [some]
    speeds = []
    for repetition in range(count + 1):
        library.llama_memory_clear(library.llama_get_memory(context), True)
        if repetition == 0:
            # Once for nothing: threads are started and buffers touched.
            decode(context, some[:1] if one_by_one else some[:32])
            continue
        _, seconds = timed(lambda: [decode(context, batch) for batch in batches])
        speeds.append(tokens / seconds)
    library.llama_free(context)
    return speeds


def main():
    path, mode, (n_prompt, n_gen, threads, count) = sys.argv[1], sys.argv[2], map(int, sys.argv[3:])
    quiet = library.llama_log_callback(lambda *_: None)
    library.llama_log_set(quiet, ctypes.c_void_p(0))
    library.llama_backend_init()
    params = library.llama_model_default_params()
    params.n_gpu_layers = 0
    names = {"dio": "DIRECT_IO", "mmap+mlock": "MMAP_MLOCK"}
    params.load_mode = getattr(library, "LLAMA_LOAD_MODE_" + names.get(mode, mode.upper()))
    # The highest resident size counts from here.
    with open("/proc/self/clear_refs", "w") as clear:
        clear.write("5")
    before = status()
    model, seconds = timed(lambda: library.llama_model_load_from_file(path.encode(), params))
    if not model:
        sys.exit("the model cannot be loaded")
    result = {"load_ms": seconds * 1e3, "before_kib": before, "pp": [], "tg": []}
    if n_prompt:
        result["pp"] = repetitions(model, n_prompt, False, threads, count)
    if n_gen:
        result["tg"] = repetitions(model, n_gen, True, threads, count)
    library.llama_model_free(model)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
