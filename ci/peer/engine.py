"""The reference engine beside llama.cpp, through llama-cpp-python: see ci/peer/compare-engine.

For each model: the file as it is and, where its weights are not quantised yet, each type that llama.cpp's own
quantiser makes of it. The greedy tokens of each prompt have to be equal, or to differ first at a near tie of llama.cpp's
two best logits: less than 0.05 apart, and for at most one prompt in four; for F32, F16 and BF16 less than 0.003, twice
what llama.cpp's own attention kernels differ by.
Random strings have to become the same tokens, with special tokens added and read, and without; in a byte-level
vocabulary also under the name of every other pre-tokenizer.
Prints a table; exit code 1 tells of a difference beyond that.
"""

import argparse
import ctypes
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import llama_cpp.llama_cpp as library

PROGRAM = os.environ["LOADPARITY"]
MODELS = ["llama-f16", "granite-f16", "qwen2-bf16"]
WHOLE = {"F32": 0, "F16": 1, "BF16": 32}
QUANTISED = {
    "Q8_0": 7, "Q4_0": 2, "Q4_1": 3, "Q5_0": 8, "Q5_1": 9, "Q2_K": 10, "Q3_K_S": 11, "Q3_K_M": 12, "Q3_K_L": 13,
    "Q4_K_S": 14, "Q4_K_M": 15, "Q5_K_S": 16, "Q5_K_M": 17, "Q6_K": 18, "IQ4_NL": 25, "IQ4_XS": 30,
}
PRE = ["gpt-2", "llama-bpe", "qwen2", "deepseek-r1-qwen", "deepseek-llm", "deepseek-coder", "falcon", "starcoder",
       "refact", "smollm", "tekken", "default", ""]
CLOSE, CLOSE_WHOLE = 0.05, 0.003
CONTEXT = 256
PROMPTS = [
    "In the beginning", "And it came to pass", "The king said unto them,", "A devil's dictionary defines love as",
    "Thou shalt not", "1 Chronicles 12:3", "ABSURDITY, n.", "the house of the LORD", "Behold,\n\n", " war and peace",
    "He was wroth because", "PATIENCE, n. A minor form of", "Why do the heathen rage, and", "x", "Selah. Selah.",
    "And God saw every thing that he had made, and, behold, it was very good. And the evening and the morning were",
]


def options():
    parser = argparse.ArgumentParser(prog="ci/peer/compare-engine", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="by default the fixture of each architecture")
    names = [*WHOLE, *QUANTISED]
    parser.add_argument("--types", type=lambda text: text.upper().split(","), default=names, help=",".join(names))
    parser.add_argument("--pre", type=lambda text: text.split(","), default=PRE, help=", ".join(PRE[:-1]) + " and none")
    parser.add_argument("-n", type=int, default=48, help="tokens to generate")
    parser.add_argument("--strings", type=int, default=500, help="strings to tokenize")
    parser.add_argument("--seed", type=int, default=1, help="of the strings")
    given = parser.parse_args()
    given.models = given.models or [f"fixtures/models/fixture-{name}.gguf" for name in MODELS]
    return given


def silence():
    """llama.cpp tells of every load on standard error."""
    callback = library.llama_log_callback(lambda level, text, data: None)
    library.llama_log_set(callback, ctypes.c_void_p(0))
    return callback


