//! What people see: colours on a terminal, plain text in a pipe.

pub(crate) mod text;

use std::io::IsTerminal;

use comfy_table::{CellAlignment, Color, Table, presets};

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

/// How a cell of a table looks on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tone {
    Plain,
    Good,
    Bad,
    Dim,
}

/// A cell of a table.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    pub(crate) fn new(text: impl ToString) -> Self {
        Self { text: text.to_string(), tone: Tone::Plain }
    }

    /// A number; one that is not zero stands out.
    pub(crate) fn alarming(count: u64) -> Self {
        Self { text: count.to_string(), tone: if count > 0 { Tone::Bad } else { Tone::Plain } }
    }

    pub(crate) fn good(text: impl ToString) -> Self {
        Self { text: text.to_string(), tone: Tone::Good }
    }

    pub(crate) fn bad(text: impl ToString) -> Self {
        Self { text: text.to_string(), tone: Tone::Bad }
    }

    pub(crate) fn dim(text: impl ToString) -> Self {
        Self { text: text.to_string(), tone: Tone::Dim }
    }

    fn painted(&self) -> comfy_table::Cell {
        let cell = comfy_table::Cell::new(&self.text);
        match self.tone {
            Tone::Plain => cell,
            Tone::Good => cell.fg(Color::Green),
            Tone::Bad => cell.fg(Color::Red),
            Tone::Dim => cell.fg(Color::DarkGrey),
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, tone: Tone::Plain }
    }
}

/// Columns of a line that is not on a terminal.
const PIPED: usize = 200;
/// Columns that are left for the last column, however narrow the terminal is.
const LAST_LEAST: usize = 20;

/// A table without lines, its columns as wide as what they hold. Columns of numbers stand right.
pub(crate) fn table<C: Into<Cell>>(header: &[&str], rows: impl IntoIterator<Item = Vec<C>>) -> String {
    draw(header, &cells(rows))
}

/// The same with the last column cut to what is left of the line. What is in it is made printable.
pub(crate) fn table_cut<C: Into<Cell>>(header: &[&str], rows: impl IntoIterator<Item = Vec<C>>) -> String {
    let line = Table::new().width().map_or(PIPED, usize::from);
    let mut rows = cells(rows);
    let before: usize = (0..header.len().saturating_sub(1))
        .map(|column| {
            let widths = rows.iter().filter_map(|row| row.get(column)).map(|cell| text::width(&cell.text));
            widths.chain(header.get(column).map(|name| text::width(name))).max().unwrap_or(0) + PADDING
        })
        .sum();
    let left = line.saturating_sub(before + PADDING).max(LAST_LEAST);
    for cell in rows.iter_mut().filter_map(|row| row.last_mut()) {
        cell.text = text::cut(&text::printable(&cell.text), left);
    }
    draw(header, &rows)
}

/// Blanks at both sides of a cell.
const PADDING: usize = 3;

fn cells<C: Into<Cell>>(rows: impl IntoIterator<Item = Vec<C>>) -> Vec<Vec<Cell>> {
    rows.into_iter().map(|row| row.into_iter().map(Into::into).collect()).collect()
}

fn draw(header: &[&str], rows: &[Vec<Cell>]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(header.iter().copied());
    if !Paint::stdout().colours {
        table.force_no_tty();
    }
    for row in rows {
        table.add_row(row.iter().map(Cell::painted));
    }
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((2, 1));
        let number = |text: &str| text.is_empty() || text.bytes().all(|b| b.is_ascii_digit());
        let mut texts = rows.iter().filter_map(|row| row.get(i)).map(|cell| cell.text.as_str());
        if texts.clone().any(|text| !text.is_empty()) && texts.all(number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Names and values under each other, the names dimmed. Empty values are left out.
pub(crate) fn facts<'a>(facts: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let facts: Vec<_> = facts.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let widest = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let paint = Paint::stdout();
    let line = |(name, value): &(&str, String)| {
        format!("  {}  {}", paint.dim(&format!("{name:widest$}")), text::printable(value))
    };
    facts.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_right_and_lines_end_at_their_last_letter() {
        let row = |name: &str, count: u64| vec![Cell::new(name), Cell::alarming(count), Cell::dim("")];
        let shown = table(&["QUEUE", "DEAD", ""], [row("orders", 7), row("invoices", 120)]);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines, ["  QUEUE      DEAD", "  orders        7", "  invoices    120"]);
    }

    #[test]
    fn the_last_column_is_cut_and_cannot_harm() {
        let body = format!("\x1b[2J{}", "x".repeat(1000));
        let shown = table_cut(&["ID", "BODY"], [vec!["1".to_owned(), body]]);
        let line = shown.lines().nth(1).unwrap();
        assert!(line.contains("\\u{1b}[2Jxxx") && line.ends_with('…'), "{line}");
        assert!(text::width(line) <= PIPED, "{}", text::width(line));
        assert!(!shown.contains('\x1b'));
    }

    #[test]
    fn facts_stand_under_each_other() {
        let shown =
            facts([("id", "1".to_owned()), ("nothing", String::new()), ("error", "a\x1bb".to_owned())]);
        assert_eq!(shown, "  id     1\n  error  a\\u{1b}b");
    }
}
