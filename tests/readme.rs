//! The README does not lie: every block says how it is checked, and what can be tried without a cluster is tried here. `ci` blocks are run
//! by `.ci/run`; `cluster` blocks by the scenario `every_command_of_the_readme_works_as_typed`.

#[path = "cluster/readme.rs"]
mod readme;

use std::path::Path;
use std::process::Command;

use readme::blocks;

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
    assert_eq!(found, ["ci", "cluster", "offline", "picture", "render"]);
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

/// `--help` answers only after the flags before it were taken.
#[test]
fn the_demo_takes_its_flags_as_they_are_told() {
    for told in ["--keep", "--context NAME"] {
        let output = Command::new(env!("CARGO"))
            .args(["demo", "--"])
            .args(told.split(' '))
            .arg("--help")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo demo -- {told}: {errors}");
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
fn the_two_halves_of_a_change_are_those_of_the_sample() {
    let told = blocks()["picture"]
        .iter()
        .find(|block| block.contains("AfterRollout"))
        .map(|block| yaml(block))
        .expect("the page shows two entries");
    let sample = yaml(include_str!(
        "../config/samples/expand-contract/backend.yaml"
    ));
    assert_eq!(told["migrations"], sample["spec"]["migrations"]);
}

fn yaml(text: &str) -> serde_json::Value {
    serde_yaml::from_str(text).expect("YAML")
}

#[test]
fn every_sample_renders() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/samples");
    for sample in std::fs::read_dir(samples).expect("the folder of samples") {
        let sample = sample.expect("a sample").path();
        let mut arguments = vec!["render".to_owned()];
        for file in std::fs::read_dir(&sample).expect("a folder") {
            let file = file.expect("a file").path();
            if !file.ends_with("kustomization.yaml") {
                arguments.extend(["-f".to_owned(), file.display().to_string()]);
            }
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (code, output, errors) = slipway(&arguments);
        assert_eq!(code, Some(0), "{sample:?}: {errors}");
        assert!(
            kinds(&output).contains(&"Deployment"),
            "{sample:?}: {output}"
        );
    }
}

/// Without its data nobody can say which plan is meant.
#[test]
fn render_asks_for_the_config_map_that_holds_the_files() {
    let (code, _, errors) = slipway(&[
        "render",
        "-f",
        "config/samples/config-map/backend.yaml",
        "--database",
        "config/samples/config-map/database.yaml",
    ]);
    assert_eq!(
        (code, errors.lines().last()),
        (
            Some(1),
            Some(
                "Backend ledger: spec.migrations[schema].source.configMap: ConfigMap ledger-sql is in none of the files. Next: add -f FILE"
            )
        )
    );
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
