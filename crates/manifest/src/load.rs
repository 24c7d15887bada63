//! From a path, or from text, to an app.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use lambent_core::limits;
use toml::de::{DeTable, DeValue};

use crate::fault::{Fault, Read};
use crate::node::Node;
use crate::problem::{Problem, Problems};
use crate::source::Source;
use crate::{App, app, example};

/// What a manifest is called.
pub const FILE_NAME: &str = "lambent.toml";

/// What a SAM template is called.
const SAM_FILE_NAMES: &[&str] = &["template.yaml", "template.yml"];

/// Loads the app that a manifest describes: `path` is the manifest, or the folder that holds it.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(path: &Path) -> Result<App, Problems> {
    let file = if path.is_dir() { path.join(FILE_NAME) } else { path.to_owned() };
    let folder = file.parent().map_or_else(PathBuf::new, Path::to_owned);
    // The bare name of a file lies in the folder that the program runs in.
    let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
    let shown = file.strip_prefix(".").unwrap_or(&file).display().to_string();
    if is_sam(&file) && file.is_file() {
        return Err(sam(shown).into());
    }
    let bytes = read_file(&file).map_err(|error| unreadable(&file, &folder, &error))?;
    if bytes.len() as u64 > limits::MANIFEST_MAX {
        return Err(too_large(&shown).into());
    }
    let text = String::from_utf8(bytes).map_err(|error| not_utf8(&shown, error.as_bytes()))?;
    parse(&text, &folder, &shown)
}

/// Reads the app that a manifest's text describes. `folder` is what its paths are relative to, `file_name` is what
/// its problems call it.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(text: &str, folder: &Path, file_name: &str) -> Result<App, Problems> {
    if text.len() as u64 > limits::MANIFEST_MAX {
        return Err(too_large(file_name).into());
    }
    let folder = match folder.canonicalize() {
        Ok(folder) => folder,
        Err(error) => {
            return Err(whole(folder.display().to_string(), format!("cannot be read: {error}")).into());
        }
    };
    let source = Source::new(file_name, text);
    read_text(text, &folder, &source).map_err(|faults| source.problems(faults))
}

/// Reads the app that a text describes, in a folder whose path is absolute.
pub(crate) fn read_text(text: &str, folder: &Path, source: &Source<'_>) -> Read<App> {
    let (tree, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What the parser makes of broken text would only give rise to problems that are none.
        return Err(errors.iter().map(syntax).collect());
    }
    let tree = DeValue::Table(tree.into_inner());
    app::read(&Node::root(&tree), folder, source)
}

fn syntax(error: &toml::de::Error) -> Fault {
    Fault { span: error.span(), ..Fault::overall(error.message()) }
}

/// Reads a file, but not more of it than shows that it is too large.
fn read_file(file: &Path) -> io::Result<Vec<u8>> {
    // A pipe would be waited for without end.
    if !fs::metadata(file)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(file)?.take(limits::MANIFEST_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(file: &Path, folder: &Path, error: &io::Error) -> Problem {
    if error.kind() != io::ErrorKind::NotFound {
        return whole(file.display().to_string(), format!("cannot be read: {error}"));
    }
    if !file.ends_with(FILE_NAME) || !folder.is_dir() {
        return whole(file.display().to_string(), "there is no such file or folder".to_owned());
    }
    if let Some(template) = SAM_FILE_NAMES.iter().map(|name| folder.join(name)).find(|path| path.is_file()) {
        return sam(template.display().to_string());
    }
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let problem = whole(folder.display().to_string(), format!("there is no {FILE_NAME} in this folder"));
    Problem { suggestion: Some(format!("write one:\n\n{}", example())), ..problem }
}

fn is_sam(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn sam(file: String) -> Problem {
    let problem = whole(file, "SAM templates are not supported in this release".to_owned());
    Problem { suggestion: Some(format!("describe the app in a {FILE_NAME}:\n\n{}", example())), ..problem }
}

fn too_large(file: &str) -> Problem {
    whole(file.to_owned(), format!("is larger than {} bytes", limits::MANIFEST_MAX))
}

fn not_utf8(file: &str, bytes: &[u8]) -> Problems {
    let good = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let source = Source::new(file, good);
    let fault = Fault { span: Some(good.len()..good.len()), ..Fault::overall("this is not UTF-8") };
    source.problems(fault.suggest("save the file as UTF-8").into())
}

fn whole(file: String, message: String) -> Problem {
    Problem { file, place: None, key: String::new(), message, suggestion: None }
}
