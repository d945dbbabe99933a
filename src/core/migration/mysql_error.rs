//! Errors of MySQL and MariaDB by their numbers: what each is called, whether it can pass, and what may be said of it. Pure.
//!
//! A message quotes values where it quotes anything: `Duplicate entry 'ann' for key 'email'`. So only the words of some numbers, which name
//! objects alone, are given as they are, and only in the server's own form: an author may borrow any number for words of his own (SIGNAL).

use super::message::clean;

/// The number of words that a migration's author raised: nothing of them may leave the pod.
pub const RAISED: &str = "1644";

/// Words that name an object: what stands before it, what follows it. `|`: the last such place counts, as a value may stand before.
const OBJECTS: [(&str, &str, &str); 19] = [
    ("1050", "Table '", "' already exists"),
    ("1054", "Unknown column '", "' in "),
    ("1060", "Duplicate column name '", "'"),
    ("1061", "Duplicate key name '", "'"),
    ("1091", "Can't DROP COLUMN `", "`; check that it exists"),
    ("1091", "Can't DROP INDEX `", "`; check that it exists"),
    ("1091", "Can't DROP CONSTRAINT `", "`; check that it exists"),
    (
        "1091",
        "Can't DROP FOREIGN KEY `",
        "`; check that it exists",
    ),
    ("1091", "Can't DROP '", "'; check that column/key exists"),
    ("1146", "Table '", "' doesn't exist"),
    ("1051", "Unknown table '", "'"),
    ("1048", "Column '", "' cannot be null"),
    ("1062", "|' for key '", "'"),
    ("1264", "Out of range value for column '", "' at row"),
    ("1406", "Data too long for column '", "' at row"),
    ("1451", "|CONSTRAINT `", "`"),
    ("1452", "|CONSTRAINT `", "`"),
    ("3819", "Check constraint '", "' is violated."),
    ("4025", "CONSTRAINT `", "` failed for"),
];

/// Numbers whose words in the server's own form are given as they are.
const PLAIN: [&str; 6] = ["1050", "1054", "1060", "1061", "1091", "1146"];

