//! Places where a test can kill the process, to see what is left of its work.

/// Passes the place `name`. In builds with debug assertions, `LAMBENT_FAIL=name:count` kills this process, as a loss
/// of power would, when it passes there for the `count`-th time.
#[inline]
pub fn pass(name: &'static str) {
    #[cfg(debug_assertions)]
    armed::pass(name);
    #[cfg(not(debug_assertions))]
    let _ = name;
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Armed {
        name: String,
        left: AtomicU64,
    }

    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

    pub(super) fn pass(name: &'static str) {
        let Some(armed) = ARMED.get_or_init(|| parse(&std::env::var("LAMBENT_FAIL").ok()?)) else { return };
        if armed.name == name && armed.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            // SIGKILL leaves no room for destructors or buffers, which is the point.
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
                .expect("a process may kill itself");
        }
    }

    fn parse(text: &str) -> Option<Armed> {
        let (name, count) = text.split_once(':')?;
        Some(Armed { name: name.to_owned(), left: AtomicU64::new(count.parse().ok().filter(|n| *n > 0)?) })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_place_and_a_count_are_read_and_anything_else_is_not() {
            let armed = parse("lease:3").unwrap();
            assert_eq!((armed.name.as_str(), armed.left.load(Ordering::Relaxed)), ("lease", 3));
            for bad in ["", "lease", "lease:", "lease:0", "lease:x"] {
                assert!(parse(bad).is_none(), "{bad}");
            }
        }
    }
}
