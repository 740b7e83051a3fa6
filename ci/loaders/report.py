"""Writes the page of loaders that are not ours from the documents of a run: report.py RESULTS > docs/loaders.md."""
import json
import re
import sys
from pathlib import Path

results = Path(sys.argv[1])

HEAD = """# Loaders that are not ours

Made by `ci/loaders/run`, which gets each loader from its package registry, makes small seeded models and asks
`check` or `compare` about them. Dialect files of a few lines (`ci/loaders/dialects`) say what a loader's own words
mean. A verdict of *divergent* is a result of that loader and no failure of the script.

*Rests on* says what the verdict was seen by: *calls* (system calls on the model's files, always), *memory* (the bytes
of the tensors in the loader's memory against the file; how many of the cases), *output* (what it computes, the same in
every case). `--quick` loads one spelling of each plan; without it every spelling is loaded.

NumPy (`mmap_mode='c'`) and ONNX Runtime (external data) map private and writable by design: of a loader of another
format than GGUF that is a note and no finding.

| loader | version | model | asked | what was found | verdict | rests on |
| --- | --- | --- | --- | --- | --- | --- |
"""


def cell(text):
    return " ".join(str(text).split()).replace("|", "\\|")


def plain(text):
    """Without what belongs to the machine: folders of paths."""
    return re.sub(r"(?<![\w.])/(?:[^\s'`:,]+/)+", "", text)


def levels(document):
    found = {}
    for level in document.get("levels", []):
        found[level["level"]] = level
    return found


def rests_on(document):
    seen = ["calls"]
    found = levels(document)
    for name, word in (("P3", "memory"), ("P4", "output")):
        level = found.get(name)
        if level and level["state"] in ("observed", "partly"):
            seen.append(f"{word} ({level['cases']} cases)")
        elif level and level.get("reason"):
            seen.append(f"no {word}: {plain(level['reason'])}")
    totals = document["finished"]["totals"]
    if "outputs_compared" in totals:
        whole = [note for note in document["finished"]["notes"] if note.startswith("P3: every tensor byte")]
        seen.append("memory" if whole else "no memory")
        seen.append(f"output ({totals['outputs_compared']} spellings)" if totals["outputs_compared"] else "no output")
    return ", ".join(seen)


def found(document):
    lines = []
    for failure in document["failures"]:
        line = f"`{failure['rule']}` at `{failure.get('spelling', '') or '(no flag)'}`: {plain(failure['message'])}"
        if line not in lines:
            lines.append(line)
    groups = [f"{g['name']}: {g['facts']['effective']}" for g in document.get("groups", []) if "facts" in g]
    told = ["; ".join(groups)] if groups else []
    for compared in document.get("spellings", []):
        if compared["impact"] != "identical":
            words = "; ".join(plain(what) for what in compared["what"])
            told.append(f"`{compared['spelling'] or '(no flag)'}`: {compared['old']} → {compared['new']}, {compared['impact']}: {words}")
    more = [f"and {len(lines) - 4} more"] if len(lines) > 4 else []
    if "spellings" in document:
        lines, more = [], []
        if len(told) > 6:
            told[6:] = [f"and {len(told) - 6} more"]
    return "<br>".join(told + lines[:4] + more) or "nothing"


print(HEAD, end="")
for row in sorted(results.glob("*.row")):
    loader, version, model, asked = row.read_text().rstrip("\n").split("\t")
    file = row.with_suffix(".json")
    if not file.exists():
        why = row.with_suffix(".why")
        reason = cell(plain(why.read_text())) if why.exists() else "the run was cut off"
        print(f"| {cell(loader)} | {cell(version)} | {cell(model)} | {cell(asked)} | – | *not run*: {reason} | – |")
        continue
    document = json.loads(file.read_text().splitlines()[0]) if file.read_text().count("\n") == 1 else json.loads(file.read_text())
    verdict = f"{document['finished']['verdict']}: {plain(document['finished']['sentence'])}"
    print(f"| {cell(loader)} | {cell(version)} | {cell(model)} | {cell(asked)} | {cell(found(document))} | {cell(verdict)} | {cell(rests_on(document))} |")