/// Numbers by name, as the manuals list them. Up to 1999 MySQL and MariaDB mean the same by a number; from 3000 to 3999 MySQL alone has them
/// (MariaDB repeats some of its); from 4000 on each goes its own way, so that only what MariaDB means is named there.
const NAMES: [(&str, &str); 86] = [
    ("1005", "ER_CANT_CREATE_TABLE"),
    ("1007", "ER_DB_CREATE_EXISTS"),
    ("1021", "ER_DISK_FULL"),
    ("1022", "ER_DUP_KEY"),
    ("1025", "ER_ERROR_ON_RENAME"),
    ("1030", "ER_GET_ERRNO"),
    ("1036", "ER_OPEN_AS_READONLY"),
    ("1040", "ER_CON_COUNT_ERROR"),
    ("1041", "ER_OUT_OF_RESOURCES"),
    ("1042", "ER_BAD_HOST_ERROR"),
    ("1043", "ER_HANDSHAKE_ERROR"),
    ("1044", "ER_DBACCESS_DENIED_ERROR"),
    ("1045", "ER_ACCESS_DENIED_ERROR"),
    ("1047", "ER_UNKNOWN_COM_ERROR"),
    ("1048", "ER_BAD_NULL_ERROR"),
    ("1049", "ER_BAD_DB_ERROR"),
    ("1050", "ER_TABLE_EXISTS_ERROR"),
    ("1051", "ER_BAD_TABLE_ERROR"),
    ("1052", "ER_NON_UNIQ_ERROR"),
    ("1053", "ER_SERVER_SHUTDOWN"),
    ("1054", "ER_BAD_FIELD_ERROR"),
    ("1060", "ER_DUP_FIELDNAME"),
    ("1061", "ER_DUP_KEYNAME"),
    ("1062", "ER_DUP_ENTRY"),
    ("1064", "ER_PARSE_ERROR"),
    ("1067", "ER_INVALID_DEFAULT"),
    ("1068", "ER_MULTIPLE_PRI_KEY"),
    ("1071", "ER_TOO_LONG_KEY"),
    ("1072", "ER_KEY_COLUMN_DOES_NOT_EXITS"),
    ("1075", "ER_WRONG_AUTO_KEY"),
    ("1091", "ER_CANT_DROP_FIELD_OR_KEY"),
    ("1101", "ER_BLOB_CANT_HAVE_DEFAULT"),
    ("1105", "ER_UNKNOWN_ERROR"),
    ("1114", "ER_RECORD_FILE_FULL"),
    ("1118", "ER_TOO_BIG_ROWSIZE"),
    ("1129", "ER_HOST_IS_BLOCKED"),
    ("1130", "ER_HOST_NOT_PRIVILEGED"),
    ("1135", "ER_CANT_CREATE_THREAD"),
    ("1136", "ER_WRONG_VALUE_COUNT_ON_ROW"),
    ("1142", "ER_TABLEACCESS_DENIED_ERROR"),
    ("1143", "ER_COLUMNACCESS_DENIED_ERROR"),
    ("1146", "ER_NO_SUCH_TABLE"),
    ("1153", "ER_NET_PACKET_TOO_LARGE"),
    ("1158", "ER_NET_READ_ERROR"),
    ("1159", "ER_NET_READ_INTERRUPTED"),
    ("1160", "ER_NET_ERROR_ON_WRITE"),
    ("1161", "ER_NET_WRITE_INTERRUPTED"),
    ("1170", "ER_BLOB_KEY_WITHOUT_LENGTH"),
    ("1171", "ER_PRIMARY_CANT_HAVE_NULL"),
    ("1203", "ER_TOO_MANY_USER_CONNECTIONS"),
    ("1205", "ER_LOCK_WAIT_TIMEOUT"),
    ("1213", "ER_LOCK_DEADLOCK"),
    ("1215", "ER_CANNOT_ADD_FOREIGN"),
    ("1226", "ER_USER_LIMIT_REACHED"),
    ("1227", "ER_SPECIFIC_ACCESS_DENIED_ERROR"),
    ("1235", "ER_NOT_SUPPORTED_YET"),
    ("1251", "ER_NOT_SUPPORTED_AUTH_MODE"),
    ("1264", "ER_WARN_DATA_OUT_OF_RANGE"),
    ("1265", "WARN_DATA_TRUNCATED"),
    ("1290", "ER_OPTION_PREVENTS_STATEMENT"),
    ("1292", "ER_TRUNCATED_WRONG_VALUE"),
    ("1305", "ER_SP_DOES_NOT_EXIST"),
    ("1317", "ER_QUERY_INTERRUPTED"),
    ("1364", "ER_NO_DEFAULT_FOR_FIELD"),
    ("1366", "ER_TRUNCATED_WRONG_VALUE_FOR_FIELD"),
    ("1406", "ER_DATA_TOO_LONG"),
    ("1451", "ER_ROW_IS_REFERENCED_2"),
    ("1452", "ER_NO_REFERENCED_ROW_2"),
    ("1524", "ER_PLUGIN_IS_NOT_LOADED"),
    ("1644", "ER_SIGNAL_EXCEPTION"),
    ("1698", "ER_ACCESS_DENIED_NO_PASSWORD_ERROR"),
    ("1792", "ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION"),
    ("1820", "ER_MUST_CHANGE_PASSWORD"),
    ("1836", "ER_READ_ONLY_MODE"),
    ("1862", "ER_MUST_CHANGE_PASSWORD_LOGIN"),
    ("1927", "ER_CONNECTION_KILLED"),
    ("3032", "ER_SERVER_OFFLINE_MODE"),
    ("3098", "ER_BEFORE_DML_VALIDATION_ERROR"),
    ("3100", "ER_RUN_HOOK_ERROR"),
    ("3101", "ER_TRANSACTION_ROLLBACK_DURING_COMMIT"),
    ("3118", "ER_ACCOUNT_HAS_BEEN_LOCKED"),
    ("3159", "ER_SECURE_TRANSPORT_REQUIRED"),
    ("3169", "ER_SESSION_WAS_KILLED"),
    ("3750", "ER_TABLE_WITHOUT_PK"),
    ("3819", "ER_CHECK_CONSTRAINT_VIOLATED"),
    ("4025", "ER_CONSTRAINT_FAILED"),
];

