# Included by CMake in llama.cpp's own build: its programs, and llama-completion once more with log-flush.cpp.
set(LLAMA_CPP "${CMAKE_CURRENT_SOURCE_DIR}")
include("${CMAKE_CURRENT_LIST_DIR}/llama.cmake")
set(LOG_FLUSH "${CMAKE_CURRENT_LIST_DIR}/log-flush.cpp")
function(add_flushed_completion)
    add_executable(llama-completion-flushed tools/completion/main.cpp "${LOG_FLUSH}")
    target_link_libraries(llama-completion-flushed PRIVATE llama-completion-impl)
endfunction()
cmake_language(DEFER CALL add_flushed_completion)
