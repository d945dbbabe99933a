//! Calls of functions. What a function does cannot be read from the file that calls it, so only those of the engine itself that are
//! known to change no table count as harmless.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::words::{is_word, word};

/// Words after which a parenthesis is no call.
const NO_CALLS: [&str; 64] = [
    "ALL",
    "AND",
    "ANY",
    "ARRAY",
    "AS",
    "BETWEEN",
    "BIT",
    "BY",
    "CASE",
    "CHAR",
    "CHARACTER",
    "CHECK",
    "COLUMNS",
    "CONFLICT",
    "DEC",
    "DECIMAL",
    "DISTINCT",
    "ELSE",
    "ELSIF",
    "END",
    "ENUM",
    "EXCEPT",
    "EXISTS",
    "FILTER",
    "FLOAT",
    "FROM",
    "GROUP",
    "HAVING",
    "IF",
    "IN",
    "INDEX",
    "INTERSECT",
    "JOIN",
    "KEY",
    "LATERAL",
    "LIMIT",
    "MATERIALIZED",
    "NOT",
    "NUMERIC",
    "OFFSET",
    "ON",
    "OR",
    "OVER",
    "PARTITION",
    "RETURN",
    "RETURNING",
    "ROW",
    "SELECT",
    "SET",
    "SETS",
    "SOME",
    "STDIN",
    "TABLE",
    "THEN",
    "TIME",
    "TIMESTAMP",
    "UNION",
    "UNIQUE",
    "USING",
    "VALUES",
    "VARCHAR",
    "WHEN",
    "WHERE",
    "WITH",
];

/// Words before the name of a table or of columns, after which its parenthesis holds columns.
const BEFORE_TABLES: [&str; 7] = [
    "AS",
    "COPY",
    "IGNORE",
    "INSERT",
    "INTO",
    "REFERENCES",
    "WITH",
];

/// Functions of the engines that read or compute, or change a sequence.
const HARMLESS: [&str; 161] = [
    "ABS",
    "AGE",
    "ARRAY_AGG",
    "ARRAY_APPEND",
    "ARRAY_LENGTH",
    "ARRAY_POSITION",
    "ARRAY_REMOVE",
    "ARRAY_TO_STRING",
    "ASCII",
    "AVG",
    "BIN",
    "BIN_TO_UUID",
    "BOOL_AND",
    "BOOL_OR",
    "BTRIM",
    "CARDINALITY",
    "CAST",
    "CEIL",
    "CEILING",
    "CHAR_LENGTH",
    "CHARACTER_LENGTH",
    "CHR",
    "CLOCK_TIMESTAMP",
    "COALESCE",
    "COL_DESCRIPTION",
    "CONCAT",
    "CONCAT_WS",
    "CONVERT",
    "COUNT",
    "CRC32",
    "CURDATE",
    "CURRENT_DATABASE",
    "CURRENT_SCHEMA",
    "CURRENT_SETTING",
    "CURRENT_TIMESTAMP",
    "CURRENT_USER",
    "CURRVAL",
    "CURTIME",
    "DATABASE",
    "DATE",
    "DATE_ADD",
    "DATE_FORMAT",
    "DATE_PART",
    "DATE_SUB",
    "DATE_TRUNC",
    "DATEDIFF",
    "DAY",
    "DECODE",
    "DENSE_RANK",
    "DIGEST",
    "ENCODE",
    "EVERY",
    "EXP",
    "EXTRACT",
    "FIND_IN_SET",
    "FIRST_VALUE",
    "FLOOR",
    "FORMAT",
    "FORMAT_TYPE",
    "FOUND_ROWS",
    "FROM_UNIXTIME",
    "GEN_RANDOM_UUID",
    "GENERATE_SERIES",
    "GREATEST",
    "GROUP_CONCAT",
    "HASHTEXT",
    "HEX",
    "HOUR",
    "IFNULL",
    "INITCAP",
    "INSTR",
    "ISNULL",
    "JSON_AGG",
    "JSON_ARRAY",
    "JSON_BUILD_OBJECT",
    "JSON_CONTAINS",
    "JSON_EXTRACT",
    "JSON_OBJECT",
    "JSON_SET",
    "JSON_UNQUOTE",
    "JSONB_AGG",
    "JSONB_ARRAY_ELEMENTS",
    "JSONB_BUILD_ARRAY",
    "JSONB_BUILD_OBJECT",
    "JSONB_EACH",
    "JSONB_SET",
    "JSONB_TYPEOF",
    "LAG",
    "LAST_INSERT_ID",
    "LAST_VALUE",
    "LEAD",
    "LEAST",
    "LEFT",
    "LENGTH",
    "LOCATE",
    "LOWER",
    "LPAD",
    "LTRIM",
    "MAKE_INTERVAL",
    "MAX",
    "MD5",
    "MIN",
    "MINUTE",
    "MOD",
    "MONTH",
    "NEXTVAL",
    "NOW",
    "NTILE",
    "NULLIF",
    "OBJ_DESCRIPTION",
    "OCTET_LENGTH",
    "OVERLAY",
    "PG_GET_SERIAL_SEQUENCE",
    "PG_NOTIFY",
    "PG_TRY_ADVISORY_XACT_LOCK",
    "POSITION",
    "POW",
    "POWER",
    "QUOTE_IDENT",
    "QUOTE_LITERAL",
    "QUOTE_NULLABLE",
    "RAND",
    "RANDOM",
    "RANK",
    "REGEXP_MATCHES",
    "REGEXP_REPLACE",
    "REPEAT",
    "REPLACE",
    "REVERSE",
    "RIGHT",
    "ROUND",
    "ROW_COUNT",
    "ROW_NUMBER",
    "ROW_TO_JSON",
    "RPAD",
    "RTRIM",
    "SECOND",
    "SETVAL",
    "SETWEIGHT",
    "SHA1",
    "SHA2",
    "SIGN",
    "SPLIT_PART",
    "SQRT",
    "STATEMENT_TIMESTAMP",
    "STR_TO_DATE",
    "STRING_AGG",
    "STRING_TO_ARRAY",
    "SUBSTR",
    "SUBSTRING",
    "SUM",
    "TO_CHAR",
    "TO_DATE",
    "TO_JSONB",
    "TO_TIMESTAMP",
    "TO_TSVECTOR",
    "TRIM",
    "TRUNC",
    "UNNEST",
    "UPPER",
    "UUID",
];

