# Included by CMake in llama-cpp-python's build: the library alone. llama.cpp's helpers for its own programs,
# which the package builds and never loads, take a fifth of the time. A plain variable wins over the one that
# the package puts into the cache.
set(LLAMA_BUILD_COMMON OFF)
set(LLAMA_CPP "${CMAKE_CURRENT_SOURCE_DIR}/vendor/llama.cpp")
include("${CMAKE_CURRENT_LIST_DIR}/llama.cmake")