/// Whether a code is a number of MySQL's and no SQLSTATE, which has five characters.
#[must_use]
pub fn is_number(code: &str) -> bool {
    code.len() == 4 && code.bytes().all(|byte| byte.is_ascii_digit())
}

/// The number's name; `error` for one that is not listed.
#[must_use]
pub fn name(code: &str) -> &'static str {
    NAMES
        .iter()
        .find(|(listed, _)| *listed == code)
        .map_or("error", |(_, name)| name)
}

/// Why a session was not let in, or ended, with this number; `None` for one that speaks of a statement.
///
/// Beyond what both have, MySQL's: an account that is locked (3118; MariaDB 4151), that was blocked after wrong passwords (3955) or whose
/// password has expired (1820, 1862), one of a method that the server has not loaded (1524: `mysql_native_password` in 8.4 and 9), a
/// connection without TLS (3159), a server in offline mode (3032), a session that was killed or idle for too long (3169, 4031). Galera's: a
/// node that is not ready (1047).
#[must_use]
pub fn connection_reason(code: &str) -> Option<&'static str> {
    match code {
        "1290" | "1792" | "1836" => Some("DatabaseReadOnly"),
        "1044" | "1045" | "1130" | "1227" | "1251" | "1524" | "1698" | "1820" | "1862" | "3118"
        | "3159" | "3955" | "4151" => Some("AuthenticationFailed"),
        "1040" | "1041" | "1042" | "1043" | "1047" | "1049" | "1053" | "1129" | "1135" | "1158"
        | "1159" | "1160" | "1161" | "1203" | "1205" | "1213" | "1226" | "1317" | "1927"
        | "3032" | "3169" | "4031" => Some("DatabaseUnreachable"),
        _ => None,
    }
}

/// The words that may leave the pod; empty where none may.
#[must_use]
pub fn text(code: &str, said: &str) -> String {
    if code == RAISED {
        return String::new();
    }
    if PLAIN.contains(&code) && object(code, said).is_some() {
        return said.to_owned();
    }
    without_quoted(said)
}

/// Without everything between the first and the last quote: a value may itself hold quotes.
fn without_quoted(said: &str) -> String {
    const QUOTES: [char; 3] = ['\'', '"', '`'];
    // An apostrophe inside a word is none: `Can't`, `doesn't`.
    let is_quote = |at: usize, character: char| {
        let before = said.get(..at).and_then(|text| text.chars().next_back());
        let after = said
            .get(at + character.len_utf8()..)
            .and_then(|text| text.chars().next());
        QUOTES.contains(&character)
            && !(before.is_some_and(char::is_alphabetic) && after.is_some_and(|next| next == 't'))
    };
    let mut quotes = said
        .char_indices()
        .filter(|(at, character)| is_quote(*at, *character))
        .map(|(at, _)| at);
    let Some(first) = quotes.next() else {
        return said.to_owned();
    };
    let rest = quotes
        .next_back()
        .and_then(|last| said.get(last + 1..))
        .unwrap_or_default();
    format!("{}\"...\"{rest}", said.get(..first).unwrap_or_default())
}

/// The table, column, key or constraint that the server names.
#[must_use]
pub fn object(code: &str, said: &str) -> Option<String> {
    let known = OBJECTS.iter().filter(|(listed, _, _)| *listed == code);
    known
        .filter_map(|(_, before, after)| {
            let rest = match before.strip_prefix('|') {
                Some(before) => said.rsplit_once(before)?.1,
                None => said.strip_prefix(before)?,
            };
            let (name, _) = rest.split_once(after)?;
            (!name.contains(['\'', '`', '"', '\n'])).then(|| clean(name, 128))
        })
        .find(|name| !name.is_empty())
}

