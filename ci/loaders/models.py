"""Makes one small model of every format, seeded: models.py DIR. Needs numpy, safetensors, onnx, faiss and openvino."""
import sys
from pathlib import Path

import faiss
import numpy as np
import onnx
import openvino
import safetensors.numpy
from onnx import TensorProto, helper, numpy_helper

SIDE = 1024  # a matrix of 4 MiB
folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(42)


def matrix(rows=SIDE, columns=SIDE):
    return random.standard_normal((rows, columns), dtype=np.float32)


tensors = {name: matrix() for name in ("a", "b", "c")}
np.save(folder / "array.npy", tensors["a"])
np.savez(folder / "arrays.npz", **tensors)
safetensors.numpy.save_file(tensors, folder / "model.safetensors")
for number, names in enumerate((("a",), ("b", "c")), 1):
    part = {name: tensors[name] for name in names}
    safetensors.numpy.save_file(part, folder / f"shards-{number}-of-2.safetensors")
(folder / "shards.safetensors.index.json").write_text(
    '{"metadata": {}, "weight_map": {"a": "shards-1-of-2.safetensors", '
    '"b": "shards-2-of-2.safetensors", "c": "shards-2-of-2.safetensors"}}')

nodes = [helper.make_node("MatMul", ["x", "a"], ["y"]), helper.make_node("MatMul", ["y", "b"], ["z"])]
graph = helper.make_graph(
    nodes, "two products",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, SIDE])],
    [helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, SIDE])],
    [numpy_helper.from_array(tensors[name], name) for name in ("a", "b")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
onnx.save(model, folder / "inline.onnx")
openvino.save_model(openvino.convert_model(folder / "inline.onnx"), folder / "openvino.xml", compress_to_fp16=False)
onnx.save(model, folder / "external.onnx", save_as_external_data=True, location="external.onnx.data")

vectors = matrix(16 * SIDE, 64)
flat = faiss.IndexFlatL2(64)
flat.add(vectors)
faiss.write_index(flat, str(folder / "flat.faiss"))
lists = faiss.IndexIVFFlat(faiss.IndexFlatL2(64), 64, 16)
lists.train(vectors)
lists.add(vectors)
faiss.write_index(lists, str(folder / "lists.faiss"))
