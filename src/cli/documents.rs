//! The manifests that people hand to a command: several files, several documents in each. Everything goes through JSON, so that what is
//! read is what the API server would get; what JSON cannot say (tags, keys that are no strings, duplicate keys) is an error.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::schema;

/// Why the manifests cannot be used.
#[derive(Debug, Error)]
pub enum DocumentError {
    #[error("cannot read {file}", file = file.display())]
    Read {
        file: PathBuf,
        source: std::io::Error,
    },
    #[error("{file}: document {number} is no YAML: {source}", file = file.display())]
    Yaml {
        file: PathBuf,
        number: usize,
        source: serde_yaml::Error,
    },
    #[error("{file}: document {number}: {fault}", file = file.display())]
    Shape {
        file: PathBuf,
        number: usize,
        fault: String,
    },
}

/// One object of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub file: PathBuf,
    /// Place in the file, from 1.
    pub number: usize,
    pub object: Value,
}

impl Document {
    /// `Backend orders`, for messages.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}", self.text("/kind"), self.text("/metadata/name"))
    }

    /// A string in the object; empty where there is none.
    #[must_use]
    pub fn text(&self, pointer: &str) -> &str {
        self.object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// What is wrong with the object by its schema, each with file and title in front.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let place = format!("{}: {}", self.file.display(), self.title());
        schema::complaints(&self.object)
            .into_iter()
            .map(|complaint| format!("{place}: {complaint}"))
            .collect()
    }
}

/// All documents of a file; `-` is standard input.
pub fn read(file: &Path) -> Result<Vec<Document>, DocumentError> {
    let failed = |source| DocumentError::Read {
        file: file.to_owned(),
        source,
    };
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(failed)?;
        text
    } else {
        std::fs::read_to_string(file).map_err(failed)?
    };
    parse(file, &text)
}

/// The documents in `text`; empty ones are left out, and a `List` is taken apart.
fn parse(file: &Path, text: &str) -> Result<Vec<Document>, DocumentError> {
    let mut documents = Vec::new();
    for (index, document) in serde_yaml::Deserializer::from_str(text).enumerate() {
        let number = index + 1;
        let yaml =
            serde_yaml::Value::deserialize(document).map_err(|source| DocumentError::Yaml {
                file: file.to_owned(),
                number,
                source,
            })?;
        let object = to_json(yaml).map_err(|fault| DocumentError::Shape {
            file: file.to_owned(),
            number,
            fault,
        })?;
        if !object.is_null() {
            documents.extend(parts(object).into_iter().map(|object| Document {
                file: file.to_owned(),
                number,
                object,
            }));
        }
    }
    match documents.iter().find(|document| {
        document.text("/kind").is_empty() || document.text("/metadata/name").is_empty()
    }) {
        Some(document) => Err(DocumentError::Shape {
            file: file.to_owned(),
            number: document.number,
            fault: "kind and metadata.name must be there".to_owned(),
        }),
        None => Ok(documents),
    }
}

fn parts(object: Value) -> Vec<Value> {
    match object.get("items") {
        Some(Value::Array(items)) if object.get("kind").is_some_and(|kind| kind == "List") => {
            items.clone()
        }
        _ => vec![object],
    }
}

/// By hand, as a tag would otherwise become a map with a key of that name.
fn to_json(yaml: serde_yaml::Value) -> Result<Value, String> {
    Ok(match yaml {
        serde_yaml::Value::Mapping(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(key, value)| match key {
                    serde_yaml::Value::String(key) => Ok((key, to_json(value)?)),
                    other => Err(format!("the key {other:?} is no string; put it in quotes")),
                })
                .collect::<Result<_, String>>()?,
        ),
        serde_yaml::Value::Sequence(items) => Value::Array(
            items
                .into_iter()
                .map(to_json)
                .collect::<Result<_, String>>()?,
        ),
        serde_yaml::Value::Tagged(tagged) => {
            return Err(format!(
                "the tag {} means nothing to Kubernetes; remove it",
                tagged.tag
            ));
        }
        flat => serde_json::to_value(flat).map_err(|error| error.to_string())?,
    })
}

#[cfg(test)]
mod tests {
    use super::parse;
    use std::path::Path;

    fn answer(text: &str) -> Result<Vec<String>, String> {
        parse(Path::new("f.yaml"), text)
            .map(|documents| documents.iter().map(super::Document::title).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_may_hold_several_documents_and_lists() {
        let text = "---\nkind: A\nmetadata: {name: one}\n---\n# nothing\n---\nkind: List\nitems:\n- {kind: B, metadata: {name: two}}\n";
        assert_eq!(
            answer(text),
            Ok(vec!["A one".to_owned(), "B two".to_owned()])
        );
    }

    #[test]
    fn what_kubernetes_cannot_read_is_refused() {
        assert_eq!(
            answer("kind: !x A\n"),
            Err("f.yaml: document 1: the tag !x means nothing to Kubernetes; remove it".to_owned())
        );
        assert_eq!(
            answer("kind: A\n"),
            Err("f.yaml: document 1: kind and metadata.name must be there".to_owned())
        );
        let twice = answer("kind: A\nkind: B\n").expect_err("a duplicate key");
        assert!(
            twice.starts_with("f.yaml: document 1 is no YAML: ") && twice.contains("duplicate"),
            "{twice}"
        );
    }
}
