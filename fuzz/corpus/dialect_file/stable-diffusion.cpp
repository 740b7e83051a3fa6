# The mapping is one of the file alone where tensors cannot stay where they lie; then they are copied out of it.
schema = "loadparity.dialect/1"
name = "x-stable-diffusion.cpp"
about = "stable-diffusion.cpp since it can map its weights (#1414): --mmap"
sources = ["leejet/stable-diffusion.cpp#1059, #1414 and #1698"]
inferred = ["that nothing means a buffered read: the mapping has to be asked for"]
programs = ["sd", "sd-cli", "sd-server"]

[combine]
rule = "switches"
switches = { source = "read" }

[[flag]]
sets = "map"
on = ["--mmap"]
help = "map the file"
