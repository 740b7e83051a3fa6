# A loader without load flags: the model is read through a stream.
schema = "loadparity.dialect/1"
name = "x-whisper.cpp"
about = "whisper.cpp's programs, which have no flag about loading"
sources = ["ggml-org/whisper.cpp at 0100afcd: examples/cli/cli.cpp"]
inferred = ["that the file is read: from the loader's callbacks, which read and skip"]
programs = ["whisper-cli", "whisper-server"]

[combine]
rule = "switches"
switches = { source = "read" }
