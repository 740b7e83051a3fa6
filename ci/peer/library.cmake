# Included by CMake in llama-cpp-python's build: the library alone. llama.cpp's helpers for its own programs,
# which the package builds and never loads, take a fifth of the time. A plain variable wins over the one that
# the package puts into the cache.
set(LLAMA_BUILD_COMMON OFF)
# Its hundred and more model files, one kind of model each, include the same headers.
cmake_language(DEFER CALL set_target_properties llama PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