/// Functions whose result is one and the same for all rows of a statement, so that a column gets it without being written.
const STABLE: [&str; 12] = [
    "CAST",
    "COALESCE",
    "CURRENT_DATE",
    "CURRENT_TIMESTAMP",
    "DATE_TRUNC",
    "JSONB_BUILD_OBJECT",
    "LOWER",
    "NOW",
    "STATEMENT_TIMESTAMP",
    "TIMEZONE",
    "TO_TIMESTAMP",
    "UPPER",
];

/// The first function called in the tokens of which nobody knows what it does.
#[must_use]
pub fn unknown(tokens: &[TokenWithSpan]) -> Option<String> {
    called(tokens).find(|name| !HARMLESS.contains(&name.as_str()))
}

/// The first function called in the tokens that may give each row another value.
#[must_use]
pub fn volatile(tokens: &[TokenWithSpan]) -> Option<String> {
    called(tokens).find(|name| !STABLE.contains(&name.as_str()))
}

/// Names of the functions called, in capitals. A quoted name is one that nobody knows; so is a name in a schema, but for the engine's own.
fn called(tokens: &[TokenWithSpan]) -> impl Iterator<Item = String> {
    tokens.windows(2).enumerate().filter_map(|(place, pair)| {
        let [name, parenthesis] = pair else {
            return None;
        };
        if parenthesis.token != Token::LParen || !matches!(name.token, Token::Word(_)) {
            return None;
        }
        let start = start_of_name(tokens, place);
        let before = start
            .checked_sub(1)
            .and_then(|before| tokens.get(before))
            .map(|token| &token.token);
        let unqualified = start == place;
        let upper = word(&name.token);
        let is_syntax = unqualified
            && upper
                .as_deref()
                .is_some_and(|word| NO_CALLS.contains(&word));
        // `::varchar(20)` is a type, whatever its name.
        let is_type = before == Some(&Token::DoubleColon);
        let is_table =
            before.is_some_and(|token| BEFORE_TABLES.iter().any(|wanted| is_word(token, wanted)));
        if is_syntax || is_type || is_table {
            return None;
        }
        let own = unqualified
            || start + 2 == place
                && tokens
                    .get(start)
                    .is_some_and(|token| is_word(&token.token, "pg_catalog"));
        Some(match upper {
            Some(upper) if own => upper,
            _ => name.token.to_string(),
        })
    })
}

/// Where the dotted name that ends at `place` begins.
fn start_of_name(tokens: &[TokenWithSpan], place: usize) -> usize {
    let mut start = place;
    while let Some(earlier) = start.checked_sub(2) {
        let joined = tokens
            .get(earlier + 1)
            .is_some_and(|token| token.token == Token::Period)
            && tokens
                .get(earlier)
                .is_some_and(|token| matches!(token.token, Token::Word(_)));
        if !joined {
            break;
        }
        start = earlier;
    }
    start
}
