"""Loads a model with one library and prints a sum over what it computes or holds: drive.py LIBRARY MODEL [WORD...].

The words are the library's own keywords, as the dialect files beside this one describe them.
"""
import hashlib
import sys

library, model, *words = sys.argv[1:]
given = dict(word.split("=", 1) for word in words)
takes = {"numpy": "mmap_mode", "gguf": "mode", "safetensors": "via", "openvino": "ENABLE_MMAP", "faiss": "io_flags"}
for word in given:
    if word != takes.get(library):
        sys.exit(f"{library} takes no keyword `{word}`")


def show(name, array):
    import numpy as np
    print(name, array.dtype, array.shape, hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16])


def use_numpy():
    import numpy as np
    mode = given.get("mmap_mode", "None")
    loaded = np.load(model, mmap_mode=None if mode == "None" else mode)
    for name in getattr(loaded, "files", [""]):
        show(name, loaded[name] if name else loaded)


def use_gguf():
    from gguf import GGUFReader
    for tensor in GGUFReader(model, given.get("mode", "r")).tensors:
        show(tensor.name, tensor.data)


def use_safetensors():
    import safetensors.numpy
    from safetensors import safe_open
    if given.get("via", "path") == "bytes":
        with open(model, "rb") as file:
            tensors = safetensors.numpy.load(file.read())
        for name in sorted(tensors):
            show(name, tensors[name])
        return
    with safe_open(model, framework="np") as file:
        for name in sorted(file.keys()):
            show(name, file.get_tensor(name))


def use_onnxruntime():
    import numpy as np
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    x = np.linspace(-1, 1, 1024, dtype=np.float32).reshape(1, -1)
    show("z", session.run(None, {"x": x})[0])


def use_openvino():
    import numpy as np
    import openvino as ov
    core = ov.Core()
    core.set_property({"ENABLE_MMAP": given.get("ENABLE_MMAP", "YES")})
    config = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(core.read_model(model.replace(".bin", ".xml")), "CPU", config)
    x = np.linspace(-1, 1, 1024, dtype=np.float32).reshape(1, -1)
    show("z", compiled(x)[0])


def use_faiss():
    import faiss
    import numpy as np
    faiss.omp_set_num_threads(1)
    flags = {"none": 0, "mmap": faiss.IO_FLAG_MMAP, "mmap_ifc": getattr(faiss, "IO_FLAG_MMAP_IFC", 0)}
    index = faiss.read_index(model, flags[given.get("io_flags", "none")])
    if hasattr(index, "nprobe"):
        index.nprobe = index.nlist
    x = np.linspace(-1, 1, 64, dtype=np.float32).reshape(1, -1)
    distances, labels = index.search(x, 10)
    show("distances", distances)
    show("labels", labels)


def use_gpt4all():
    import os
    from gpt4all import GPT4All
    folder, name = os.path.split(model)
    loaded = GPT4All(name, model_path=folder, allow_download=False, device="cpu", n_threads=1, verbose=False)
    print(loaded.generate("And", max_tokens=4, temp=0))


{name[4:]: use for name, use in list(globals().items()) if name.startswith("use_")}[library]()
