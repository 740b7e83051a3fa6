//! The program's own streams: what of others goes through them, and what is said of a defect of its own.

use std::io::{self, IsTerminal, Write};

use crate::report::screen::Guard;

/// Commands whose standard output may hold styles; text of others in it is plain already.
const STYLED: [&str; 6] = ["baseline", "check", "compare", "dialects", "merge", "judge"];

/// Commands whose output is the program's own text, and is obeyed by others: pages, schemas, completions.
const OWN: [&str; 2] = ["docs", "schema"];

/// Commands whose output is a product, byte for byte, unless a person reads it: a diff, a generated text.
const PRODUCT: [&str; 2] = ["migrate", "run"];

/// Standard output as a command may write to it.
pub(super) fn stdout(command: Option<&str>) -> Box<dyn Write> {
    let out = io::stdout();
    let is = |commands: &[&str]| command.is_some_and(|command| commands.contains(&command));
    if is(&OWN) || (is(&PRODUCT) && !out.is_terminal()) {
        Box::new(Guard::exact(out))
    } else if is(&STYLED) {
        Box::new(Guard::styled(anstream::stdout()))
    } else {
        Box::new(Guard::text(out))
    }
}

/// Standard output for a help text, which is the program's own and has styles.
pub(super) fn help() -> impl Write {
    Guard::styled(anstream::stdout())
}

/// Standard error.
pub(super) fn stderr() -> Guard<io::Stderr> {
    Guard::text(io::stderr())
}

/// Says a line on standard error. If that cannot be written to, nobody is left to tell.
pub(super) fn tell(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}

/// Lets a panic say what a report of it needs.
pub(super) fn tell_of_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let what = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
        let place = panic.location().map_or_else(String::new, |place| format!(" at {place}"));
        let version = env!("CARGO_PKG_VERSION");
        tell(&format!(
            "loadparity: internal error{place}: {what}\nThis is a defect of loadparity {version}: please report it to \
             its issue tracker, with this message, the command line, and the file that it happens with"
        ));
    }));
}
