//! Connection strings, built from parts so that no name can end a value or add a parameter. Pure. A password is never in one.

use crate::api::database::TlsMode;

/// A value of a `keyword=value` string as libpq and pgx read it: in single quotes, a backslash before `'` and `\`.
#[must_use]
pub fn quoted(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('\'');
    for character in value.chars() {
        if matches!(character, '\'' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('\'');
    out
}

/// What goose gets as `GOOSE_DBSTRING`; the password goes by `PGPASSWORD`.
#[must_use]
pub fn postgresql(host: &str, port: i32, database: &str, user: &str, tls: TlsMode) -> String {
    format!(
        "host={} port={port} dbname={} user={} sslmode={}",
        quoted(host),
        quoted(database),
        quoted(user),
        sslmode(tls)
    )
}

/// libpq's word for how much encryption is asked for.
#[must_use]
pub fn sslmode(tls: TlsMode) -> &'static str {
    match tls {
        TlsMode::Disable => "disable",
        TlsMode::Prefer => "prefer",
        TlsMode::Require => "require",
        TlsMode::VerifyFull => "verify-full",
    }
}

#[cfg(test)]
mod tests {
    use super::{postgresql, quoted};
    use crate::api::database::TlsMode;

    #[test]
    fn no_name_can_end_its_value_or_add_a_parameter() {
        assert_eq!(quoted(r"a' sslmode='\"), r"'a\' sslmode=\'\\'");
        assert_eq!(
            postgresql("db", 5432, "it's", "", TlsMode::VerifyFull),
            r"host='db' port=5432 dbname='it\'s' user='' sslmode=verify-full"
        );
    }
}
