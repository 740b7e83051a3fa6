//! Ctrl-C and the signals that ask a program to end: a campaign stops after the case under way and reports what it
//! has; a second one ends it at once.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);
static INSTALLED: Once = Once::new();

/// The exit code of a program that a signal from the terminal ended.
const INTERRUPTED: i32 = 130;

/// The flag that is set when the program is asked to end; the first call begins to listen.
pub(super) fn flag() -> &'static AtomicBool {
    INSTALLED.call_once(|| {
        // Where it cannot listen the program ends at once, as before.
        let _ = ctrlc::set_handler(|| {
            if ASKED.swap(true, Ordering::SeqCst) {
                std::process::exit(INTERRUPTED);
            }
        });
    });
    &ASKED
}