class Peer:
    """A model in llama.cpp."""

    def __init__(self, path, vocab_only=False):
        params = library.llama_model_default_params()
        params.n_gpu_layers, params.vocab_only = 0, vocab_only
        self.model = library.llama_model_load_from_file(os.fsencode(path), params)
        if not self.model:
            sys.exit(f"error: llama.cpp cannot load {path}")
        self.vocabulary = library.llama_model_get_vocab(self.model)

    def tokenize(self, text, special):
        room = 2 * len(text) + 16
        tokens = (library.llama_token * room)()
        count = library.llama_tokenize(self.vocabulary, text, len(text), tokens, room, special, special)
        return tokens[:max(count, 0)]

    def greedy(self, prompt, count):
        """The likeliest tokens, and at each step how far the best logit is above the second."""
        params = library.llama_context_default_params()
        params.n_ctx = params.n_batch = CONTEXT
        params.n_threads = params.n_threads_batch = os.cpu_count()
        context = library.llama_init_from_model(self.model, params)
        ids = self.tokenize(prompt.encode(), True)
        width = library.llama_vocab_n_tokens(self.vocabulary)
        pending, tokens, gaps = ids, [], []
        while len(tokens) < count:
            array = (library.llama_token * len(pending))(*pending)
            if library.llama_decode(context, library.llama_batch_get_one(array, len(pending))) != 0:
                sys.exit(f"error: llama.cpp cannot decode {prompt!r}")
            logits = library.llama_get_logits_ith(context, -1)[:width]
            best = max(range(width), key=logits.__getitem__)
            gaps.append(logits[best] - max(logits[:best] + logits[best + 1:]))
            tokens.append(best)
            pending = [best]
            if library.llama_vocab_is_eog(self.vocabulary, best):
                break
        library.llama_free(context)
        return ids, tokens, gaps

    def metadata(self, key):
        """A value as text, empty where the file says nothing."""
        value = ctypes.create_string_buffer(64)
        library.llama_model_meta_val_str(self.model, key.encode(), value, len(value))
        return value.value.decode()

    def free(self):
        library.llama_model_free(self.model)


def ours(*words):
    done = subprocess.run([PROGRAM, *words], stdout=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f"error: exit code {done.returncode} of {[PROGRAM, *words]}")
    return json.loads(done.stdout)


def generation(path, count, close):
    """How many prompts are equal, nearly tied where they differ, and different."""
    peer, found = Peer(path), {"equal": 0, "tied": 0, "different": 0}
    for prompt in PROMPTS:
        ids, tokens, gaps = peer.greedy(prompt, count)
        run = ours("run", "-m", path, "-p", prompt, "-n", str(count), "--temp", "0", "-c", str(CONTEXT), "--json")
        mine = run["tokens"]
        step = next((at for at, pair in enumerate(zip(tokens, mine)) if pair[0] != pair[1]), min(len(tokens), len(mine)))
        if run["prompt_tokens"] != ids:
            found["different"] += 1
            print(f"{path}: {prompt!r}: the prompt is {ids} there and {run['prompt_tokens']} here", file=sys.stderr)
        elif tokens == mine:
            found["equal"] += 1
        else:
            found["tied" if gaps[step] < close else "different"] += 1
            print(f"{path}: {prompt!r}: token {step}: {tokens[step:][:1]} there and {mine[step:][:1]} here, where the "
                  f"best logit is {gaps[step]:.4f} above the second", file=sys.stderr)
    peer.free()
    return found


def strings(peer, count, seed):
    """Random text: words, numbers, spaces, marks, many scripts, and the text of special tokens."""
    draw = random.Random(seed)
    pieces = []
    for token in range(library.llama_vocab_n_tokens(peer.vocabulary)):
        text = library.llama_vocab_get_text(peer.vocabulary, token)
        if text and library.llama_vocab_is_control(peer.vocabulary, token):
            pieces.append(text.decode("utf-8", "replace"))
    special = pieces or ["<s>"]
    ranges = [(0x20, 0x7e), (0x20, 0x7e), (0x80, 0x24f), (0x300, 0x36f), (0x370, 0x5ff), (0x600, 0x6ff), (0x900, 0x97f),
              (0xe00, 0xe7f), (0x1100, 0x11ff), (0x2000, 0x206f), (0x20a0, 0x21ff), (0x2460, 0x25ff), (0x3000, 0x30ff),
              (0x4e00, 0x4fff), (0xac00, 0xacff), (0xfe00, 0xffef), (0x1f300, 0x1f6ff), (0x1d400, 0x1d4ff)]
    words = ["the", "The", "THE", "don't", "we'LL", "it's", "I'M", "'s", "king", "3.14", "1000000", "12", "a1b2", "_x",
             "http://a.b/c?d=e", "ſ", "ǅ", "İ", "ß", "é", "e\u0301", "۱۲۳", "½", "²", "\u00a0", "\u3000", "\u2028", "👩‍👩‍👧"]
    marks = [" ", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", "\t\t", " \n", "\n ", ".", ",", "!?", "--", "...", "'", '"',
             "(", ")", "/", "\\", "\x00", "\x7f", "\ufeff"]
    for _ in range(count):
        text = ""
        for _ in range(draw.randint(1, 14)):
            kind = draw.random()
            if kind < 0.35:
                text += draw.choice(words)
            elif kind < 0.65:
                text += draw.choice(marks)
            elif kind < 0.72:
                text += draw.choice(special)
            else:
                low, high = draw.choice(ranges)
                text += "".join(chr(draw.randint(low, high)) for _ in range(draw.randint(1, 5)))
        yield text


