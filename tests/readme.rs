//! The README does not lie: every block says how it is checked, and what can be tried without a cluster is tried here. `ci` blocks are run
//! by `.ci/run`; `paths` blocks are commands for a cluster whose files must be there and make sense; `text` shows, and is not run.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../README.md");

/// The blocks by how they are checked.
fn blocks() -> BTreeMap<&'static str, Vec<String>> {
    let mut blocks: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut marker = None;
    let mut open: Option<Vec<&str>> = None;
    for line in README.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(lines), Some(_)) => {
                let how = marker.take().expect("a block is opened with its marker");
                blocks.entry(how).or_default().push(lines.join("\n"));
                open = None;
            }
            (Some(lines), None) => lines.push(line),
            (None, Some("text")) => {
                marker = Some("picture");
                open = Some(Vec::new());
            }
            (None, Some(language)) => {
                assert!(
                    marker.is_some(),
                    "a block of {language} without <!-- checked: ... --> above it"
                );
                open = Some(Vec::new());
            }
            (None, None) => {
                marker = line
                    .strip_prefix("<!-- checked: ")
                    .and_then(|rest| rest.strip_suffix(" -->"));
            }
        }
    }
    blocks
}

fn slipway(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_slipway"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn kinds(yaml: &str) -> Vec<&str> {
    yaml.lines()
        .filter_map(|line| line.strip_prefix("kind: "))
        .collect()
}

#[test]
fn every_block_says_how_it_is_checked() {
    let found: Vec<&str> = blocks().into_keys().collect();
    assert_eq!(
        found,
        ["ci", "offline", "paths", "picture", "render", "text"]
    );
}

#[test]
fn the_two_commands_are_what_ci_runs() {
    let steps = include_str!("../.ci/run");
    for command in &blocks()["ci"] {
        assert!(
            steps.lines().any(|line| line.starts_with(command.as_str())),
            "{command} is not in .ci/run"
        );
    }
}

#[test]
fn the_backend_of_the_readme_renders() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme.yaml");
    std::fs::write(&file, blocks()["render"].join("\n---\n")).expect("the file can be written");
    let (code, output, errors) = slipway(&["render", "-f", file.to_str().expect("a path of text")]);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(
        kinds(&output),
        [
            "ServiceAccount",
            "Service",
            "Migration",
            "Job",
            "ControllerRevision",
            "Deployment"
        ],
        "{output}"
    );
}

#[test]
fn the_offline_commands_work_as_typed() {
    for block in &blocks()["offline"] {
        for line in block.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let arguments = words
                .strip_prefix(&["slipway"])
                .expect("an offline command is slipway's");
            let (code, _, errors) = slipway(arguments);
            assert_eq!(code, Some(0), "{line}: {errors}");
        }
    }
}

#[test]
fn every_sample_renders() {
    for (sample, files) in [
        ("quickstart", ["backend.yaml", "database.yaml"].as_slice()),
        ("http-api", &["backend.yaml", "database.yaml"]),
        ("grpc-gateway", &["backend.yaml"]),
        ("worker", &["backend.yaml"]),
    ] {
        let paths: Vec<String> = files
            .iter()
            .map(|file| format!("config/samples/{sample}/{file}"))
            .collect();
        let mut arguments = vec!["render"];
        for path in &paths {
            arguments.extend(["-f", path]);
        }
        let (code, output, errors) = slipway(&arguments);
        assert_eq!(code, Some(0), "{sample}: {errors}");
        assert!(kinds(&output).contains(&"Deployment"), "{sample}: {output}");
    }
}

#[test]
fn a_mistyped_field_ends_render_with_1_and_a_missing_file_with_2() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mistyped.yaml");
    let text = "apiVersion: slipway.dev/v1alpha1\nkind: Backend\nmetadata: {name: a}\nspec: {image: 'a:1', replica: 2}\n";
    std::fs::write(&file, text).expect("the file can be written");
    let (code, output, errors) = slipway(&["render", "-f", file.to_str().expect("a path of text")]);
    assert_eq!((code, output.as_str()), (Some(1), ""));
    assert!(
        errors.contains("Backend a: spec.replica: unknown field"),
        "{errors}"
    );
    let (code, _, errors) = slipway(&["render", "-f", "no-such-file.yaml"]);
    assert_eq!(code, Some(2), "{errors}");
}

#[test]
fn the_files_that_the_install_commands_name_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for word in blocks()["paths"]
        .iter()
        .flat_map(|block| block.split_whitespace())
    {
        if word.starts_with("config/") {
            assert!(
                root.join(word).join("kustomization.yaml").is_file(),
                "{word}"
            );
        } else if word.starts_with("charts/") {
            assert!(root.join(word).join("Chart.yaml").is_file(), "{word}");
        }
    }
}
