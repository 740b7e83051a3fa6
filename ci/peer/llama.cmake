# What both builds of llama.cpp share; LLAMA_CPP is the folder that its source is in.
# Its hundred and more model files, one kind of model each, include the same headers.
cmake_language(DEFER CALL set_target_properties llama PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
# Two of them have a static function of the same name.
cmake_language(DEFER CALL set_source_files_properties "${LLAMA_CPP}/src/models/gemma4.cpp"
    TARGET_DIRECTORY llama PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
# A virtual machine may state AMX and not let it be used; then the first multiplication ends the process. Without
# it all machines with AVX-512 run the same code, too.
include(CheckCCompilerFlag)
check_c_compiler_flag(-mno-amx-tile HAVE_AMX_FLAGS)
if(HAVE_AMX_FLAGS)
    cmake_language(DEFER CALL target_compile_options ggml-cpu PRIVATE -mno-amx-tile -mno-amx-int8 -mno-amx-bf16)
endif()