def tokenization(path, count, seed):
    """How many strings become other tokens."""
    peer, different = Peer(path, vocab_only=True), 0
    with tempfile.NamedTemporaryFile() as file:
        for text in strings(peer, count, seed):
            Path(file.name).write_bytes(text.encode())
            for special in (True, False):
                flags = [] if special else ["--no-add-special", "--no-parse-special"]
                theirs = peer.tokenize(text.encode(), special)
                mine = ours("tokenize", "-m", path, "-f", file.name, "--json", *flags)["ids"]
                if theirs != mine:
                    different += 1
                    print(f"{path}: {text!r} {flags}: {theirs} there and {mine} here", file=sys.stderr)
    peer.free()
    return different


def files(path, types, folder):
    """The file itself and what the quantiser makes of it: pairs of a type and a path."""
    peer = Peer(path, vocab_only=True)
    stored = int(peer.metadata("general.file_type") or -1)
    peer.free()
    whole = stored in WHOLE.values()
    name = next((name for name, number in {**WHOLE, **QUANTISED}.items() if number == stored), "as it is")
    if name in types or not whole:
        yield name, path
    for kind in types if whole else []:
        number = {**WHOLE, **QUANTISED}[kind]
        if number == stored:
            continue
        made = str(Path(folder) / f"{Path(path).stem}-{kind}.gguf")
        params = library.llama_model_quantize_default_params()
        params.ftype, params.nthread = number, os.cpu_count()
        if library.llama_model_quantize(os.fsencode(path), os.fsencode(made), ctypes.byref(params)) != 0:
            sys.exit(f"error: llama.cpp cannot make {kind} of {path}")
        yield kind, made
        os.unlink(made)


def renamed(path, wanted, folder):
    """The file under its own pre-tokenizer and under each other: pairs of a name and a path."""
    peer = Peer(path, vocab_only=True)
    kind, own = peer.metadata("tokenizer.ggml.model"), peer.metadata("tokenizer.ggml.pre")
    peer.free()
    yield own or "none", path
    for name in wanted if kind == "gpt2" else []:
        if name == own:
            continue
        made = str(Path(folder) / f"{Path(path).stem}-{name or 'none'}.gguf")
        change = ["--pre-tokenizer", name] if name else ["--remove-metadata", "tokenizer.ggml.pre"]
        subprocess.run([sys.executable, "-m", "gguf.scripts.gguf_new_metadata", "--force", *change, path, made],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        yield name or "none", made
        os.unlink(made)


def main():
    given, kept, failed = options(), silence(), False
    library.llama_backend_init()
    print(f"{len(PROMPTS)} prompts, {given.n} greedy tokens each")
    print("| model | weights | equal | near ties | different | |")
    print("| --- | --- | ---: | ---: | ---: | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for path in given.models:
            for kind, file in files(path, given.types, folder):
                found = generation(file, given.n, CLOSE_WHOLE if kind in WHOLE else CLOSE)
                bad = found["different"] > 0 or found["tied"] > len(PROMPTS) // 4
                failed |= bad
                row = [Path(path).stem, kind, *map(str, found.values()), "**beyond the rule**" if bad else ""]
                print(f"| {' | '.join(row)} |", flush=True)
    print(f"\n{given.strings} strings from seed {given.seed}, each with and without special tokens")
    print("| model | pre-tokenizer | different |\n| --- | --- | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for path in given.models:
            for name, file in renamed(path, given.pre, folder):
                different = tokenization(file, given.strings, given.seed)
                failed |= different > 0
                print(f"| {Path(path).stem} | {name} | {different} |", flush=True)
    del kept
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
