// Loads a model with node-llama-cpp and prints four tokens: drive.mjs FOLDER MODEL ['OPTION: VALUE'...]
// FOLDER holds node_modules; the options are those of loadModel(), written as they stand in an object.
const [, , folder, modelPath, ...words] = process.argv;
const {getLlama} = await import(`${folder}/node_modules/node-llama-cpp/dist/index.js`);
const options = Object.fromEntries(words.map((word) => word.split(": ")).map(([key, value]) => [key, JSON.parse(value)]));
const llama = await getLlama({gpu: false, build: "never", progressLogs: false});
const model = await llama.loadModel({modelPath, gpuLayers: 0, ...options});
const context = await model.createContext({contextSize: 64, threads: 1});
const made = [];
for await (const token of context.getSequence().evaluate(model.tokenize("And"), {temperature: 0})) {
    made.push(token);
    if (made.length === 4) break;
}
console.log(JSON.stringify(model.detokenize(made)));
await llama.dispose();
