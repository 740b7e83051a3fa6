// Linked into llama-completion-flushed: waits at exit for what the program has said.
// A thread of llama.cpp's logger writes its messages and, in llama-completion, the generated text too. The program
// ends without waiting for that thread, so that at times the last words of the text or every message of a failure
// are missing. Nothing but the end is changed.
#include "log.h"

struct log_flush {
    ~log_flush() { common_log_pause(common_log_main()); }
};

static log_flush at_exit;