/// Where the server's parser stopped: the rest of that line of the statement. Only for finding the line.
#[must_use]
pub fn token(code: &str, said: &str) -> Option<String> {
    if code != "1064" {
        return object(code, said);
    }
    let (_, near) = said.split_once(" near '")?;
    let near = near.rsplit_once("' at line ").map(|(near, _)| near)?;
    let line = near.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{connection_reason, is_number, name, object, text, token};

    /// migrations.md section 2, message.
    #[test]
    fn no_value_of_a_row_is_in_the_text() {
        let cases = [
            (
                "1062",
                "Duplicate entry 'ann' for key 'x' for key 'email'",
                "Duplicate entry \"...\"",
            ),
            (
                "1366",
                "Incorrect integer value: 'ann' for column `a`.`b`.`c` at row 1",
                "Incorrect integer value: \"...\" at row 1",
            ),
            (
                "1050",
                "Table 'users' already exists",
                "Table 'users' already exists",
            ),
            ("1050", "ann 'is' there", "ann \"...\" there"),
            (
                "1091",
                "Can't DROP COLUMN `x`; check that it exists",
                "Can't DROP COLUMN `x`; check that it exists",
            ),
            (
                "1005",
                "Can't create table `a`.`b` (errno: 150 \"Foreign key\")",
                "Can't create table \"...\")",
            ),
            ("1644", "ann is there", ""),
            (
                "1064",
                "You have an error in your SQL syntax; check the manual for the right syntax to use near 'TABEL b (id int)' at line 1",
                "You have an error in your SQL syntax; check the manual for the right syntax to use near \"...\" at line 1",
            ),
        ];
        for (code, said, expected) in cases {
            assert_eq!(text(code, said), expected);
        }
    }

    #[test]
    fn the_object_is_what_the_server_names_whatever_a_value_says() {
        let cases = [
            (
                "1062",
                "Duplicate entry 'a' for key 'evil' for key 'email'",
                Some("email"),
            ),
            ("1050", "Table 'users' already exists", Some("users")),
            (
                "1452",
                "Cannot add or update a child row: a foreign key constraint fails (`a`.`b`, CONSTRAINT `b_fk` FOREIGN KEY (`x`) REFERENCES `c` (`id`))",
                Some("b_fk"),
            ),
            ("1054", "Unknown column 'nme' in 'field list'", Some("nme")),
            (
                "3819",
                "Check constraint 'age_is_positive' is violated.",
                Some("age_is_positive"),
            ),
            (
                "1205",
                "Lock wait timeout exceeded; try restarting transaction",
                None,
            ),
        ];
        for (code, said, expected) in cases {
            assert_eq!(object(code, said).as_deref(), expected, "{said}");
        }
    }

    /// The numbers that MySQL 8.0, 8.4 and 9 have for what MariaDB has other numbers for, and Galera's.
    #[test]
    fn why_nobody_was_let_in_is_told_by_its_reason() {
        let reasons = [
            ("1045", Some("AuthenticationFailed")),
            ("1524", Some("AuthenticationFailed")),
            ("1862", Some("AuthenticationFailed")),
            ("3118", Some("AuthenticationFailed")),
            ("3159", Some("AuthenticationFailed")),
            ("1047", Some("DatabaseUnreachable")),
            ("1135", Some("DatabaseUnreachable")),
            ("3032", Some("DatabaseUnreachable")),
            ("4031", Some("DatabaseUnreachable")),
            ("1290", Some("DatabaseReadOnly")),
            ("1064", None),
            ("3750", None),
            ("4025", None),
        ];
        for (code, reason) in reasons {
            assert_eq!(connection_reason(code), reason, "{code}");
        }
    }

    #[test]
    fn the_parsers_place_and_a_numbers_name_are_known() {
        let said = "You have an error near 'TABEL b (\n  id int' at line 2";
        assert_eq!(token("1064", said).as_deref(), Some("TABEL b ("));
        assert_eq!(
            ["1205", "9999"].map(name),
            ["ER_LOCK_WAIT_TIMEOUT", "error"]
        );
        assert_eq!(["1205", "23505"].map(is_number), [true, false]);
    }
}
