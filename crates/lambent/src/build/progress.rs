//! What people see while code is made ready.

use std::collections::BTreeMap;
use std::fmt;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{Error, What};

/// How often the spinner of a terminal moves.
const TICK: Duration = Duration::from_millis(100);

/// Something that happened. Nothing is reported where there was nothing to do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'a> {
    /// Work for a function began.
    Started {
        /// The function.
        function: &'a str,
        /// The work.
        what: What,
    },
    /// A line of the tool that does the work, without control characters.
    Line {
        /// The function.
        function: &'a str,
        /// The line.
        text: &'a str,
    },
    /// The work is done.
    Finished {
        /// The function.
        function: &'a str,
        /// The work.
        what: What,
        /// How long it took.
        took: Duration,
    },
    /// The work failed; the caller gets the reason.
    Failed {
        /// The function.
        function: &'a str,
        /// The work.
        what: What,
        /// How long it took.
        took: Duration,
    },
}

/// Where events go. Cheap to clone; functions may be made ready at the same time.
#[derive(Clone)]
pub(crate) struct Progress(Arc<dyn Fn(Event<'_>) + Send + Sync>);

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

impl Progress {
    /// Reports to a function.
    pub(crate) fn new(report: impl Fn(Event<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(report))
    }

    /// Reports to standard error: spinners on a terminal, lines elsewhere.
    pub(crate) fn stderr() -> Self {
        if std::io::stderr().is_terminal() { Self::spinners() } else { Self::lines() }
    }

    /// A spinner for each function, with the last line of its tool.
    fn spinners() -> Self {
        let screen = MultiProgress::new();
        let spinners: Mutex<BTreeMap<String, ProgressBar>> = Mutex::default();
        Self::new(move |event| match event {
            Event::Started { function, what } => {
                let spinner = screen.add(spinner(function, what));
                spinner.enable_steady_tick(TICK);
                if let Some(old) = held(&spinners).insert(function.to_owned(), spinner) {
                    old.finish_and_clear();
                }
            }
            Event::Line { function, text } => {
                if let Some(spinner) = held(&spinners).get(function) {
                    spinner.set_message(text.to_owned());
                }
            }
            Event::Finished { function, .. } | Event::Failed { function, .. } => {
                if let Some(spinner) = held(&spinners).remove(function) {
                    spinner.finish_and_clear();
                }
                let text = sentence(event).unwrap_or_default();
                screen.suspend(|| eprintln!("{text}"));
            }
        })
    }

    /// A line when work begins and one when it ends: what a log or a pipe should have.
    fn lines() -> Self {
        Self::new(|event| {
            if let Some(text) = sentence(event) {
                eprintln!("{text}");
            }
        })
    }

    pub(super) fn line(&self, function: &str, text: &str) {
        if !text.trim().is_empty() {
            (self.0)(Event::Line { function, text });
        }
    }

    /// Does a piece of work, and reports its beginning and its end. Also says how long it took.
    pub(super) fn during<T>(
        &self,
        function: &str,
        what: What,
        work: impl FnOnce() -> Result<T, Error>,
    ) -> Result<(T, Duration), Error> {
        (self.0)(Event::Started { function, what });
        let since = Instant::now();
        let result = work();
        let took = since.elapsed();
        (self.0)(match &result {
            Ok(_) => Event::Finished { function, what, took },
            Err(_) => Event::Failed { function, what, took },
        });
        result.map(|made| (made, took))
    }
}

fn spinner(function: &str, what: What) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg:.dim}")
        .expect("the template is well formed");
    ProgressBar::new_spinner().with_style(style).with_prefix(format!("{function}: {}", what.doing()))
}

/// A thread that panicked while it held the spinners leaves them usable: they are only drawn.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The event as a line for people; `None` for the output of tools, which an error repeats where it matters.
fn sentence(event: Event<'_>) -> Option<String> {
    match event {
        Event::Started { function, what } => Some(format!("{function}: {}", what.doing())),
        Event::Line { .. } => None,
        Event::Finished { function, what, took } => {
            Some(format!("{function}: {} ({:.1} s)", what.done(), took.as_secs_f64()))
        }
        Event::Failed { function, what, took } => {
            Some(format!("{function}: {} failed after {:.1} s", what.doing(), took.as_secs_f64()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_reported_from_beginning_to_end() {
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let sink = Arc::clone(&seen);
        let progress = Progress::new(move |event| {
            let text = match event {
                Event::Line { text, .. } => Some(text.to_owned()),
                event => sentence(event).map(|text| text.split(" (").next().unwrap_or_default().to_owned()),
            };
            held(&sink).extend(text);
        });
        let work = || {
            progress.line("pay", "added 3 packages");
            progress.line("pay", "  ");
            Ok(7)
        };
        assert_eq!(progress.during("pay", What::NpmPackages, work).unwrap().0, 7);
        let expect = ["pay: installing npm packages", "added 3 packages", "pay: installed npm packages"];
        assert_eq!(*held(&seen), expect);
    }
}
