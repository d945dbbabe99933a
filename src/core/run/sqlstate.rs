//! Names of SQLSTATEs, as PostgreSQL's manual lists them (appendix A): what a message may say of a database error without quoting a row.
//! MySQL's numbers have theirs in `core::migration::mysql_error`.

use crate::core::migration::mysql_error;

/// Code and name as a message says them: `SQLSTATE 23505 unique_violation`, `MySQL error 1062 ER_DUP_ENTRY`.
#[must_use]
pub fn described(code: &str) -> String {
    if mysql_error::is_number(code) {
        format!("MySQL error {code} {}", mysql_error::name(code))
    } else {
        format!("SQLSTATE {code} {}", name(code))
    }
}

/// The condition's name; for a code that is not listed, that of its class.
#[must_use]
pub fn name(code: &str) -> &'static str {
    CODES
        .iter()
        .find(|(listed, _)| *listed == code)
        .map_or_else(|| class_name(code), |(_, name)| name)
}

fn class_name(code: &str) -> &'static str {
    CLASSES
        .iter()
        .find(|(class, _)| code.starts_with(class))
        .map_or("error", |(_, name)| name)
}

const CODES: [(&str, &str); 62] = [
    ("08000", "connection_exception"),
    ("08001", "sqlclient_unable_to_establish_sqlconnection"),
    ("08003", "connection_does_not_exist"),
    ("08004", "sqlserver_rejected_establishment_of_sqlconnection"),
    ("08006", "connection_failure"),
    ("0A000", "feature_not_supported"),
    ("21000", "cardinality_violation"),
    ("22001", "string_data_right_truncation"),
    ("22003", "numeric_value_out_of_range"),
    ("22004", "null_value_not_allowed"),
    ("22007", "invalid_datetime_format"),
    ("22008", "datetime_field_overflow"),
    ("22012", "division_by_zero"),
    ("22023", "invalid_parameter_value"),
    ("22P02", "invalid_text_representation"),
    ("23000", "integrity_constraint_violation"),
    ("23502", "not_null_violation"),
    ("23503", "foreign_key_violation"),
    ("23505", "unique_violation"),
    ("23514", "check_violation"),
    ("23P01", "exclusion_violation"),
    ("25001", "active_sql_transaction"),
    ("25006", "read_only_sql_transaction"),
    ("25P02", "in_failed_sql_transaction"),
    ("25P03", "idle_in_transaction_session_timeout"),
    ("28000", "invalid_authorization_specification"),
    ("28P01", "invalid_password"),
    ("2BP01", "dependent_objects_still_exist"),
    ("3D000", "invalid_catalog_name"),
    ("3F000", "invalid_schema_name"),
    ("40001", "serialization_failure"),
    ("40P01", "deadlock_detected"),
    ("42501", "insufficient_privilege"),
    ("42601", "syntax_error"),
    ("42602", "invalid_name"),
    ("42611", "invalid_column_definition"),
    ("42701", "duplicate_column"),
    ("42702", "ambiguous_column"),
    ("42703", "undefined_column"),
    ("42704", "undefined_object"),
    ("42710", "duplicate_object"),
    ("42723", "duplicate_function"),
    ("42804", "datatype_mismatch"),
    ("42830", "invalid_foreign_key"),
    ("42846", "cannot_coerce"),
    ("42883", "undefined_function"),
    ("42939", "reserved_name"),
    ("42P01", "undefined_table"),
    ("42P06", "duplicate_schema"),
    ("42P07", "duplicate_table"),
    ("42P16", "invalid_table_definition"),
    ("53000", "insufficient_resources"),
    ("53100", "disk_full"),
    ("53200", "out_of_memory"),
    ("53300", "too_many_connections"),
    ("55006", "object_in_use"),
    ("55P03", "lock_not_available"),
    ("57014", "query_canceled"),
    ("57P01", "admin_shutdown"),
    ("57P02", "crash_shutdown"),
    ("57P03", "cannot_connect_now"),
    ("P0001", "raise_exception"),
];

const CLASSES: [(&str, &str); 18] = [
    ("08", "connection_exception"),
    ("0A", "feature_not_supported"),
    ("21", "cardinality_violation"),
    ("22", "data_exception"),
    ("23", "integrity_constraint_violation"),
    ("25", "invalid_transaction_state"),
    ("28", "invalid_authorization_specification"),
    ("2B", "dependent_privilege_descriptors_still_exist"),
    ("3D", "invalid_catalog_name"),
    ("3F", "invalid_schema_name"),
    ("40", "transaction_rollback"),
    ("42", "syntax_error_or_access_rule_violation"),
    ("53", "insufficient_resources"),
    ("54", "program_limit_exceeded"),
    ("55", "object_not_in_prerequisite_state"),
    ("57", "operator_intervention"),
    ("P0", "plpgsql_error"),
    ("XX", "internal_error"),
];

#[cfg(test)]
mod tests {
    use super::{described, name};

    #[test]
    fn a_listed_code_has_its_own_name_and_another_that_of_its_class() {
        let names = ["23505", "23999", "ZZ000"].map(name);
        assert_eq!(
            names,
            [
                "unique_violation",
                "integrity_constraint_violation",
                "error"
            ]
        );
        assert_eq!(
            ["23505", "1062"].map(described),
            [
                "SQLSTATE 23505 unique_violation",
                "MySQL error 1062 ER_DUP_ENTRY"
            ]
        );
    }
}
