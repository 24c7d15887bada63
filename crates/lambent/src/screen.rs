//! What people see: colours on a terminal, plain text in a pipe.

use std::io::IsTerminal;

use comfy_table::{Table, presets};

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    colours: bool,
}

impl Paint {
    /// For standard output. `NO_COLOR` is honoured (no-color.org).
    pub(crate) fn stdout() -> Self {
        Self { colours: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
    }

    /// For standard error.
    pub(crate) fn stderr() -> Self {
        Self { colours: std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    pub(crate) fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// One of six colours, always the same for the same name.
    pub(crate) fn name(self, name: &str) -> String {
        let sum: u32 = name.bytes().map(u32::from).sum();
        self.paint(&(31 + sum % 6).to_string(), name)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A table without lines, its columns as wide as what they hold.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(header.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((2, 1));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}
