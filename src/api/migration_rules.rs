//! CEL rules on a migration that look at more than one field. They are the same for an entry of a Backend and for a Migration, whose fields
//! have the same names; `core::backend::resolve` says the same.

use kube::core::Rule;

/// Variables that say which database is meant and who we are there. Slipway locks that database, so a tool must not be led to another.
pub const CONNECTION_VARIABLES: [&str; 18] = [
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGDATABASE",
    "PGUSER",
    "PGPASSWORD",
    "PGPASSFILE",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGAPPNAME",
    "PGSSLMODE",
    "PGTARGETSESSIONATTRS",
    "PGSSLNEGOTIATION",
    "MYSQL_HOST",
    "MYSQL_PORT",
    "MYSQL_DATABASE",
    "MYSQL_USER",
    "MYSQL_PASSWORD",
];

/// Variables by which Flyway would read the files otherwise than Slipway does, each with the value that changes nothing.
pub const ENCODING_VARIABLES: [(&str, &str); 2] = [
    ("FLYWAY_ENCODING", "UTF-8"),
    ("FLYWAY_DETECT_ENCODING", "false"),
];

/// Whether the source names files.
const HAS_FILES: &str = "has(self.source) && (has(self.source.path) || has(self.source.configMap))";

/// A folder of an image, or a ConfigMap. On the source itself.
pub(super) fn files_come_from_one_place(field: &str) -> Rule {
    Rule::new("!has(self.path) || !has(self.configMap)")
        .message(
            format!("{field}: source has path or configMap, not both, as the files come from one place; remove one")
                .as_str(),
        )
        .field_path(".configMap")
}

/// What is planned is what runs, also where the ConfigMap is changed meanwhile. Of what a person writes Slipway fixes both when it first sees it.
pub(super) fn a_config_map_has_a_digest(field: &str) -> Rule {
    Rule::new("has(self.source.digest) == (has(self.planKey) && has(self.source.configMap))")
        .message(
            format!("{field}: source.digest and planKey are written by Slipway; leave out both where you write a Migration by hand")
                .as_str(),
        )
        .field_path(".source")
}

/// Under another name every value is free.
pub(super) fn environment_leaves_the_connection_alone(field: &str) -> Rule {
    let names: Vec<String> = CONNECTION_VARIABLES
        .iter()
        .map(|name| format!("'{name}'"))
        .collect();
    Rule::new(format!(
        "!has(self.env) || self.env.all(v, !(v.name in [{}]))",
        names.join(", ")
    ))
    .message(
        format!(
            "{field}: env must not set PGHOST, PGUSER, MYSQL_HOST or another variable of the connection, as the Database says where to go; give yours another name and the value $(PGHOST)"
        )
        .as_str(),
    )
    .field_path(".env")
}

/// The checksum that Flyway keeps of a file hangs on how its bytes are read, and Slipway compares it with its own.
pub(super) fn environment_leaves_the_encoding_alone(field: &str) -> Rule {
    let harmless: Vec<String> = ENCODING_VARIABLES
        .iter()
        .map(|(name, value)| {
            format!("(v.name != '{name}' || (has(v.value) && v.value == '{value}'))")
        })
        .collect();
    Rule::new(format!(
        "!has(self.env) || self.env.all(v, {})",
        harmless.join(" && ")
    ))
    .message(
        format!(
            "{field}: env must not set FLYWAY_ENCODING or FLYWAY_DETECT_ENCODING, as Slipway reads the files too, and takes them for UTF-8; remove it, and convert files that are not (iconv -t UTF-8)"
        )
        .as_str(),
    )
    .field_path(".env")
}

/// golang-migrate passes over such a file whatever it is told.
pub(super) fn only_two_tools_run_out_of_order(field: &str) -> Rule {
    Rule::new("!has(self.outOfOrder) || self.tool in ['Goose', 'Flyway']")
        .message(
            format!(
                "{field}: outOfOrder is for Goose and Flyway, as other tools pass over a file with a lower number; remove it and renumber the file"
            )
            .as_str(),
    )
        .field_path(".outOfOrder")
}

/// A program of one's own is named by its command.
pub(super) fn a_program_has_no_tool_path(field: &str) -> Rule {
    Rule::new("!has(self.toolPath) || self.tool != 'Exec'")
        .message(
            format!(
                "{field}: toolPath is not for Exec, whose program is named by its command; remove toolPath"
            )
            .as_str(),
    )
        .field_path(".toolPath")
}

/// A release waits for no soak: only what runs after it has one.
pub(super) fn only_a_late_migration_soaks(field: &str) -> Rule {
    Rule::new("!has(self.soakSeconds) || (has(self.phase) && self.phase == 'AfterRollout')")
        .message(
            format!(
                "{field}: soakSeconds is for phase: AfterRollout only; remove it, or set the phase"
            )
            .as_str(),
        )
        .field_path(".soakSeconds")
}

/// The other tools keep one number in a bigint, and start at 1.
pub(super) fn only_flyways_versions_have_dots(field: &str) -> Rule {
    Rule::new("!has(self.target) || self.tool == 'Flyway' || self.target.matches('^[1-9][0-9]{0,17}$')")
        .message(
            format!("{field}: target is one number of at most 18 digits, from 1, but for Flyway; write \"7\"")
                .as_str(),
        )
        .field_path(".target")
}

/// It is the one thing that says what to run.
pub(super) fn a_program_has_a_command(field: &str) -> Rule {
    Rule::new("(self.tool == 'Exec') == has(self.command)")
        .message(
            format!(
                "{field}: command is the program of tool Exec and of no other; give Exec its command, and remove it elsewhere"
            )
            .as_str(),
        )
        .field_path(".command")
}

/// The other tools are read back always, and say themselves what may be repeated.
pub(super) fn only_a_program_is_read_back(field: &str) -> Rule {
    Rule::new("self.tool == 'Exec' || (!has(self.readBack) && !has(self.idempotent))")
        .message(
            format!(
                "{field}: readBack and idempotent are for tool Exec, as Slipway knows them of the other tools; remove them"
            )
            .as_str(),
        )
        .field_path(".readBack")
}

/// A program of one's own has no version table that Slipway knows how to read.
pub(super) fn only_what_is_read_back_has_a_version_table(field: &str) -> Rule {
    Rule::new("!has(self.versionTable) || self.tool != 'Exec' || has(self.readBack)")
        .message(
            format!(
                "{field}: versionTable of tool Exec is that of the tool it has built in; name that tool in readBack, or remove versionTable"
            )
            .as_str(),
        )
        .field_path(".versionTable")
}

/// A version means something only where it can be looked for among files and read from a table.
pub(super) fn a_target_is_that_of_files(field: &str) -> Rule {
    Rule::new(format!(
        "!has(self.target) || self.tool != 'Exec' || (has(self.readBack) && {HAS_FILES})"
    ))
    .message(
        format!(
            "{field}: target of tool Exec needs readBack and files (source.path or source.configMap), or nothing tells whether it was reached; add them, or remove target"
        )
        .as_str(),
    )
    .field_path(".target")
}

/// Without files a tool has nothing to do.
pub(super) fn a_tool_has_files(field: &str) -> Rule {
    Rule::new(format!("self.tool == 'Exec' || ({HAS_FILES})"))
        .message(
            format!("{field}: source says where the files are; give it, for example {{path: /migrations}} or {{configMap: orders-sql}}")
                .as_str(),
        )
        .field_path(".source")
}
