# Included by CMake in llama-cpp-python's build: the library alone. llama.cpp's helpers for its own programs,
# which the package builds and never loads, take a fifth of the time. A plain variable wins over the one that
# the package puts into the cache.
set(LLAMA_BUILD_COMMON OFF)
# Its hundred and more model files, one kind of model each, include the same headers.
cmake_language(DEFER CALL set_target_properties llama PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
# Two of them have a static function of the same name.
cmake_language(DEFER CALL set_source_files_properties "${CMAKE_CURRENT_SOURCE_DIR}/vendor/llama.cpp/src/models/gemma4.cpp"
    TARGET_DIRECTORY llama PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
