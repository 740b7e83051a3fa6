"""Loads a model with llama.cpp, through llama-cpp-python, and writes what it generates.

Usage: drive.py -m MODEL [-p PROMPT] [-n N] [load flags]

The package holds llama.cpp's library without its command line, so the load flags are read here, in the
way of the command line of the same commit: three independent switches where the library's parameters are
`use_mmap`, `use_mlock` and `use_direct_io`; one field, overwritten by each flag, where the parameter is
`load_mode`; no legacy switches from 0.3.36 on. What the library makes of the
parameters is llama.cpp's own.
"""

import ctypes
import os
import sys

import llama_cpp
import llama_cpp.llama_cpp as library

FIELDS = {name for name, *_ in library.llama_model_params._fields_}
HAS_MODES = "load_mode" in FIELDS
VERSION = tuple(int(part) for part in llama_cpp.__version__.split(".")[:3])
# From this release on llama.cpp's command line has no legacy switches.
HAS_SWITCHES = VERSION < (0, 3, 36)

TRUE, FALSE = ("1", "true", "on", "enabled"), ("0", "false", "off", "disabled")


def fail(message):
    """What a usage error does: one line, no model opened."""
    print(f"error: {message}", file=sys.stderr)
    sys.exit(1)


def modes():
    """The load modes that the library knows, by name."""
    prefix = "LLAMA_LOAD_MODE_"
    found = {}
    for name in dir(library):
        if name.startswith(prefix):
            word = name[len(prefix):].lower().replace("mmap_mlock", "mmap+mlock").replace("direct_io", "dio")
            found[word] = getattr(library, name)
    return found


class Asked:
    """The load parameters while flags are read."""

    def __init__(self):
        self.modes = modes() if HAS_MODES else {}
        self.switches = {"mmap": True, "mlock": False, "dio": False}
        self.mode = "auto" if "auto" in self.modes else "mmap"

    def switch(self, name, on):
        if not HAS_SWITCHES:
            fail(f"invalid argument: {name}")
        if HAS_MODES:
            self.mode = name if on else "none"
        else:
            self.switches[name] = on

    def set_mode(self, word):
        if word not in self.modes:
            fail(f'error while handling argument "-lm": invalid value: {word}')
        self.mode = word

    def environment(self, env):
        for name, variable in (("mlock", "MLOCK"), ("mmap", "MMAP"), ("dio", "DIO")):
            if not HAS_SWITCHES:
                break
            value = env.get(f"LLAMA_ARG_{variable}")
            if name != "mlock" and f"LLAMA_ARG_NO_{variable}" in env:
                self.switch(name, False)
            elif value in TRUE:
                self.switch(name, True)
            elif value in FALSE and name != "mlock":
                self.switch(name, False)
            elif value is not None and name != "mlock":
                fail(f"LLAMA_ARG_{variable}: unknown value {value}")
        if HAS_MODES and "LLAMA_ARG_LOAD_MODE" in env:
            self.set_mode(env["LLAMA_ARG_LOAD_MODE"])


def usage():
    lines = ["usage: drive.py -m MODEL [-p PROMPT] [-n N] [load flags]"]
    if HAS_SWITCHES:
        lines += ["--mlock", "--mmap, --no-mmap", "-dio, --direct-io, -ndio, --no-direct-io"]
    if HAS_MODES:
        lines += ["-lm, --load-mode MODE"] + [f"- {word}" for word in modes()]
    print("\n".join(lines))
    sys.exit(0)


def read(argv, env):
    asked = Asked()
    asked.environment(env)
    given = {"-m": None, "-p": "In the beginning", "-n": "8"}
    switches = {
        "--mlock": ("mlock", True), "--mmap": ("mmap", True), "--no-mmap": ("mmap", False),
        "-dio": ("dio", True), "--direct-io": ("dio", True),
        "-ndio": ("dio", False), "--no-direct-io": ("dio", False),
    }
    words = iter(argv)
    for typed in words:
        word = typed.replace("_", "-") if typed.startswith("--") else typed
        if word == "--help":
            usage()
        elif word in given or (HAS_MODES and word in ("-lm", "--load-mode")):
            value = next(words, None)
            if value is None:
                fail(f"expected value for argument: {typed}")
            if word in given:
                given[word] = value
            else:
                asked.set_mode(value)
        elif word in switches and HAS_SWITCHES:
            asked.switch(*switches[word])
        else:
            fail(f"invalid argument: {typed}")
    if given["-m"] is None:
        fail("no model was given: -m MODEL")
    return asked, given["-m"], given["-p"], int(given["-n"])


def model_params(asked):
    params = library.llama_model_default_params()
    params.n_gpu_layers = 0
    if HAS_MODES:
        params.load_mode = asked.modes[asked.mode]
    else:
        params.use_mmap = asked.switches["mmap"]
        params.use_mlock = asked.switches["mlock"]
        if "use_direct_io" in FIELDS:
            params.use_direct_io = asked.switches["dio"]
        elif asked.switches["dio"]:
            fail("invalid argument: -dio")
    return params


def generate(model, prompt, count):
    """The text of the likeliest tokens, one thread, so that it is the same in every run."""
    params = library.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_threads, params.n_threads_batch = 128, 128, 1, 1
    context = library.llama_init_from_model(model, params)
    if not context:
        fail("no context could be made")
    vocabulary = library.llama_model_get_vocab(model)
    text = prompt.encode()
    tokens = (library.llama_token * 128)()
    known = library.llama_tokenize(vocabulary, text, len(text), tokens, 128, True, True)
    if known <= 0:
        fail("the prompt cannot be tokenized")
    sampler = library.llama_sampler_init_greedy()
    written = bytearray()
    batch = library.llama_batch_get_one(tokens, known)
    for _ in range(count):
        if library.llama_decode(context, batch) != 0:
            fail("decoding failed")
        token = library.llama_sampler_sample(sampler, context, -1)
        if library.llama_vocab_is_eog(vocabulary, token):
            break
        piece = ctypes.create_string_buffer(256)
        length = library.llama_token_to_piece(vocabulary, token, piece, len(piece), 0, True)
        written += piece.raw[:max(length, 0)]
        tokens[0] = token
        batch = library.llama_batch_get_one(tokens, 1)
    library.llama_sampler_free(sampler)
    library.llama_free(context)
    return bytes(written)


def main():
    asked, path, prompt, count = read(sys.argv[1:], os.environ)
    library.llama_backend_init()
    model = library.llama_model_load_from_file(path.encode(), model_params(asked))
    if not model:
        fail("the model cannot be loaded")
    text = generate(model, prompt, count)
    library.llama_model_free(model)
    # Written by the driver itself: what the library's logger may lose is on standard error.
    sys.stdout.buffer.write(text + b"\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
