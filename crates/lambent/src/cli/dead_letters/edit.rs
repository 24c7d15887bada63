//! `lambent dead-letters edit`: another body for a letter, from the command line, a pipe or an editor.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use http::Method;

use crate::admin::view::{Content, Message};
use crate::cli::input;

#[derive(Debug, clap::Args)]
pub(super) struct Edit {
    /// The place
    place: String,
    /// The letter
    id: i64,
    /// `-` reads the new body from standard input
    #[arg(value_name = "-", value_parser = ["-"])]
    stdin: Option<String>,
    /// The new body
    #[arg(long, value_name = "TEXT", conflicts_with = "stdin")]
    body: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: super::super::Remote,
}

impl Edit {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let (remote, path) = (self.remote.connect(), super::letter_path(&self.place, self.id));
        let body = match (&self.body, &self.stdin) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(dash)) => input::text_or_stdin(dash, "the new body")?,
            (None, None) if !std::io::stdin().is_terminal() => {
                bail!(
                    "there is no terminal to edit on: give the new body with --body, or `-` and standard input"
                );
            }
            (None, None) => {
                let letter: Message = remote.get(&path).await?;
                let Content::Text(before) = &letter.body else {
                    bail!("the body is no text: give the new one with `-` and standard input");
                };
                match edit(before)? {
                    Some(after) => after.into_bytes(),
                    None => return super::super::print("nothing is changed"),
                }
            }
        };
        let answer: serde_json::Value =
            remote.send_bytes(Method::PUT, &format!("{path}/body"), body.into()).await?;
        if self.json {
            return super::super::print_json(&answer);
        }
        super::super::print(&format!(
            "letter {} of `{}` has a new body: send it back with `lambent dead-letters redrive {}`",
            self.id, self.place, self.place
        ))
    }
}

/// Has a text changed in the user's editor. `None` when it is as it was.
fn edit(before: &str) -> anyhow::Result<Option<String>> {
    let folder = Private::new()?;
    let file = folder.0.join("body.json");
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&file)
        .and_then(|mut file| file.write_all(before.as_bytes()))
        .with_context(|| format!("cannot write {}", file.display()))?;
    run_editor(&file)?;
    let after = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(changed(before, after))
}

/// What was changed. Editors end a file with a new line that the body did not have.
fn changed(before: &str, after: String) -> Option<String> {
    let after = match after.strip_suffix('\n') {
        Some(rest) if !before.ends_with('\n') => rest.to_owned(),
        _ => after,
    };
    (after != before).then_some(after)
}

fn run_editor(file: &Path) -> anyhow::Result<()> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let editor = variable("VISUAL").or_else(|| variable("EDITOR")).unwrap_or_else(|| OsString::from("vi"));
    // An editor may have arguments, as in `code --wait`: the shell takes them apart, and the file is one word.
    let mut line = editor.clone();
    line.push(" \"$1\"");
    let status = Command::new("/bin/sh").arg("-c").arg(line).arg("sh").arg(file).status();
    let editor = editor.to_string_lossy();
    let status = status.with_context(|| format!("cannot run the editor `{editor}`"))?;
    if !status.success() {
        bail!("the editor `{editor}` failed, so nothing is changed: set EDITOR, or use --body");
    }
    Ok(())
}

/// A folder that only this user can look into, and that goes with this value.
struct Private(PathBuf);

impl Private {
    fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("lambent-edit-{:016x}", fastrand::u64(..)));
        let made = std::fs::DirBuilder::new().mode(0o700).create(&path);
        made.with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_line_of_an_editor_is_no_change() {
        assert_eq!(changed("{}", "{}\n".to_owned()), None);
        assert_eq!(changed("{}\n", "{}\n".to_owned()), None);
        assert_eq!(changed("{}\n", "{}".to_owned()), Some("{}".to_owned()));
        assert_eq!(changed("{}", "{\"a\":1}\n".to_owned()), Some("{\"a\":1}".to_owned()));
        assert_eq!(changed("{}", "{}\n\n".to_owned()), Some("{}\n".to_owned()));
    }
}
