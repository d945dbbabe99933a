//! Where the files and the tool come from: images, a ConfigMap, a volume.

use serde_json::{Value, json};

use super::{config_map, made, parameters, with_tools};
use crate::core::migration::parameters::ConfigMapFiles;
use crate::core::settings::{Images, Settings, ToolImages};

/// A program of one's own needs no files, and its words stand where the kubelet puts variables into them.
#[test]
fn a_program_runs_in_its_own_image_with_its_own_words() {
    let settings = with_tools(ToolImages {
        goose: Some("tools:1".to_owned()),
        ..ToolImages::default()
    });
    let of = |source: Value| {
        let options = json!({"tool": "Exec", "command": ["/app", "$(PGHOST)"], "source": source});
        let job = made(&options, &settings);
        let at = |pointer: &str| job.pointer(pointer).cloned().unwrap_or_default();
        let inits = at("/spec/template/spec/initContainers");
        (
            at("/spec/template/spec/containers/0/image"),
            at("/spec/template/spec/containers/0/command"),
            inits.as_array().map_or(0, Vec::len),
            parameters(&job).files,
        )
    };
    let command = json!([
        "/slipway-runner/slipway",
        "runner",
        "run",
        "--",
        "/app",
        "$(PGHOST)"
    ]);
    assert_eq!(
        of(Value::Null),
        (json!("orders:1"), command.clone(), 1, String::new())
    );
    assert_eq!(
        of(json!({"image": "sql:9", "path": "/m"})),
        (json!("sql:9"), command, 2, "/slipway-files".to_owned())
    );
}

/// No init container copies them: the runner itself compares what it takes out of the mount.
#[test]
fn the_files_of_a_config_map_are_mounted_and_the_runner_is_told_their_digest() {
    let options = |tool: &str| json!({"tool": tool, "source": {"configMap": "sql"}});
    let settings = with_tools(ToolImages {
        flyway: Some("flyway:1".to_owned()),
        ..ToolImages::default()
    });
    let job = made(&options("Goose"), &settings);
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(
        (
            &pod["volumes"],
            &pod["initContainers"][1],
            &pod["containers"][0]["volumeMounts"],
        ),
        (
            &json!([
                {"name": "runner", "emptyDir": {}},
                {"name": "tmp", "emptyDir": {}},
                {"name": "files", "emptyDir": {}},
                {"name": "config-map", "configMap": {"name": "sql", "optional": true}},
            ]),
            &Value::Null,
            &json!([
                {"name": "runner", "mountPath": "/slipway-runner"},
                {"name": "tmp", "mountPath": "/tmp"},
                {"name": "files", "mountPath": "/slipway-files"},
                {"name": "config-map", "mountPath": "/slipway-config-map", "readOnly": true},
            ]),
        )
    );
    let told = parameters(&job);
    assert_eq!(
        (told.files.as_str(), told.config_map),
        (
            "/slipway-files",
            Some(ConfigMapFiles {
                name: "sql".to_owned(),
                folder: "/slipway-config-map".to_owned(),
                digest: config_map().digest(),
            })
        )
    );
    let image = |options: &Value| {
        made(options, &settings)["spec"]["template"]["spec"]["containers"][0]["image"].clone()
    };
    let own = json!({"tool": "Goose", "source": {"configMap": "sql", "image": "tools:2"}});
    assert_eq!(
        [
            image(&options("Goose")),
            image(&options("Flyway")),
            image(&own)
        ],
        [json!("orders:1"), json!("flyway:1"), json!("tools:2")]
    );
}

/// KEP-4639: the runner copies out of the mount itself, so that a folder that is not there has a reason of its own.
#[test]
fn where_the_platform_says_so_the_files_come_by_a_volume_of_their_image() {
    let settings = Settings {
        images: Images {
            volumes: true,
            ..Images::default()
        },
        ..Settings::default()
    };
    let source = json!({"source": {"path": "/migrations", "image": "sql:9"}});
    let job = made(&source, &settings);
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(
        (
            &pod["volumes"],
            &pod["initContainers"][1],
            &pod["containers"][0]["volumeMounts"],
        ),
        (
            &json!([
                {"name": "runner", "emptyDir": {}},
                {"name": "tmp", "emptyDir": {}},
                {"name": "files", "emptyDir": {}},
                {"name": "source", "image": {"reference": "sql:9"}},
            ]),
            &Value::Null,
            &json!([
                {"name": "runner", "mountPath": "/slipway-runner"},
                {"name": "tmp", "mountPath": "/tmp"},
                {"name": "files", "mountPath": "/slipway-files"},
                {"name": "source", "mountPath": "/slipway-image", "readOnly": true},
            ]),
        )
    );
    let told = parameters(&job);
    assert_eq!(
        (told.files.as_str(), told.image_folder.as_deref()),
        ("/slipway-files", Some("/slipway-image/migrations"))
    );
}

#[test]
fn a_tool_path_means_the_image_of_the_files_whatever_tool_image_the_platform_has() {
    let settings = with_tools(ToolImages {
        goose: Some("tools:1".to_owned()),
        flyway: Some("flyway:1".to_owned()),
        ..ToolImages::default()
    });
    let of = |options: &Value| {
        let job = made(options, &settings);
        let image = job.pointer("/spec/template/spec/containers/0/image");
        (image.cloned(), parameters(&job).tool_path)
    };
    assert_eq!(of(&json!({})), (Some(json!("tools:1")), None));
    let other = |tool: &str| of(&json!({"tool": tool})).0;
    assert_eq!(
        (other("Flyway"), other("GolangMigrate")),
        (Some(json!("flyway:1")), Some(json!("orders:1")))
    );
    assert_eq!(
        of(&json!({"toolPath": "/bin/goose"})),
        (Some(json!("orders:1")), Some("/bin/goose".to_owned()))
    );
}
