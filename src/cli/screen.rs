//! What is said to a person while a command runs and at its end: how much, in colour or not, and how far it is.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::check::Progress;

/// How often a line tells how far a campaign is, where no bar can.
const TICK: Duration = Duration::from_secs(10);

/// How much a command that reports says.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct ScreenArgs {
    /// Say more: every code path, every normalisation, every line of a difference.
    #[arg(short, long, conflicts_with = "quiet")]
    pub(super) verbose: bool,

    /// Say only what is not a pass, and the verdict; no progress.
    #[arg(short, long)]
    pub(super) quiet: bool,

    /// Whether the report on standard output is coloured; `auto` colours a terminal, unless `NO_COLOR` is set.
    #[arg(long, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    color: Colour,
}

/// When there are colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Colour {
    /// On a terminal that takes them.
    #[default]
    Auto,
    /// In a file and a pipe too.
    Always,
    /// Never.
    Never,
}

impl ScreenArgs {
    /// Whether a report may have colours where its stream takes them.
    pub(super) fn may_colour(&self) -> bool {
        self.color != Colour::Never
    }

    /// Makes the choice that of the whole program. It counts for streams that are opened later.
    pub(super) fn apply(&self) {
        match self.color {
            Colour::Auto => {}
            Colour::Always => anstream::ColorChoice::AlwaysAnsi.write_global(),
            Colour::Never => anstream::ColorChoice::Never.write_global(),
        }
    }
}

/// How far a campaign is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    planned: u64,
    finished: u64,
    failed: u64,
}

impl Count {
    fn line(self, command: &str, elapsed: Duration) -> String {
        let Self { planned, finished, failed } = self;
        let failed = if failed > 0 { format!(", {failed} divergent") } else { String::new() };
        // More may be run than was planned: what looks broken is repeated, and an exploration finds its cases.
        let of = if planned < finished { String::new() } else { format!(" of {planned}") };
        format!("{command}: {finished}{of} cases{failed}, {} s", elapsed.as_secs())
    }
}

/// What tells how far a campaign is, on standard error: a bar on a terminal, a line now and then elsewhere.
pub(super) struct Bar(Shown);

enum Shown {
    Nothing,
    Bar(ProgressBar),
    Lines { count: Arc<Mutex<Count>>, end: Option<Sender<()>>, ticker: Option<JoinHandle<()>> },
}

impl Bar {
    /// That of a campaign of this command.
    pub(super) fn new(command: &'static str, screen: ScreenArgs) -> Self {
        if screen.quiet {
            return Self(Shown::Nothing);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if bar.is_hidden() {
            return Self::of_lines(command, TICK, |line| super::streams::tell(&line));
        }
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} cases {elapsed} {msg}") {
            bar.set_style(style);
        }
        Self(Shown::Bar(bar))
    }

    /// Lines, told once in each period by a thread: a case that hangs lets no event come.
    fn of_lines(command: &'static str, period: Duration, tell: impl Fn(String) + Send + 'static) -> Self {
        let count = Arc::new(Mutex::new(Count::default()));
        let (end, ended) = mpsc::channel();
        let (started, seen) = (Instant::now(), count.clone());
        let ticker = std::thread::Builder::new().name("progress".to_owned()).spawn(move || {
            while ended.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
                let count = *seen.lock().unwrap_or_else(PoisonError::into_inner);
                tell(count.line(command, started.elapsed()));
            }
        });
        // Without a thread nothing is told: the campaign matters more.
        Self(Shown::Lines { count, end: Some(end), ticker: ticker.ok() })
    }

    pub(super) fn show(&self, progress: Progress) {
        match &self.0 {
            Shown::Nothing => {}
            Shown::Bar(bar) => match progress {
                Progress::Planned(cases) => bar.set_length(cases),
                Progress::Finished => bar.inc(1),
                Progress::Failed => bar.set_message("divergent"),
            },
            Shown::Lines { count, .. } => {
                let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
                match progress {
                    Progress::Planned(cases) => count.planned = cases,
                    Progress::Finished => count.finished += 1,
                    Progress::Failed => count.failed += 1,
                }
            }
        }
    }
}

impl Drop for Bar {
    /// Nothing of it is left when a report begins, or a message of what went wrong.
    fn drop(&mut self) {
        match &mut self.0 {
            Shown::Nothing => {}
            Shown::Bar(bar) => bar.finish_and_clear(),
            Shown::Lines { end, ticker, .. } => {
                drop(end.take());
                if let Some(ticker) = ticker.take() {
                    _ = ticker.join();
                }
            }
        }
    }
}

/// A stream that a person may look at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    /// The columns of a line: the terminal's, else those that `COLUMNS` names.
    pub(super) fn columns(self) -> Option<u16> {
        let terminal = match self {
            Self::Stdout => console::Term::stdout(),
            Self::Stderr => console::Term::stderr(),
        };
        let told = || std::env::var("COLUMNS").ok()?.parse().ok().filter(|columns| *columns > 0);
        terminal.is_term().then(|| terminal.size().1).or_else(told)
    }
}

/// Whether whoever reads shows more than ASCII, as the locale says: also what goes through a pipe is looked at.
pub(super) fn shows_unicode() -> bool {
    supports_unicode::supports_unicode()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_how_far_it_is() {
        let count = Count { planned: 276, finished: 120, failed: 1 };
        assert_eq!(
            count.line("check", Duration::from_secs(41)),
            "check: 120 of 276 cases, 1 divergent, 41 s"
        );
        let more = Count { planned: 2, finished: 3, failed: 0 };
        assert_eq!(more.line("compare", Duration::ZERO), "compare: 3 cases, 0 s");
    }

    /// A case that hangs is told of too, and nothing is once the bar is gone.
    #[test]
    fn lines_come_without_events_and_end_with_the_bar() {
        let (told, lines) = mpsc::channel();
        let bar = Bar::of_lines("check", Duration::from_millis(1), move |line| _ = told.send(line));
        bar.show(Progress::Planned(7));
        bar.show(Progress::Finished);
        bar.show(Progress::Failed);
        let line = lines.iter().find(|line| line.contains("1 of 7 cases, 1 divergent"));
        assert!(line.is_some());
        drop(bar);
        // The thread is gone, and with it the other end.
        assert_eq!(lines.iter().filter(|line| line.is_empty()).count(), 0);
    }

    #[test]
    fn nothing_is_told_where_nothing_is_wanted() {
        let bar = Bar::new("check", ScreenArgs { quiet: true, ..ScreenArgs::default() });
        assert!(matches!(bar.0, Shown::Nothing));
    }
}
